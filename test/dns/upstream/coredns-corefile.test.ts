import { describe, expect, it } from "vitest";
import { readCorefile } from "../../../src/dns/index.ts";
import type { ServerBlock } from "../../../src/dns/index.ts";
import { expectDeviation } from "./corefile-world.ts";

const files: Readonly<Record<string, string>> = {
  "/search": "nameserver 1.2.3.4\ndomain foo.com\nsearch bar.com baz.com\noptions ndots:5\n",
  "/resolv": "nameserver 10.10.255.252\nnameserver 10.10.255.253",
  "/dev/null": "",
};
const read = (plugins: string) =>
  readCorefile(`. {\n${plugins}\n}`, "Corefile", { environment: () => undefined, readText: (path) => files[path] });

/** What a plugin's lines are read as, or what is wrong with them: `LINE: a part of the message`, by lines of the file. */
type Read = object | string;
interface Row {
  readonly plugin: string;
  readonly as: Read;
  /** Why CoreDNS reads it otherwise: the row of docs/deviations.md. */
  readonly deviation?: string;
}
const row = (plugin: string, as: Read, deviation?: string): Row =>
  deviation === undefined ? { plugin, as } : { plugin, as, deviation };
const within = (plugin: string, list: readonly (readonly [property: string, as: Read, deviation?: string])[]) =>
  list.map(([property, as, deviation]) => row(`${plugin} {\n${property}\n}`, as, deviation));

function table(test: string, of: (block: ServerBlock) => unknown, rows: readonly Row[], count: number): void {
  describe(test, () => {
    it.each(rows.map((one) => [one.plugin.replaceAll("\n", " | "), one] as const))(
      "%s",
      (_, { plugin, as, deviation }) => {
        if (typeof as === "string") {
          const [, line = "", message = ""] = /^(\d): (.*)$/.exec(as) ?? [];
          expect(() => read(plugin)).toThrow(new RegExp(`^Corefile:${line}: `));
          expect(() => read(plugin)).toThrow(message);
        } else {
          const [block] = read(plugin).servers;
          if (block === undefined) throw new Error("There is no block");
          expect(of(block)).toMatchObject(as);
        }
        if (deviation !== undefined) expectDeviation(deviation);
      },
    );
    it(`were ${count} cases`, () => expect(rows.length).toBe(count));
  });
}

