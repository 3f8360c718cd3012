import { describe, expect, it, onTestFinished } from "vitest";
import { clusterCaches, outside, query, queryBytes, service, slices, words } from "../../test/dns/cluster.ts";
import { decodeMessage, formatRecord, recordTypes, responseCodeName } from "../codec/index.ts";
import type { Message } from "../codec/index.ts";
import { ManualClock, createMetrics, ip, seededRandom } from "../core/index.ts";
import type { Logger, Metrics } from "../core/index.ts";
import type { Pod } from "../objects/index.ts";
import { ClusterDataShelf } from "./cluster-data.ts";
import { readCorefile } from "./corefile/read-corefile.ts";
import { createDnsServer } from "./dns-server.ts";
import type { DnsServer, DnsServerParts } from "./dns-server.ts";
import { MemoryCache } from "./memory-cache.ts";
import type { DnsClient, DnsTransport } from "./resolver.ts";
import type { UpstreamDialer } from "./upstream.ts";

const pod = (name: string, namespace: string, podIP: string, fields: Partial<Pod["spec"]> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace, name, uid: `${namespace}-${name}` },
  spec: { containers: [], ...fields },
  status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
});

interface World {
  readonly server: DnsServer;
  readonly clock: ManualClock;
  readonly metrics: Metrics;
  readonly log: readonly string[];
  readonly queries: readonly string[];
  readonly files: Map<string, string>;
  readonly pods: MemoryCache<Pod>;
  /** Asks at the first place to listen, or at the one with this port. */
  readonly ask: (name: string, type: keyof typeof recordTypes, from?: From) => Promise<readonly string[]>;
  readonly message: (name: string, type: keyof typeof recordTypes, from?: From) => Promise<Message | undefined>;
}

interface From {
  readonly client?: string;
  readonly transport?: DnsTransport;
  readonly port?: number;
}

/** The server of a Corefile, in the cluster that all DNS tests share. */
function world(corefile: string, parts: Partial<DnsServerParts> = {}): World {
  const clock = new ManualClock(1_700_000_000_000);
  const metrics = createMetrics();
  const lines: string[] = [];
  const queries: string[] = [];
  const files = new Map([["/etc/hosts", "10.9.9.9 box.lan box\n::1 localhost\n# nothing\n"]]);
  const write = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  const log: Logger = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  const pods = new MemoryCache([
    pod("a", "tour", "10.244.1.5"),
    pod("b", "bare", "10.244.1.6"),
    pod("own", "tour", "10.244.1.7", { dnsConfig: { searches: ["example.org"] } }),
    pod("host", "tour", "192.168.100.11", { hostNetwork: true }),
  ]);
  const configuration = readCorefile(corefile, "Corefile", {
    environment: () => undefined,
    readText: (path) => files.get(path),
  });
  const server = createDnsServer(configuration, {
    clock,
    random: seededRandom(1),
    dial: outside,
    log,
    metrics,
    data: new ClusterDataShelf({ ...clusterCaches(), pods }, clock),
    nameservers: [ip("10.96.0.10")],
    writeQuery: (line) => void queries.push(line),
    readText: (path) => files.get(path),
    ...parts,
  });
  onTestFinished(() => server.stop());
  const message: World["message"] = async (name, type, { client = "10.244.1.5", transport = "udp", port } = {}) => {
    const endpoint = server.endpoints.find((one) => port === undefined || one.port === port);
    const from: DnsClient = { address: client, port: 40_000 };
    const bytes = await endpoint?.answer(queryBytes(name, recordTypes[type]), transport, from);
    const read = bytes === undefined ? undefined : decodeMessage(bytes);
    return read?.kind === "message" ? read : undefined;
  };
  const ask: World["ask"] = async (name, type, from) => {
    const read = await message(name, type, from);
    return read === undefined ? ["no answer"] : words(read);
  };
  return { server, clock, metrics, log: lines, queries, files, pods, ask, message };
}

const cluster =
  "kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n fallthrough in-addr.arpa ip6.arpa\n }";
const forward = "forward . 192.168.100.1";
const db = ["NOERROR", "db.example.com. 300 IN A 192.168.100.50", "db.example.com. 300 IN A 192.168.100.51"];
const web = ["NOERROR", "web.tour.svc.cluster.local. 5 IN A 10.96.1.1"];

