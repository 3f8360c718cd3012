import { describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork, schedulers } from "../../model/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { scriptText } from "../../../test/support/iptables-script.ts";
import { serviceRules } from "./explain.ts";
import { IptablesBook } from "./iptables-book.ts";
import type { RulesOutline } from "./script.ts";
import { shortcomings } from "./shortcomings.ts";

const network = nodeNetwork({ localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] } });
const pods = ["10.244.1.2", "10.244.2.2", "10.244.2.3"].map((address) => endpointAt(address, "node-1"));
const [a, b, c] = pods as [ServicePlan["cluster"][0], ServicePlan["cluster"][0], ServicePlan["cluster"][0]];

function bookWith(...plans: readonly ServicePlan[]): IptablesBook {
  const book = new IptablesBook();
  book.setNetwork(network);
  for (const plan of plans) book.want(plan.service, [plan]);
  const full = book.full();
  scriptText(full.script);
  full.commit();
  return book;
}

/** The change to these plans of tour/web. */
function changed(book: IptablesBook, ...plans: readonly ServicePlan[]): string {
  book.want("tour/web", plans);
  const change = book.changes(["tour/web"]);
  const text = scriptText(change.script);
  change.commit();
  return text;
}

describe("IptablesBook.changes()", () => {
  it("writes the chains of one endpoint, and not the list of Services", () => {
    const book = bookWith(planWith({ cluster: [a, b] }), planWith({ service: "tour/api", clusterIP: "10.96.0.21" }));
    expect(changed(book, planWith({ cluster: [a, c] }))).toMatchInlineSnapshot(`
      "# iptables-restore
      *nat
      :KUBE-SVC-ORTAORPRD4X6OBYF - [0:0]
      :KUBE-SEP-C45WHA7Y7CBUUPDF - [0:0]
      :KUBE-SEP-GRR4LZIFKOKZZU2K - [0:0]
      -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http cluster IP" -d 10.96.0.20 -m tcp -p tcp --dport 80 ! -s 10.244.1.0/24 -j KUBE-MARK-MASQ
      -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-NY74KFWFZDXVSL6C
      -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.2.3:8080" -j KUBE-SEP-C45WHA7Y7CBUUPDF
      -A KUBE-SEP-C45WHA7Y7CBUUPDF -m comment --comment tour/web:http -s 10.244.2.3 -j KUBE-MARK-MASQ
      -A KUBE-SEP-C45WHA7Y7CBUUPDF -m comment --comment tour/web:http -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
      -X KUBE-SEP-GRR4LZIFKOKZZU2K
      COMMIT
      "
    `);
  });

  it("adds and takes away single rules of the list of Services", () => {
    const book = bookWith();
    expect(changed(book, planWith({ cluster: [a] }))).toMatchInlineSnapshot(`
      "# iptables-restore
      *nat
      :KUBE-SVC-ORTAORPRD4X6OBYF - [0:0]
      :KUBE-SEP-NY74KFWFZDXVSL6C - [0:0]
      -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http cluster IP" -d 10.96.0.20 -m tcp -p tcp --dport 80 ! -s 10.244.1.0/24 -j KUBE-MARK-MASQ
      -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -j KUBE-SEP-NY74KFWFZDXVSL6C
      -A KUBE-SEP-NY74KFWFZDXVSL6C -m comment --comment tour/web:http -s 10.244.1.2 -j KUBE-MARK-MASQ
      -A KUBE-SEP-NY74KFWFZDXVSL6C -m comment --comment tour/web:http -m tcp -p tcp -j DNAT --to-destination 10.244.1.2:8080
      -I KUBE-SERVICES 1 -m comment --comment "tour/web:http cluster IP" -d 10.96.0.20 -m tcp -p tcp --dport 80 -j KUBE-SVC-ORTAORPRD4X6OBYF
      COMMIT
      "
    `);
    expect(book.tableRules().map(({ table, last }) => [table, last])).toEqual([
      ["filter", 0],
      ["nat", 5],
    ]);
    expect(changed(book)).toMatchInlineSnapshot(`
      "# iptables-restore
      *nat
      :KUBE-SVC-ORTAORPRD4X6OBYF - [0:0]
      :KUBE-SEP-NY74KFWFZDXVSL6C - [0:0]
      -D KUBE-SERVICES -m comment --comment "tour/web:http cluster IP" -d 10.96.0.20 -m tcp -p tcp --dport 80 -j KUBE-SVC-ORTAORPRD4X6OBYF
      -X KUBE-SVC-ORTAORPRD4X6OBYF
      -X KUBE-SEP-NY74KFWFZDXVSL6C
      COMMIT
      "
    `);
    expect(book.installed).toBe(8);
    expect(book.tableRules().map(({ table, last }) => [table, last])).toEqual([
      ["filter", 0],
      ["nat", 0],
    ]);
  });

  it("keeps the order of rules that come together", () => {
    const localhost = nodeNetwork({ localhostNodePorts: true });
    const book = new IptablesBook();
    book.setNetwork(localhost);
    book.full().commit();
    const text = changed(book, planWith({ cluster: [a], nodePort: 30080 }));
    // The last line comes to lie on top.
    const lines = text.match(/^-I KUBE-NODEPORTS.*$/gm) ?? [];
    expect(lines.map((line) => line.includes("127.0.0.0/8"))).toEqual([false, true]);
  });

  it("never leaves a Service without an answer when its endpoints come and go", () => {
    const book = bookWith(planWith({ cluster: [a] }));
    const tables = (text: string) => text.match(/^(?:\*\w+|-[ID] KUBE-SERVICES)/gm);
    expect(tables(changed(book, planWith({})))).toEqual(["*filter", "-I KUBE-SERVICES", "*nat", "-D KUBE-SERVICES"]);
    expect(tables(changed(book, planWith({ cluster: [a] })))).toEqual([
      "*nat",
      "-I KUBE-SERVICES",
      "*filter",
      "-D KUBE-SERVICES",
    ]);
  });

  it("is empty when nothing changed, and the same until it is committed", () => {
    const book = bookWith(planWith({ cluster: [a] }));
    book.want("tour/web", [planWith({ cluster: [a] })]);
    expect(book.changes(["tour/web"])).toMatchObject({ isEmpty: true, size: 0 });
    book.want("tour/web", [planWith({ cluster: [b] })]);
    const first = scriptText(book.changes(["tour/web"]).script);
    expect(scriptText(book.changes(["tour/web"]).script)).toBe(first);
  });

  it("counts a rule twice that is there twice", () => {
    const twice = { externalIPs: ["203.0.113.5"], loadBalancerIPs: ["203.0.113.5"] };
    const book = bookWith(planWith(twice));
    const text = changed(book, planWith({ loadBalancerIPs: ["203.0.113.5"] }));
    expect(text.match(/^-D KUBE-EXTERNAL-SERVICES/gm)).toHaveLength(1);
  });

  it("writes IPv6 with the first Service that needs it, whole", () => {
    const book = bookWith(planWith({ cluster: [a] }));
    const six = planWith({ family: "IPv6", clusterIP: "fd00:96::1", cluster: [endpointAt("fd00:244::2", "node-1")] });
    const text = changed(book, planWith({ cluster: [a] }), six);
    expect(text).toMatch(/^# ip6tables-restore\n\*mangle/);
    expect(text).not.toContain("# iptables-restore");
  });

  it("comes in runs of whole Services when there is much of it", () => {
    const book = bookWith();
    const names = Array.from({ length: 10 }, (_, i) => `tour/svc-${i}`);
    for (const [i, service] of names.entries()) {
      book.want(service, [planWith({ service, clusterIP: `10.96.1.${i}`, cluster: [a] })]);
    }
    const text = scriptText(book.changes(names).script, new Map(), 4);
    expect(text.match(/^# iptables-restore/gm)).toHaveLength(5);
  });
});

describe("IptablesBook.full()", () => {
  const service = { service: "tour/web", cluster: [a] };
  const linesOf = (book: IptablesBook, there: RulesOutline, chains?: number) =>
    scriptText(book.full().script, there, chains).split("\n");

  it("adds the jumps that are missing and removes those that should not be", () => {
    const portals = '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES';
    const odd = "-A POSTROUTING -s 10.0.0.0/8 -j KUBE-POSTROUTING";
    const others = "-A CNI-HOSTPORT -j KUBE-MARK-MASQ";
    const there = new Map([["nat", { chains: ["PREROUTING"], references: [portals, odd, others] }]]);
    const nat = linesOf(bookWith(planWith(service)), there);
    expect(nat).not.toContainEqual(expect.stringMatching(/^-I PREROUTING/));
    expect(nat).toContainEqual(expect.stringMatching(/^-I POSTROUTING 1 .*-j KUBE-POSTROUTING$/));
    expect(nat).toContain("-D POSTROUTING -s 10.0.0.0/8 -j KUBE-POSTROUTING");
    expect(nat.join("\n")).not.toContain("CNI-HOSTPORT");
  });

  it("takes away chains of Services that are not wanted, and none of others", () => {
    const stale = "KUBE-SVC-AAAAAAAAAAAAAAAA";
    const chains = [stale, "KUBE-KUBELET-CANARY", "KUBE-SERVICES", "DOCKER"];
    const text = scriptText(bookWith().full().script, new Map([["nat", { chains, references: [] }]]));
    const lines = (text.split("# ip6tables-restore")[0] ?? "").split("\n");
    expect(lines.filter((line) => line.startsWith("-X"))).toEqual([`-X ${stale}`]);
    expect(lines).toContain(`:${stale} - [0:0]`);
  });

  describe("in runs of a limited size", () => {
    const plans = Array.from({ length: 6 }, (_, i) =>
      planWith({ service: `tour/svc-${i}`, clusterIP: `10.96.1.${i}`, cluster: [a, b] }),
    );
    const runsOver = (chains: readonly string[]): readonly string[] => {
      const text = scriptText(bookWith(...plans).full().script, new Map([["nat", { chains, references: [] }]]), 6);
      return (text.split("# ip6tables-restore")[0] ?? "").split("# iptables-restore\n").slice(1);
    };
    const listed = (run: string | undefined) => run?.match(/^-A KUBE-SERVICES/gm)?.length ?? 0;

    it("defines chains before anything leads to them", () => {
      const runs = runsOver(["KUBE-SERVICES"]);
      expect(runs.map(listed)).toEqual([0, 0, 7]);
      // Masquerading goes on while the rest is written.
      for (const run of runs.slice(0, -1)) expect(run).toContain("-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000");
      expect(runs.at(-1)).toContain(":KUBE-SERVICES - [0:0]\n");
    });

    it("lets the list of Services grow where nothing is, and leads to it at last", () => {
      const runs = runsOver([]);
      expect(runs.map(listed)).toEqual([2, 2, 3]);
      expect(runs.slice(0, -1).join("")).not.toMatch(/^-I/m);
      // Its definition would empty it.
      const nat = runs.flatMap((run) => run.match(/^\*nat\n[^*]*/gm) ?? []);
      expect(nat.map((table) => table.includes(":KUBE-SERVICES - [0:0]\n"))).toEqual([true, false, false]);
    });
  });

  it("leaves comments out of the chains of Services when there are many endpoints", () => {
    const cluster = Array.from({ length: 1001 }, (_, i) => endpointAt(`10.1.${i >> 8}.${i & 255}`, "n"));
    const lines = linesOf(bookWith(planWith({ cluster })), new Map());
    expect(lines.filter((line) => /^-A KUBE-S(VC|EP)-.*comment/.test(line))).toEqual([]);
    expect(lines).toContainEqual(expect.stringMatching(/^-A KUBE-SERVICES .*"tour\/web:http cluster IP"/));
  });

  it("leaves IPv6 alone until something wants it, and takes away what is left of it", () => {
    const book = bookWith(planWith(service));
    expect(scriptText(book.full().script)).not.toContain("ip6tables");
    const left = new Map([["nat", { chains: ["KUBE-SERVICES"], references: ["-A OUTPUT -j KUBE-SERVICES"] }]]);
    expect(scriptText(book.full().script, left)).toContain(
      "# ip6tables-restore\n*nat\n:KUBE-SERVICES - [0:0]\n-D OUTPUT -j KUBE-SERVICES\n-X KUBE-SERVICES\nCOMMIT\n",
    );
  });
});

describe("IptablesBook.removal()", () => {
  const removed = (there: RulesOutline) =>
    scriptText({ kind: "write", families: new IptablesBook().removal().families.slice(0, 1) }, there);

  it("does nothing where there is nothing", () => expect(removed(new Map())).toBe(""));

  it("leaves the kubelet's chain and what others lead to", () => {
    const there = new Map([
      [
        "filter",
        { chains: ["INPUT", "KUBE-FIREWALL", "KUBE-KUBELET-CANARY"], references: ["-A INPUT -j KUBE-FIREWALL"] },
      ],
      [
        "nat",
        {
          chains: ["KUBE-MARK-MASQ", "KUBE-SERVICES"],
          references: ["-A CNI-DN -j KUBE-MARK-MASQ", "-A OUTPUT -j KUBE-SERVICES"],
        },
      ],
    ]);
    expect(removed(there)).toBe(
      "# iptables-restore\n*nat\n:KUBE-SERVICES - [0:0]\n-D OUTPUT -j KUBE-SERVICES\n-X KUBE-SERVICES\nCOMMIT\n",
    );
  });
});

describe("endpoints are picked", () => {
  const picks = (plan: ServicePlan) =>
    serviceRules([plan], network)
      .filter(({ text }) => / -A KUBE-SVC-.*-j KUBE-SEP-/.test(text))
      .map(({ text }) => /--(?:probability|every) \S+/.exec(text)?.[0] ?? "rest");
  const weighted = [
    { ...a, weight: 1 },
    { ...b, weight: 2 },
    { ...c, weight: 5 },
  ];

  it.each([
    ["evenly", planWith({ cluster: pods }), ["--probability 0.3333333333", "--probability 0.5000000000", "rest"]],
    [
      "by weight",
      planWith({ cluster: weighted }),
      ["--probability 0.1250000000", "--probability 0.2857142857", "rest"],
    ],
    ["by the highest weight alone", planWith({ cluster: weighted, scheduler: "fo" }), ["rest"]],
    ["in turn", planWith({ cluster: weighted, scheduler: "rr" }), ["--every 3", "--every 2", "rest"]],
  ] as const)("%s", (_how, plan, expected) => expect(picks(plan)).toEqual(expected));
});

describe("shortcomings()", () => {
  it("names every scheduler that iptables does not have", () => {
    const named = schedulers.filter((scheduler) => shortcomings(planWith({ scheduler })).length > 0);
    expect(schedulers.filter((scheduler) => !named.includes(scheduler))).toEqual(["random", "rr", "fo"]);
    expect(shortcomings(planWith({}))).toEqual([]);
  });
});

describe("serviceRules()", () => {
  it("says what each rule is there for", () => {
    const plan = planWith({
      cluster: [a, b],
      local: [a],
      nodePort: 30080,
      loadBalancerIPs: ["192.168.100.200"],
      externalTrafficPolicy: "Local",
      sourceRanges: [cidr("192.168.100.0/24")],
      affinitySeconds: 60,
    });
    const text = serviceRules([plan], network).map((rule) => `${rule.text}\n  ${rule.meaning}`);
    expect(text.join("\n")).toMatchInlineSnapshot(`
      "iptables -t nat -A KUBE-SERVICES -m comment --comment "tour/web:http cluster IP" -d 10.96.0.20 -m tcp -p tcp --dport 80 -j KUBE-SVC-ORTAORPRD4X6OBYF
        Connections to the cluster IP go to KUBE-SVC-ORTAORPRD4X6OBYF.
      iptables -t nat -A KUBE-SERVICES -m comment --comment "tour/web:http loadbalancer IP" -d 192.168.100.200 -m tcp -p tcp --dport 80 -j KUBE-FW-ORTAORPRD4X6OBYF
        Connections to this LoadBalancer address go to KUBE-FW-ORTAORPRD4X6OBYF, which looks at the source first.
      iptables -t filter -A KUBE-PROXY-FIREWALL -m comment --comment "tour/web:http traffic not accepted by KUBE-FW-ORTAORPRD4X6OBYF" -d 192.168.100.200 -m tcp -p tcp --dport 80 -j DROP
        Still has the LoadBalancer address, so its source is in no permitted range: dropped.
      iptables -t nat -A KUBE-NODEPORTS -m comment --comment tour/web:http -m tcp -p tcp --dport 30080 -j KUBE-EXT-ORTAORPRD4X6OBYF
        Connections to this port on an address of the node go to KUBE-EXT-ORTAORPRD4X6OBYF.
      iptables -t nat -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http cluster IP" -d 10.96.0.20 -m tcp -p tcp --dport 80 ! -s 10.244.1.0/24 -j KUBE-MARK-MASQ
        A source that is no local pod gets the node's address, so that the answer comes back this way.
      iptables -t nat -A KUBE-EXT-ORTAORPRD4X6OBYF -m comment --comment "pod traffic for tour/web:http external destinations" -s 10.244.1.0/24 -j KUBE-SVC-ORTAORPRD4X6OBYF
        Local pods reach all endpoints in spite of external policy Local.
      iptables -t nat -A KUBE-EXT-ORTAORPRD4X6OBYF -m comment --comment "masquerade LOCAL traffic for tour/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
        Processes of the node get the node's address as their source.
      iptables -t nat -A KUBE-EXT-ORTAORPRD4X6OBYF -m comment --comment "route LOCAL traffic for tour/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-ORTAORPRD4X6OBYF
        They reach all endpoints, too.
      iptables -t nat -A KUBE-EXT-ORTAORPRD4X6OBYF -j KUBE-SVL-ORTAORPRD4X6OBYF
        Everybody else gets an endpoint on this node and keeps the source address.
      iptables -t nat -A KUBE-FW-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http loadbalancer IP" -s 192.168.100.0/24 -j KUBE-EXT-ORTAORPRD4X6OBYF
        This source may use the LoadBalancer address.
      iptables -t nat -A KUBE-FW-ORTAORPRD4X6OBYF -m comment --comment "other traffic to tour/web:http will be dropped by KUBE-PROXY-FIREWALL"
        Any other source is not redirected; KUBE-PROXY-FIREWALL drops it.
      iptables -t nat -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -m recent --name KUBE-SEP-NY74KFWFZDXVSL6C --rcheck --seconds 60 --reap -j KUBE-SEP-NY74KFWFZDXVSL6C
        A client that was sent to this endpoint in the last 60 s goes there again.
      iptables -t nat -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.2.2:8080" -m recent --name KUBE-SEP-GRR4LZIFKOKZZU2K --rcheck --seconds 60 --reap -j KUBE-SEP-GRR4LZIFKOKZZU2K
        A client that was sent to this endpoint in the last 60 s goes there again.
      iptables -t nat -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-NY74KFWFZDXVSL6C
        By chance 50 % of the connections that come so far.
      iptables -t nat -A KUBE-SVC-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.2.2:8080" -j KUBE-SEP-GRR4LZIFKOKZZU2K
        All others that KUBE-SVC-ORTAORPRD4X6OBYF still has.
      iptables -t nat -A KUBE-SVL-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -m recent --name KUBE-SEP-NY74KFWFZDXVSL6C --rcheck --seconds 60 --reap -j KUBE-SEP-NY74KFWFZDXVSL6C
        A client that was sent to this endpoint in the last 60 s goes there again.
      iptables -t nat -A KUBE-SVL-ORTAORPRD4X6OBYF -m comment --comment "tour/web:http -> 10.244.1.2:8080" -j KUBE-SEP-NY74KFWFZDXVSL6C
        All others that KUBE-SVL-ORTAORPRD4X6OBYF still has.
      iptables -t nat -A KUBE-SEP-NY74KFWFZDXVSL6C -m comment --comment tour/web:http -s 10.244.1.2 -j KUBE-MARK-MASQ
        The endpoint calls itself: with another source, or it would answer itself directly.
      iptables -t nat -A KUBE-SEP-NY74KFWFZDXVSL6C -m comment --comment tour/web:http -m recent --name KUBE-SEP-NY74KFWFZDXVSL6C --set -m tcp -p tcp -j DNAT --to-destination 10.244.1.2:8080
        Notes the client for its next connections, and sends to the endpoint.
      iptables -t nat -A KUBE-SEP-GRR4LZIFKOKZZU2K -m comment --comment tour/web:http -s 10.244.2.2 -j KUBE-MARK-MASQ
        The endpoint calls itself: with another source, or it would answer itself directly.
      iptables -t nat -A KUBE-SEP-GRR4LZIFKOKZZU2K -m comment --comment tour/web:http -m recent --name KUBE-SEP-GRR4LZIFKOKZZU2K --set -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
        Notes the client for its next connections, and sends to the endpoint."
    `);
  });
});