const other = "Plugins";
const kubernetes = ({ kubernetes: settings }: ServerBlock) => settings;
const usual = { zones: ["coredns.local."], namespaces: [], labels: [], pods: "disabled", fallthrough: "none" };
const production = [
  { key: "environment", operator: "In", values: ["production", "staging", "qa"] },
  { key: "application", operator: "In", values: ["nginx"] },
];
const selector = "labels environment in (production, staging, qa),application=nginx";
table(
  "coredns: plugin/kubernetes/setup_test.go, TestKubernetesParse",
  kubernetes,
  [
    row("kubernetes coredns.local", usual),
    row("kubernetes coredns.local test.local", { ...usual, zones: ["coredns.local.", "test.local."] }),
    row("kubernetes coredns.local {\n}", usual),
    ...within("kubernetes coredns.local", [
      // Several servers went with CoreDNS 1.5, which takes the first.
      ["endpoint http://localhost:9090 http://localhost:9091", "3: is one too many", other],
      ["namespaces demo", { ...usual, namespaces: ["demo"] }],
      ["namespaces demo test", { ...usual, namespaces: ["demo", "test"] }],
      ["resyncperiod 30s", "3: resyncperiod is not supported: objects are watched", other],
      ["resyncperiod 15m", "3: resyncperiod is not supported", other],
      ["labels environment=prod", { ...usual, labels: [{ key: "environment", operator: "In", values: ["prod"] }] }],
      [selector, { ...usual, labels: production }],
    ]),
    row(
      `kubernetes coredns.local test.local {\nendpoint http://localhost:8080\nnamespaces demo test\n${selector}\nfallthrough\n}`,
      {
        zones: ["coredns.local.", "test.local."],
        endpoint: "http://localhost:8080",
        namespaces: ["demo", "test"],
        labels: production,
        fallthrough: "all",
      },
    ),
    ...within("kubernetes coredns.local", [
      ["endpoint", "3: endpoint"],
      ["namespaces", "3: an argument is missing"],
      ["resyncperiod", "3: resyncperiod is not supported"],
      ["resyncperiod 15", "3: resyncperiod is not supported"],
      ["resyncperiod abc", "3: resyncperiod is not supported"],
      ["labels", "3: an argument is missing"],
      ["labels environment in (production, qa", "3: is no label selector"],
      ["pods disabled", usual],
      ["pods insecure", { ...usual, pods: "insecure" }],
      ["pods verified", { ...usual, pods: "verified" }],
      ["pods giant_seed", "3: is none of disabled, insecure, verified"],
      [
        "fallthrough ip6.arpa inaddr.arpa foo.com",
        { ...usual, fallthrough: ["ip6.arpa.", "inaddr.arpa.", "foo.com."] },
      ],
      ["upstream 13.14.15.16:53", "3: upstream is not supported", other],
      ["upstream 13.14.15.16orange", "3: upstream is not supported"],
    ]),
    row("kubernetes coredns.local\nkubernetes cluster.local", "3: kubernetes"),
    ...within("kubernetes coredns.local", [
      ["kubeconfig", "3: an argument is missing"],
      ["kubeconfig file context extraarg", "3: is one too many"],
      ["kubeconfig file context", "3: the current context of a kubeconfig is used", other],
    ]),
  ],
  29,
);
table(
  "coredns: plugin/kubernetes/setup_test.go, flags",
  kubernetes,
  [
    ...within("kubernetes coredns.local", [
      ["endpoint_pod_names", { endpointPodNames: true }],
      ["endpoint_pod_names giant_seed", "3: is one too many"],
      ["", { endpointPodNames: false, withEndpoints: true, ignoreEmptyService: false }],
      ["noendpoints", { withEndpoints: false }],
      ["noendpoints ixnay on the endpointsay", "3: is one too many"],
      ["ignore empty_service", { ignoreEmptyService: true }],
      ["ignore ixnay on the endpointsay", "3: is one too many"],
      ["ignore empty_service ixnay on the endpointsay", "3: is one too many", other],
    ]),
  ],
  8,
);
table(
  "coredns: plugin/kubernetes/setup_ttl_test.go",
  kubernetes,
  [
    row("kubernetes cluster.local {\nttl 56\n}", { ttl: 56 }),
    row("kubernetes cluster.local", { ttl: 5 }),
    row("kubernetes cluster.local {\nttl -1\n}", "3: is no number from 0 to 3600"),
    row("kubernetes cluster.local {\nttl 3601\n}", "3: is no number from 0 to 3600"),
  ],
  4,
);
/** Networks that end within a label are as many zones as it takes, so that no address outside of them is answered for. */
const within110 = Array.from(
  { length: 4 },
  (_, i) => `${i}.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa.`,
);
table(
  "coredns: plugin/kubernetes/setup_reverse_test.go",
  kubernetes,
  [
    row("kubernetes coredns.local 10.0.0.0/16", { zones: ["coredns.local.", "0.10.in-addr.arpa."] }),
    row("kubernetes coredns.local 10.0.0.0/17", {
      zones: ["coredns.local.", ...Array.from({ length: 128 }, (_, i) => `${i}.0.10.in-addr.arpa.`)],
    }),
    row("kubernetes coredns.local fd00:77:30::0/110", { zones: ["coredns.local.", ...within110] }),
  ],
  3,
);