describe("createDnsServer()", () => {
  it("serves several blocks by the longest zone, and each at its own port", async () => {
    const { ask } = world(`. {
        ${forward}
      }
      cluster.local {
        kubernetes
      }
      example.com:1053 {
        whoami
      }`);
    expect(await ask("web.tour.svc.cluster.local", "A")).toEqual(web);
    expect(await ask("db.example.com", "A")).toEqual(db);
    expect(await ask("db.example.com", "A", { port: 1053 })).toEqual([
      "NOERROR",
      "+ _udp.db.example.com. 0 IN SRV 0 0 40000 .",
      "+ db.example.com. 0 IN A 10.244.1.5",
    ]);
    expect(await ask("db.example.org", "A", { port: 1053 })).toEqual(["REFUSED"]);
  });

  it("follows an ExternalName into another block", async () => {
    const { ask } = world(`cluster.local {\n kubernetes\n }\n example.com {\n ${forward}\n }`);
    expect(await ask("legacy-db.tour.svc.cluster.local", "CNAME")).toHaveLength(2);
    expect((await ask("legacy-db.tour.svc.cluster.local", "A"))[1]).toBe(
      "legacy-db.tour.svc.cluster.local. 5 IN CNAME db.example.com.",
    );
    expect(await ask("legacy-db.tour.svc.cluster.local", "A")).toHaveLength(4);
  });

  it("puts plugins in CoreDNS's order, whatever their order in the file", async () => {
    const { ask } = world(
      `. {\n ${forward}\n hosts {\n 10.0.0.9 db.example.com\n fallthrough\n }\n acl {\n block type AAAA\n }\n }`,
    );
    expect(await ask("db.example.com", "A")).toEqual(["NOERROR", "db.example.com. 3600 IN A 10.0.0.9"]);
    expect(await ask("db.example.com", "AAAA")).toEqual(["REFUSED"]);
  });

  it("shows only the namespaces and labels that it is told to", async () => {
    const { ask } = world(`. {\n kubernetes cluster.local {\n namespaces default\n }\n }`);
    expect((await ask("web.tour.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
    expect((await ask("kubernetes.default.svc.cluster.local", "A"))[0]).toBe("NOERROR");
    const labelled = world(`. {\n kubernetes cluster.local {\n labels app=web\n }\n }`);
    expect((await labelled.ask("web.tour.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
  });

  it("makes names of pods for endpoints, hides empty Services, knows no endpoints, as told", async () => {
    const none = world(`. {\n kubernetes cluster.local {\n noendpoints\n }\n }`);
    expect((await none.ask("db.tour.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
    const empty = world(`. {\n kubernetes cluster.local {\n ignore empty_service\n }\n }`);
    expect((await empty.ask("unnamed.tour.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
    expect(await empty.ask("web.tour.svc.cluster.local", "A")).toEqual(web);
    const verified = world(`. {\n kubernetes cluster.local {\n pods verified\n }\n }`);
    expect((await verified.ask("10-244-1-5.tour.pod.cluster.local", "A"))[0]).toBe("NOERROR");
    expect((await verified.ask("10-244-1-99.tour.pod.cluster.local", "A"))[0]).toBe("NXDOMAIN");
    const disabled = world(`. {\n kubernetes cluster.local\n }`);
    expect((await disabled.ask("10-244-1-5.tour.pod.cluster.local", "A"))[0]).toBe("NXDOMAIN");
  });

  it("shares the names of a cluster between blocks and reloads", () => {
    const clock = new ManualClock();
    const shelf = new ClusterDataShelf(clusterCaches(), clock);
    const one = world(`. {\n ${cluster}\n }`, { data: shelf });
    const two = world(`.:1053 {\n kubernetes cluster.local {\n ttl 30\n }\n }`, { data: shelf });
    expect([...one.server.data][0]).toBe([...two.server.data][0]);
  });

  it("refuses to be made when it lacks a cluster", () => {
    const configuration = readCorefile(". {\n kubernetes\n}", "Corefile", {
      environment: () => undefined,
      readText: () => undefined,
    });
    const parts = { clock: new ManualClock(), random: seededRandom(1), dial: outside };
    expect(() => createDnsServer(configuration, parts)).toThrow("Corefile:2: kubernetes needs a cluster");
  });

  it("leaves out upstreams that are the server itself, and says so", async () => {
    const { ask, log } = world(`. {\n forward . 127.0.0.1 10.96.0.10\n }\n.:1053 {\n forward . 127.0.0.1:53\n }`);
    expect(await ask("db.example.com", "A")).toEqual(["REFUSED"]);
    expect(log).toEqual([
      'warn DNS upstream left out: it is this server itself {"upstream":"127.0.0.1:53","at":"Corefile:2"}',
      'warn DNS upstream left out: it is this server itself {"upstream":"10.96.0.10:53","at":"Corefile:2"}',
    ]);
    // Another block at another port is somebody else.
    expect((await ask("db.example.com", "A", { port: 1053 }))[0]).toBe("NOERROR");
  });

  it("caps UDP answers per block", async () => {
    const { message } = world(`. {\n ${forward}\n }\n cluster.local {\n bufsize 512\n kubernetes\n }`);
    const big = await message("mixed.tour.svc.cluster.local", "SRV");
    expect(big?.rcode).toBe(0);
  });
});

describe("forward", () => {
  it("asks the next one when a name is not for it, or when told to by a code", async () => {
    const asked: string[] = [];
    const dial: UpstreamDialer = {
      send: (upstream, transport, bytes, handlers) => {
        asked.push(upstream.address);
        return outside.send(upstream, transport, bytes, handlers);
      },
    };
    const { ask } = world(
      `. {\n forward example.org 10.0.0.1\n forward . 10.0.0.2 {\n except example.net\n next NXDOMAIN\n }\n forward . 10.0.0.3\n }`,
      { dial },
    );
    await ask("a.example.org", "A");
    await ask("a.example.net", "A");
    expect(await ask("db.example.com", "A")).toEqual(db);
    await ask("none.example.com", "A");
    expect(asked).toEqual(["10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.2", "10.0.0.3"]);
  });

  it("asks a second one, too, when the first is late and hedge says so, and leaves that alone from then on", async () => {
    const asked: string[] = [];
    const { ask, clock } = world(
      ". {\n forward . 192.168.100.9 192.168.100.1 {\n policy sequential\n hedge 200ms\n }\n }",
      {
        dial: {
          send: (upstream, ...sent) => {
            asked.push(upstream.address);
            return upstream.address === "192.168.100.9" ? () => undefined : outside.send(upstream, ...sent);
          },
        },
      },
    );
    const first = ask("db.example.com", "A");
    clock.advance(199);
    expect(asked).toEqual(["192.168.100.9"]);
    clock.advance(1);
    expect(await first).toEqual(db);
    asked.length = 0;
    expect((await ask("other.example.com", "A"))[0]).toBe("NXDOMAIN");
    expect(asked.filter((address) => address !== "192.168.100.9")).toEqual(["192.168.100.1"]);
  });

  it("stops asking an upstream that leads back here", async () => {
    let server: DnsServer | undefined;
    const dial: UpstreamDialer = {
      send: (upstream, transport, bytes, handlers) => {
        if (upstream.address !== "10.0.0.1") return outside.send(upstream, transport, bytes, handlers);
        const answer = server?.endpoints[0]?.answer(bytes.slice(), "udp", { address: "10.0.0.1", port: 9 });
        void Promise.resolve(answer).then((message) => message !== undefined && handlers.message(message));
        return () => undefined;
      },
    };
    const made = world(`. {\n loop\n forward . 10.0.0.1 10.0.0.2\n prometheus\n }`, { dial });
    ({ server } = made);
    server.probeLoops();
    expect(made.log).toEqual([
      "error loop detected: this server's own question came back; the upstream is asked no more " +
        '{"upstream":"10.0.0.1:53","at":"Corefile:3"}',
    ]);
    expect(server.chains[0]?.forwardings[0]?.upstreams.map(({ address }) => address)).toEqual(["10.0.0.2"]);
    for (let i = 0; i < 10; i++) expect(await made.ask("db.example.com", "A")).toEqual(db);
    expect(made.metrics.expose()).toContain("\nsealane_dns_loops_total 1\n");
  });
});

describe("autopath", () => {
  const corefile = `. {\n ${cluster}\n autopath cluster.local @kubernetes\n ${forward}\n prometheus\n }`;
  const asked = "db.example.com.tour.svc.cluster.local";

  it("goes through the search list of the client's pod", async () => {
    const { ask, metrics } = world(corefile);
    expect(await ask(asked, "A")).toEqual(["NOERROR", `${asked}. 300 IN CNAME db.example.com.`, ...db.slice(1)]);
    expect((await ask("web.tour.tour.svc.cluster.local", "A")).slice(1)).toEqual([
      "web.tour.tour.svc.cluster.local. 5 IN CNAME web.tour.svc.cluster.local.",
      web[1],
    ]);
    expect(metrics.expose()).toContain('coredns_autopath_success_total{server="dns://:53"} 2');
  });

  it("answers what exists under the first search without detours, and NXDOMAIN when nothing does", async () => {
    const { ask } = world(corefile);
    expect(await ask("web.tour.svc.cluster.local", "A")).toEqual(web);
    expect((await ask("nothing.example.com.tour.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
    // A name that exists without records of the type ends the search.
    expect((await ask("db.example.com.tour.svc.cluster.local", "AAAA"))[0]).toBe("NOERROR");
  });

  it.each([
    ["another namespace than the pod's", "10.244.1.6"],
    ["an address that no pod has", "10.244.9.9"],
    ["a pod with a search list of its own", "10.244.1.7"],
    ["a pod in its node's network", "192.168.100.11"],
  ])("does nothing for %s", async (_name, client) => {
    const { ask } = world(corefile);
    expect((await ask(asked, "A", { client }))[0]).toBe("NXDOMAIN");
  });

  it("follows pods that come and go, and trusts no address that two pods have", async () => {
    const { ask, pods } = world(corefile);
    pods.set(pod("b", "bare", "10.244.1.5"));
    expect((await ask(asked, "A"))[0]).toBe("NXDOMAIN");
    pods.delete("tour", "a");
    expect((await ask(asked, "A"))[0]).toBe("NXDOMAIN");
    expect((await ask("db.example.com.bare.svc.cluster.local", "A"))[0]).toBe("NOERROR");
    pods.delete("bare", "b");
    expect((await ask("db.example.com.bare.svc.cluster.local", "A"))[0]).toBe("NXDOMAIN");
  });

  it("takes one search list for all from a file", async () => {
    const files = new Map([["/search", "search corp.lan example.com\n"]]);
    const configuration = readCorefile(`. {\n autopath /search\n ${forward}\n }`, "Corefile", {
      environment: () => undefined,
      readText: (path) => files.get(path),
    });
    const server = createDnsServer(configuration, { clock: new ManualClock(), random: seededRandom(1), dial: outside });
    const answer = await query({ answer: server.endpoints[0]?.answer ?? (() => undefined) }, "db.corp.lan", "A");
    expect(words(answer)).toEqual(["NOERROR", "db.corp.lan. 300 IN CNAME db.example.com.", ...db.slice(1)]);
  });
});

describe("rewrite", () => {
  const cases: readonly (readonly [
    rule: string,
    name: string,
    type: keyof typeof recordTypes,
    expected: readonly string[],
  ])[] = [
    [
      "name old.example.org web.tour.svc.cluster.local",
      "old.example.org",
      "A",
      ["NOERROR", "old.example.org. 5 IN A 10.96.1.1"],
    ],
    [
      "name suffix .lan .svc.cluster.local answer auto",
      "web.tour.lan",
      "A",
      ["NOERROR", "web.tour.lan. 5 IN A 10.96.1.1"],
    ],
    ["name suffix .lan .svc.cluster.local", "web.tour.lan", "A", web],
    ["name prefix old- web", "old-.tour.svc.cluster.local", "A", web],
    ["name substring .old. .tour.", "web.old.svc.cluster.local", "A", web],
    [
      String.raw`name regex (.*)\.x\.lan {1}.tour.svc.cluster.local answer name (.*)\.tour\.svc\.cluster\.local {1}.x.lan`,
      "web.x.lan",
      "A",
      ["NOERROR", "web.x.lan. 5 IN A 10.96.1.1"],
    ],
    [
      String.raw`name regex (.*)\.x\.lan {1}.tour.svc.cluster.local answer auto answer value db\.example\.com other.example.com`,
      "legacy-db.x.lan",
      "CNAME",
      ["NOERROR", "legacy-db.x.lan. 5 IN CNAME other.example.com."],
    ],
    [
      "ttl suffix .svc.cluster.local 60",
      "web.tour.svc.cluster.local",
      "A",
      ["NOERROR", "web.tour.svc.cluster.local. 60 IN A 10.96.1.1"],
    ],
    ["type AAAA A", "web.tour.svc.cluster.local", "AAAA", web],
    ["name nothing.lan x", "web.tour.svc.cluster.local", "A", web],
  ];
  it.each(cases)("%s", async (rule, name, type, expected) => {
    const { ask } = world(`. {\n rewrite ${rule}\n ${cluster}\n ${forward}\n }`);
    expect(await ask(name, type)).toEqual(expected);
  });

  it("goes on to the next rule only when told to", async () => {
    const { ask } = world(`. {
      rewrite continue name suffix .a.lan .b.lan answer auto
      rewrite stop name exact web.b.lan web.tour.svc.cluster.local
      rewrite name web.tour.svc.cluster.local nothing.lan
      ${cluster}
    }`);
    expect(await ask("web.a.lan", "A")).toEqual(["NOERROR", "web.a.lan. 5 IN A 10.96.1.1"]);
    expect(await ask("WEB.b.Lan", "A")).toEqual(["NOERROR", "WEB.b.Lan. 5 IN A 10.96.1.1"]);
  });

  it("gives the SOA of the rewritten zone for what does not exist", async () => {
    const { ask } = world(`. {\n rewrite name suffix .lan .svc.cluster.local answer auto\n ${cluster}\n }`);
    expect((await ask("no.tour.lan", "A")).map((line) => line.split(" IN ")[0])).toEqual([
      "NXDOMAIN",
      "ns: cluster.local. 5",
    ]);
  });
});

describe("hosts", () => {
  it("serves a file and entries of its own, addresses and names", async () => {
    const { ask } = world(`. {\n hosts /etc/hosts {\n 10.9.9.8 box.lan\n ttl 60\n fallthrough\n }\n ${forward}\n }`);
    expect(await ask("box.lan", "A")).toEqual(["NOERROR", "box.lan. 60 IN A 10.9.9.8", "box.lan. 60 IN A 10.9.9.9"]);
    expect((await ask("9.9.9.10.in-addr.arpa", "PTR")).slice(1)).toEqual([
      "9.9.9.10.in-addr.arpa. 60 IN PTR box.",
      "9.9.9.10.in-addr.arpa. 60 IN PTR box.lan.",
    ]);
    expect((await ask("box.lan", "AAAA"))[0]).toBe("NOERROR");
    expect((await ask("box.lan", "TXT"))[0]).toBe("NOERROR");
    expect((await ask("lan", "A"))[0]).toBe("NOERROR");
    expect(await ask("db.example.com", "A")).toEqual(db);
  });

  it("denies what it does not know, without fallthrough", async () => {
    const { ask } = world(`. {\n hosts\n ${forward}\n }`);
    expect((await ask("db.example.com", "A"))[0]).toBe("NXDOMAIN");
  });

  it("reads its file again when it changed, and goes on without it", async () => {
    const { ask, files, clock } = world(`. {\n hosts /etc/hosts {\n 10.0.0.1 mine.lan\n reload 1s\n }\n }`);
    files.set("/etc/hosts", "10.9.9.7 box.lan\n");
    clock.advance(1000);
    expect((await ask("box.lan", "A"))[1]).toBe("box.lan. 3600 IN A 10.9.9.7");
    files.delete("/etc/hosts");
    clock.advance(1000);
    expect((await ask("box.lan", "A"))[0]).toBe("NXDOMAIN");
    expect((await ask("mine.lan", "A"))[0]).toBe("NOERROR");
  });
});

describe("acl", () => {
  it.each([
    ["block net 10.244.0.0/16", "10.244.1.5", ["REFUSED"]],
    ["filter net 10.244.0.0/16", "10.244.1.5", ["NOERROR"]],
    ["drop net 10.244.0.0/16", "10.244.1.5", ["no answer"]],
    ["block net 10.244.0.0/16", "10.245.1.5", web],
    ["block type AAAA", "10.244.1.5", web],
    ["allow net 10.244.1.5\n block", "10.244.1.5", web],
    ["allow net 10.244.1.5\n block", "fd00::1", ["REFUSED"]],
  ])("%s, asked from %s", async (rule, client, expected) => {
    const { ask } = world(`. {\n acl {\n ${rule}\n }\n ${cluster}\n }`);
    expect(await ask("web.tour.svc.cluster.local", "A", { client })).toEqual(expected);
  });
});

describe("ratelimit", () => {
  it("gives each client an allowance that fills up again", async () => {
    const { ask, clock, metrics } = world(`. {\n ratelimit 2\n ${cluster}\n prometheus\n }`);
    const codes = async (client: string) => (await ask("web.tour.svc.cluster.local", "A", { client }))[0];
    expect([await codes("10.0.0.1"), await codes("10.0.0.1"), await codes("10.0.0.1")]).toEqual([
      "NOERROR",
      "NOERROR",
      "REFUSED",
    ]);
    expect(await codes("10.0.0.2")).toBe("NOERROR");
    clock.advance(500);
    expect([await codes("10.0.0.1"), await codes("10.0.0.1")]).toEqual(["NOERROR", "REFUSED"]);
    expect([await codes("fd00::1"), await codes("fd00::2"), await codes("fd00::3")]).toEqual([
      "NOERROR",
      "NOERROR",
      "REFUSED",
    ]);
    expect(metrics.expose()).toContain('sealane_dns_rate_limited_total{server="dns://:53"} 3');
  });

  it("sends clients to TCP, drops, and spares networks, as told", async () => {
    const cut = world(`. {\n ratelimit 1 {\n answer truncate\n exempt 10.1.0.0/16\n }\n ${cluster}\n }`);
    const ask = (transport: DnsTransport, client: string) =>
      cut.message("web.tour.svc.cluster.local", "A", { transport, client });
    await ask("udp", "10.0.0.1");
    expect(await ask("udp", "10.0.0.1")).toMatchObject({ truncated: true, answers: [] });
    expect(await ask("tcp", "10.0.0.1")).toMatchObject({ truncated: false, rcode: 0 });
    expect((await ask("tcp", "10.0.0.1"))?.rcode).toBe(5);
    for (let i = 0; i < 3; i++) expect((await ask("udp", "10.1.0.1"))?.answers).toHaveLength(1);
    const drop = world(`. {\n ratelimit 1 {\n answer drop\n }\n ${cluster}\n }`);
    await drop.ask("web.tour.svc.cluster.local", "A");
    expect(await drop.ask("web.tour.svc.cluster.local", "A")).toEqual(["no answer"]);
  });
});

describe("dns64 and any", () => {
  it("makes IPv6 addresses for clients that came over IPv6", async () => {
    const { ask } = world(`. {\n dns64\n ${cluster}\n ${forward}\n }`);
    const six = { client: "fd00::1" };
    expect(await ask("db.example.com", "AAAA", six)).toEqual([
      "NOERROR",
      "db.example.com. 300 IN AAAA 64:ff9b::c0a8:6432",
      "db.example.com. 300 IN AAAA 64:ff9b::c0a8:6433",
    ]);
    expect((await ask("db.example.com", "AAAA")).length).toBeLessThan(3);
    expect((await ask("six.tour.svc.cluster.local", "AAAA", six))[1]).toBe(
      "six.tour.svc.cluster.local. 5 IN AAAA fd00:96::6",
    );
    expect((await ask("none.example.com", "AAAA", six))[0]).toBe("NXDOMAIN");
    const all = world(`. {\n dns64 64:1337::/64 {\n translate_all\n allow_ipv4\n }\n ${cluster}\n }`);
    expect((await all.ask("dual.tour.svc.cluster.local", "AAAA"))[1]).toBe(
      "dual.tour.svc.cluster.local. 5 IN AAAA 64:1337::a:6001:300:0",
    );
  });

  it("answers ANY with one record that says why", async () => {
    const { message } = world(`. {\n any\n ${cluster}\n }`);
    const answer = await message("web.tour.svc.cluster.local", "ANY");
    expect(answer?.answers).toMatchObject([{ type: recordTypes.HINFO, ttl: 8482 }]);
    expect(Buffer.from(answer?.answers[0]?.rdata ?? []).toString("latin1")).toBe("\rANY obsoleted\fSee RFC 8482");
  });
});

describe("transfer", () => {
  const corefile = `. {\n ${cluster}\n transfer cluster.local {\n to 10.0.0.0/8\n }\n }`;
  const transfer = ({ server }: World, zone: string, type: "AXFR" | "IXFR" | "A", address = "10.0.0.1") =>
    server.endpoints[0]?.transfer?.(queryBytes(zone, recordTypes[type]), { address, port: 1 });
  const messages = (list: Iterable<Uint8Array> | undefined) =>
    [...(list ?? [])].map((bytes) => {
      const message = decodeMessage(bytes);
      if (message.kind === "malformed") throw new Error(message.reason);
      return message;
    });

  it("copies every record that queries get, between two SOA records", async () => {
    const made = world(corefile);
    const all = messages(transfer(made, "cluster.local", "AXFR"));
    const records = all.flatMap(({ answers }) => answers);
    expect(all.every(({ authoritative, rcode }) => authoritative && rcode === 0)).toBe(true);
    expect([records[0]?.type, records.at(-1)?.type]).toEqual([recordTypes.SOA, recordTypes.SOA]);
    const lines = records.map((record) => formatRecord(record));
    expect(new Set(lines).size).toBe(lines.length - 1);
    for (const line of [
      "web.tour.svc.cluster.local. 5 IN A 10.96.1.1",
      "dual.tour.svc.cluster.local. 5 IN AAAA fd00:96::3",
      "_http._tcp.web.tour.svc.cluster.local. 5 IN SRV 0 100 80 web.tour.svc.cluster.local.",
      "db-0.db.tour.svc.cluster.local. 5 IN A 10.244.1.5",
      "legacy-db.tour.svc.cluster.local. 5 IN CNAME db.example.com.",
      'dns-version.cluster.local. 28800 IN TXT "1.1.0"',
      "cluster.local. 5 IN NS kube-dns.kube-system.svc.cluster.local.",
    ]) {
      expect(lines).toContain(line);
    }
    // Each record is what its name answers.
    for (const line of lines.filter((one) => one.includes(" IN A ")).slice(0, 20)) {
      expect(await made.ask(line.split(" ")[0] ?? "", "A")).toContain(line);
    }
    expect(messages(transfer(made, "cluster.local", "IXFR")).flatMap(({ answers }) => answers)).toHaveLength(
      records.length,
    );
  });

  it("copies what other clusters export, each zone with its own", () => {
    const labels = {
      "multicluster.kubernetes.io/service-name": "db",
      "multicluster.kubernetes.io/source-cluster": "east",
    };
    const [db] = slices.filter(({ metadata }) => metadata.name === "db-1");
    const spec = { type: "Headless" } as const;
    const imports = {
      serviceImports: new MemoryCache([
        {
          apiVersion: "multicluster.x-k8s.io/v1alpha1",
          kind: "ServiceImport",
          metadata: { namespace: "tour", name: "db" },
          spec,
        },
      ]),
      endpointSlices: new MemoryCache(db === undefined ? [] : [{ ...db, metadata: { ...db.metadata, labels } }]),
    };
    const data = new ClusterDataShelf({ ...clusterCaches(), imports }, new ManualClock());
    const kubernetes = "kubernetes clusterset.local cluster.local in-addr.arpa {\n multicluster clusterset.local\n }";
    const made = world(`. {\n ${kubernetes}\n transfer cluster.local clusterset.local {\n to *\n }\n }`, { data });
    const lines = (zone: string) =>
      messages(transfer(made, zone, "AXFR")).flatMap(({ answers }) => answers.map((record) => formatRecord(record)));
    const copied = lines("clusterset.local").filter((line) => line.includes(".svc."));
    expect(copied.sort()).toEqual([
      "_sql._tcp.db.tour.svc.clusterset.local. 5 IN SRV 0 100 5432 db-0.east.db.tour.svc.clusterset.local.",
      "db-0.east.db.tour.svc.clusterset.local. 5 IN A 10.244.1.5",
      "db.tour.svc.clusterset.local. 5 IN A 10.244.1.5",
    ]);
    expect(lines("cluster.local")).toContain("web.tour.svc.cluster.local. 5 IN A 10.96.1.1");
  });

  it("goes over several messages when the zone is large", () => {
    const many = Array.from({ length: 2000 }, (_, i) =>
      service("tour", `s-${i}`, { clusterIP: `10.97.${i >> 8}.${i & 255}` }),
    );
    const data = new ClusterDataShelf({ ...clusterCaches(), services: new MemoryCache(many) }, new ManualClock());
    const all = messages(transfer(world(corefile, { data }), "cluster.local", "AXFR"));
    expect(all.length).toBeGreaterThan(3);
    // The one more is ns.dns.cluster.local.
    expect(all.flatMap(({ answers }) => answers).filter(({ type }) => type === recordTypes.A)).toHaveLength(2000 + 1);
  });

  it("refuses everybody else, zones that it has not, and has none for other questions", async () => {
    const made = world(corefile);
    const code = (zone: string, address?: string) =>
      messages(transfer(made, zone, "AXFR", address)).map(({ rcode }) => responseCodeName(rcode));
    expect(code("cluster.local", "192.168.0.1")).toEqual(["REFUSED"]);
    expect(code("tour.svc.cluster.local")).toEqual(["NOTAUTH"]);
    expect(transfer(made, "cluster.local", "A")).toBeUndefined();
    expect(await made.ask("cluster.local", "AXFR", { transport: "tcp" })).toEqual(["REFUSED"]);
    expect(world(`. {\n ${cluster}\n }`).server.endpoints[0]?.transfer).toBeUndefined();
  });

  it("gives no half zone before everything has arrived", () => {
    const services = new MemoryCache<ReturnType<typeof service>>([], false);
    const data = new ClusterDataShelf({ ...clusterCaches(), services }, new ManualClock());
    expect(messages(transfer(world(corefile, { data }), "cluster.local", "AXFR"))).toMatchObject([{ rcode: 2 }]);
  });
});

describe("log, errors and prometheus", () => {
  it("writes queries as CoreDNS does", async () => {
    const { ask, queries } = world(`. {\n log\n ${cluster}\n ${forward}\n }`);
    await ask("web.tour.svc.cluster.local", "A");
    await ask("no.tour.svc.cluster.local", "AAAA", { client: "fd00::1", transport: "tcp" });
    expect(queries.map((line) => line.replace(/ [0-9.]+s$/, " TIMEs").replace(/- [0-9]+ "/, '- ID "'))).toEqual([
      '[INFO] 10.244.1.5:40000 - ID "A IN web.tour.svc.cluster.local. udp 44 false 512" NOERROR qr,aa,rd 60 TIMEs',
      '[INFO] [fd00::1]:40000 - ID "AAAA IN no.tour.svc.cluster.local. tcp 43 false 512" NXDOMAIN qr,aa,rd 97 TIMEs',
    ]);
  });

  it("writes only the classes, zones and samples that it is told to", async () => {
    const { ask, queries } = world(
      `. {\n log tour.svc.cluster.local "{name} {rcode}" {\n class denial\n sample 2\n }\n ${cluster}\n }`,
    );
    for (let i = 0; i < 4; i++) await ask(`no-${i}.tour.svc.cluster.local`, "A");
    await ask("web.tour.svc.cluster.local", "A");
    await ask("no.default.svc.cluster.local", "A");
    expect(queries).toEqual([
      "[INFO] no-0.tour.svc.cluster.local. NXDOMAIN",
      "[INFO] no-2.tour.svc.cluster.local. NXDOMAIN",
    ]);
  });

  it("says which queries failed, or how many", async () => {
    const { ask, log } = world(`. {\n errors\n ${forward}\n }`);
    await ask("broken.example.com", "A");
    expect(log).toEqual(["error plugin/errors: 2 broken.example.com. A: no answer could be found (SERVFAIL)"]);
    const some = world(`. {\n errors {\n consolidate 10s broken.* warning\n }\n ${forward}\n }`);
    for (let i = 0; i < 3; i++) await some.ask("broken.example.com", "A");
    expect(some.log).toEqual([]);
    some.clock.advance(10_000);
    expect(some.log).toEqual(["warn plugin/errors: 3 errors like 'broken.*' occurred in last 10s"]);
  });

  it("counts under CoreDNS's names", async () => {
    const { ask, metrics } = world(`cluster.local:53 .:53 {\n prometheus\n ${cluster}\n cache\n ${forward}\n }`);
    await ask("web.tour.svc.cluster.local", "A");
    await ask("no.tour.svc.cluster.local", "NAPTR", { client: "fd00::1", transport: "tcp" });
    await ask("db.example.com", "A");
    await ask("db.example.com", "A");
    const text = metrics.expose();
    for (const line of [
      'coredns_dns_requests_total{server="dns://:53",zone="cluster.local.",view="",proto="udp",family="1",type="A"} 1',
      'coredns_dns_requests_total{server="dns://:53",zone="cluster.local.",view="",proto="tcp",family="2",type="other"} 1',
      'coredns_dns_requests_total{server="dns://:53",zone=".",view="",proto="udp",family="1",type="A"} 2',
      'coredns_dns_responses_total{server="dns://:53",zone="cluster.local.",view="",rcode="NXDOMAIN",plugin="kubernetes"} 1',
      'coredns_dns_responses_total{server="dns://:53",zone=".",view="",rcode="NOERROR",plugin="forward"} 1',
      'coredns_dns_responses_total{server="dns://:53",zone=".",view="",rcode="NOERROR",plugin="cache"} 1',
      'coredns_dns_request_size_bytes_count{server="dns://:53",zone=".",view="",proto="udp"} 2',
      'coredns_cache_hits_total{server="dns://:53",type="success",zones="cluster.local.,.",view=""} 1',
      "coredns_panics_total 0",
    ]) {
      expect(text).toContain(`\n${line}\n`);
    }
  });

  it("counts answers of plugins that answer from their configuration as theirs", async () => {
    const hosts = "hosts {\n 192.0.2.7 one.example.com\n fallthrough\n }";
    const { ask, metrics } = world(`.:53 {\n prometheus\n any\n ${cluster}\n ${hosts}\n ${forward}\n }`);
    await ask("one.example.com", "A");
    await ask("one.example.com", "AAAA");
    await ask("one.example.com", "ANY");
    await ask("db.example.com", "A");
    const text = metrics.expose();
    for (const [plugin, count] of [
      ["hosts", 2],
      ["any", 1],
      ["forward", 1],
    ] as const) {
      const labels = `server="dns://:53",zone=".",view="",rcode="NOERROR",plugin="${plugin}"`;
      expect(text).toContain(`\ncoredns_dns_responses_total{${labels}} ${count}\n`);
    }
  });

  it("counts what is remembered as answers of the cache, also behind plugins that look into them, issue-5", async () => {
    const rewrite = "rewrite name other.example.com db.example.com answer auto";
    const { ask, metrics } = world(`.:53 {\n prometheus\n ${rewrite}\n ${cluster}\n cache\n ${forward}\n }`);
    for (const name of ["other", "db", "db", "none"]) await ask(`${name}.example.com`, "A");
    await ask("legacy-db.tour.svc.cluster.local", "A");
    const counts = metrics.expose().matchAll(/^coredns_dns_responses_total\{.*rcode="(.*)",plugin="(.*)"\} (.*)$/gm);
    expect([...counts].map(([, ...words]) => words.join(" "))).toEqual([
      "NOERROR forward 1",
      "NOERROR cache 2",
      "NXDOMAIN forward 1",
      // The alias is the cluster's, whoever knew where it leads.
      "NOERROR kubernetes 1",
    ]);
  });

  it("counts what clients are refused as answers of the plugin that says so", async () => {
    const { ask, metrics } = world(`.:53 {\n prometheus\n acl {\n block type AAAA\n }\n ratelimit 1\n ${cluster}\n }`);
    await ask("web.tour.svc.cluster.local", "AAAA");
    await ask("web.tour.svc.cluster.local", "A");
    for (const plugin of ["acl", "ratelimit"]) {
      expect(metrics.expose()).toContain(`rcode="REFUSED",plugin="${plugin}"} 1\n`);
    }
  });

  it("counts nothing for blocks without prometheus", async () => {
    const { ask, metrics } = world(`. {\n ${cluster}\n }`);
    await ask("web.tour.svc.cluster.local", "A");
    expect(metrics.expose()).not.toContain("coredns_dns_");
  });
});