const cache = ({ cache: settings }: ServerBlock) => settings;
const kind = (capacity: number, maxTtl: number, minTtl = 5) => ({ capacity, maxTtl, minTtl });
table(
  "coredns: plugin/cache/setup_test.go, TestSetup",
  cache,
  [
    row("cache", { success: kind(9984, 3600), denial: kind(9984, 1800) }),
    row("cache {\n}", { success: kind(9984, 3600), denial: kind(9984, 1800) }),
    row("cache example.nl {\nsuccess 10\n}", { success: kind(10, 3600), denial: kind(9984, 1800) }),
    row("cache example.nl {\nsuccess 10 1800 30\n}", { success: kind(10, 1800, 30) }),
    row("cache example.nl {\nsuccess 10\ndenial 10 15\n}", { success: kind(10, 3600), denial: kind(10, 15) }),
    row("cache example.nl {\nsuccess 10\ndenial 10 15 2\n}", { success: kind(10, 3600), denial: kind(10, 15, 2) }),
    row("cache 25 example.nl {\nsuccess 10\ndenial 10 15\n}", { success: kind(10, 25), denial: kind(10, 15) }),
    row("cache 25 example.nl {\nsuccess 10\ndenial 10 15 5\n}", { success: kind(10, 25), denial: kind(10, 15) }),
    row("cache aaa example.nl", { zones: ["aaa.", "example.nl."], success: kind(9984, 3600) }),
    row("cache {\nprefetch 10\n}", { prefetch: { amount: 10, durationMs: 60_000, percentage: 10 } }),
    row("cache example.nl {\nsuccess\ndenial 10 15\n}", "3: an argument is missing"),
    row("cache example.nl {\nsuccess 15\ndenial aaa\n}", "4: is no number"),
    row("cache example.nl {\npositive 15\nnegative aaa\n}", "3: positive"),
    row("cache 0 example.nl", "2: is no number from 1"),
    row("cache -1 example.nl", "2: is no number from 1"),
    row("cache 1 example.nl {\npositive 0\n}", "3: positive"),
    row("cache 1 example.nl {\npositive 0\nprefetch -1\n}", "3: positive"),
    row("cache 1 example.nl {\nprefetch 0 blurp\n}", "3: is no duration"),
    row("cache\ncache", "3: cache"),
  ],
  19,
);
const hour = 3_600_000;
table(
  "coredns: plugin/cache/setup_test.go, TestServeStale, TestServfail and TestDisable",
  cache,
  within("cache", [
    ["serve_stale", { serveStale: { forMs: hour, mode: "immediate" } }],
    ["serve_stale 20m", { serveStale: { forMs: hour / 3 } }],
    ["serve_stale 1h20m", { serveStale: { forMs: (4 * hour) / 3 } }],
    ["serve_stale 0m", { serveStale: { forMs: 0 } }],
    ["serve_stale 0", { serveStale: { forMs: 0 } }],
    ["serve_stale 0 verify", { serveStale: { forMs: 0, mode: "verify" } }],
    ["serve_stale 0 immediate", { serveStale: { forMs: 0, mode: "immediate" } }],
    ["serve_stale 0 VERIFY", { serveStale: { forMs: 0, mode: "verify" } }],
    ["serve_stale 20", "3: is no duration"],
    ["serve_stale -20m", "3: is no duration"],
    ["serve_stale aa", "3: is no duration"],
    ["serve_stale 1m nono", "3: is none of immediate, verify"],
    ["serve_stale 0 after nono", "3: is none of immediate, verify"],
    ["servfail 1s", { servfailMs: 1000 }],
    ["servfail 5m", { servfailMs: 300_000 }],
    ["servfail 0s", { servfailMs: 0 }],
    ["servfail 0", { servfailMs: 0 }],
    ["servfail", "3: an argument is missing"],
    ["servfail 6m", "3: failures are kept for at most 5m"],
    ["servfail 20", "3: is no duration"],
    ["servfail -1s", "3: is no duration"],
    ["servfail aa", "3: is no duration"],
    ["servfail 1m invalid", "3: is one too many"],
    [
      "disable denial example.com example.org",
      { denial: { disabled: ["example.com.", "example.org."] }, success: { disabled: [] } },
    ],
    [
      "disable success example.com example.org",
      { success: { disabled: ["example.com.", "example.org."] }, denial: { disabled: [] } },
    ],
    ["disable denial", { denial: { disabled: "all" }, success: { disabled: [] } }],
    ["disable success", { success: { disabled: "all" }, denial: { disabled: [] } }],
    [
      "disable denial example.com example.org\ndisable success example.com example.org",
      {
        denial: { disabled: ["example.com.", "example.org."] },
        success: { disabled: ["example.com.", "example.org."] },
      },
    ],
    ["disable invalid example.com example.org", "3: is none of success, denial"],
  ]),
  29,
);

const of = (zone: string) => `kubernetes ${zone}\n`;
table(
  "coredns: plugin/autopath/setup_test.go",
  ({ autopath }) => autopath,
  [
    row(`${of("cluster.local")}autopath @kubernetes`, { zones: ["."], search: { kind: "kubernetes" } }),
    row(`${of("cluster.local")}autopath example.org @kubernetes`, { zones: ["example.org."] }),
    row(`${of("cluster.local")}autopath 10.0.0.0/31 @kubernetes`, {
      zones: ["0.0.0.10.in-addr.arpa.", "1.0.0.10.in-addr.arpa."],
    }),
    // The name as it stands is always tried last.
    row("autopath /search", { zones: ["."], search: { kind: "list", domains: ["bar.com", "baz.com"] } }),
    row("autopath kubernetes", "2: kubernetes"),
    row("autopath", "2: an argument is missing"),
  ],
  6,
);

table(
  "coredns: plugin/loadbalance/setup_test.go",
  ({ loadbalance }) => ({ loadbalance }),
  [
    row("loadbalance", { loadbalance: true }),
    row("loadbalance round_robin", { loadbalance: true }),
    row("loadbalance weighted wfile", "2: loadbalance", other),
    row("loadbalance weighted wf {\nreload 10s\n}", "2: loadbalance", other),
    row("loadbalance weighted wf {\nreload 0s\n}", "2: loadbalance", other),
    row("loadbalance round_robin {\nreload 10s\n}", "2: loadbalance"),
    row("loadbalance weighted wfile {\nreload\n}", "2: loadbalance"),
    row("loadbalance weighted wfile {\nprefer invalid\n}", "2: loadbalance"),
    row("loadbalance fleeb", "2: is none of"),
    row("loadbalance round_robin a", "2: is one too many"),
    row("loadbalance weighted", "2: is none of"),
    row("loadbalance weighted a b", "2: loadbalance"),
    row("loadbalance weighted wfile {\nsusu\n}", "2: loadbalance"),
    row("loadbalance weighted wfile {\nreload a\n}", "2: loadbalance"),
    row("loadbalance weighted wfile {\nreload 30s a\n}", "2: loadbalance"),
  ],
  15,
);

const forward = ({ forward: [first] }: ServerBlock) => first;
const inForward = (property: string) => `forward . 127.0.0.1 {\n${property}\n}`;
const server = (address: string, port = 53) => ({ to: [{ address, port }] });
const check = (healthCheckMs: number, healthCheckRecursion: boolean, healthCheckName: string) => ({
  healthCheckMs,
  healthCheckRecursion,
  healthCheckName,
});
table(
  "coredns: plugin/forward/setup_test.go",
  forward,
  [
    row("forward . 127.0.0.1", { from: ["."], maxFails: 2, ...server("127.0.0.1"), ...check(500, true, ".") }),
    row(inForward("health_check 0.5s domain example.org"), check(500, true, "example.org")),
    row(inForward("except miek.nl"), { except: ["miek.nl."] }),
    row(inForward("max_fails 3"), { maxFails: 3 }),
    row(inForward("force_tcp"), { forceTcp: true, preferUdp: false }),
    row(inForward("prefer_udp"), { forceTcp: false, preferUdp: true }),
    row(inForward("force_tcp\nprefer_udp"), { forceTcp: true, preferUdp: true }),
    row("forward . 127.0.0.1:53", server("127.0.0.1")),
    row("forward . 127.0.0.1:8080", server("127.0.0.1", 8080)),
    row("forward . [::1]:53", server("::1")),
    row("forward . [2003::1]:53", server("2003::1")),
    row("forward . 127.0.0.1 \n", server("127.0.0.1")),
    row("forward 10.9.3.0/18 127.0.0.1", { from: Array.from({ length: 64 }, (_, i) => `${i}.9.10.in-addr.arpa.`) }),
    row("forward . ::1\nforward com ::2", server("::1")),
    row("forward . a27.0.0.1", "2: write the address of the server"),
    row(inForward("blaatl"), "3: blaatl"),
    row(inForward("health_check 0.5s domain"), "3: domain"),
    row("forward . https://127.0.0.1", "2: https:// servers cannot be asked"),
    row(`forward ${"x".repeat(64)} 127.0.0.1`, "2: is no zone"),
    // TestSetupTLS
    row("forward . tls://127.0.0.1 {\ntls_servername dns\n}", { to: [{ tls: { serverName: "dns" } }] }),
    row(inForward("tls_servername dns"), server("127.0.0.1")),
    row(inForward("tls"), server("127.0.0.1")),
    row("forward . tls://127.0.0.1", server("127.0.0.1", 853)),
    // TestSetupResolvconf
    row("forward . /resolv", {
      to: [
        { address: "10.10.255.252", port: 53 },
        { address: "10.10.255.253", port: 53 },
      ],
    }),
    row("forward . /dev/null", "2: names no server"),
    // TestSetupMaxConcurrent
    row(inForward("max_concurrent 1000"), { maxConcurrent: 1000 }),
    row(inForward("max_concurrent many"), "3: is no number"),
    row(inForward("max_concurrent -4"), "3: is no number"),
    // TestSetupHealthCheck
    row(inForward("health_check 0.5s"), check(500, true, ".")),
    row(inForward("health_check 0.5s no_rec"), check(500, false, ".")),
    row(inForward("health_check 0.5s no_rec domain example.org"), check(500, false, "example.org")),
    row(inForward("health_check 0.5s domain ."), check(500, true, ".")),
    row(inForward("health_check 0.5s domain example.org."), check(500, true, "example.org.")),
    row(inForward("health_check no_rec"), "3: is no duration"),
    row(inForward("health_check domain example.org"), "3: is no duration"),
    row(inForward("health_check 0.5s rec"), "3: rec"),
    row(inForward("health_check 0.5s domain example..org"), "3: health_check domain"),
  ],
  37,
);

describe("coredns: plugin/forward/setup_test.go, TestMultiForward", () => {
  it("keeps several in their order", () => {
    const [block] = read(
      "forward 1st.example.org 10.0.0.1\nforward 2nd.example.org 10.0.0.2\nforward 3rd.example.org 10.0.0.3",
    ).servers;
    expect(block?.forward.map(({ from }) => from)).toEqual([
      ["1st.example.org."],
      ["2nd.example.org."],
      ["3rd.example.org."],
    ]);
  });
});
