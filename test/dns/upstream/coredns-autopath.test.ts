import { describe, expect, it } from "vitest";
import { formatName, rootName } from "../../../src/codec/index.ts";
import { MemoryCache } from "../../../src/dns/index.ts";
import type { Pod } from "../../../src/objects/index.ts";
import { namespace, service, slice } from "../cluster.ts";
import { corefileWorld, expectDeviation, said, zoneOutside } from "./corefile-world.ts";
import type { Outside } from "./corefile-world.ts";
import { record, recordsOf } from "./zone-text.ts";

const soa = record("example.org 1800 SOA example.org example.org 1502165581 14400 3600 604800 14400");
/** A server outside that notes for which names it was asked. */
function noting(outside: Outside) {
  const names: string[] = [];
  const noted: Outside = (query, upstream) => {
    names.push(formatName(query.questions[0]?.name ?? rootName));
    return outside(query, upstream);
  };
  return { names, noted };
}

describe("coredns: plugin/autopath/autopath_test.go", () => {
  const files = { "/search": "search example.org example.com com\n" };
  const corefile = ". {\n autopath /search\n forward . 192.0.2.1\n }";
  const known = zoneOutside(recordsOf("b.com 3600 A 127.0.0.53", "a.example.com 3600 A 127.0.0.53"), soa);
  const outside: Outside = (query, upstream) =>
    ["b.example.org.", "b.com.", "b.example.com.", "a.example.com."].includes(
      formatName(query.questions[0]?.name ?? soa.name),
    )
      ? known(query, upstream)
      : { rcode: 2 };

  it.each([
    ["b.example.org", ["NOERROR", "b.example.org. 3600 IN CNAME b.com.", "b.com. 3600 IN A 127.0.0.53"]],
    ["a.example.com", ["NOERROR", "a.example.com. 3600 IN A 127.0.0.53"]],
    // TestAutoPathNoAnswer: a failure is no reason to go on.
    ["c.example.org", ["SERVFAIL"]],
  ])("%s", async (name, expected) => {
    const { ask } = corefileWorld(corefile, { outside, files });
    expect(said(await ask(name, "A"))).toEqual(expected);
  });

  /** TestInSearchPath: only names under the first search domain are looked for. */
  it.each([
    ["google.com", false],
    // The domain alone has no name before it that could be looked for elsewhere.
    ["default.svc.cluster.local", false],
    ["a.default.svc.cluster.local", true],
    ["a.b.svc.cluster.local", false],
  ])("looks for %s elsewhere: %s", async (name, searched) => {
    const { names, noted } = noting(() => ({ rcode: 3 }));
    const { ask } = corefileWorld(corefile, {
      outside: noted,
      files: { "/search": "search default.svc.cluster.local svc.cluster.local cluster.local\n" },
    });
    await ask(name, "A");
    expect(names.length > 1).toBe(searched);
    if (searched) expect(names).toEqual([`${name}.`, "a.svc.cluster.local.", "a.cluster.local.", "a."]);
  });
});

const pod = (name: string, of: string, podIP: string, hostNetwork = false): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: of, name },
  spec: { containers: [], hostNetwork },
  status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
});
const http = { name: "http", protocol: "TCP", port: 80 } as const;
const client = (address: string) => ({ client: { address, port: 40_212 } });

describe("coredns: plugin/kubernetes/autopath_test.go", () => {
  const cluster = () => ({
    services: new MemoryCache([
      service("testns", "svc1", { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ports: [http] }),
    ]),
    endpointSlices: new MemoryCache([]),
    namespaces: new MemoryCache(["testns", "other"].map(namespace)),
    pods: new MemoryCache([pod("foo", "testns", "10.240.0.1"), pod("bar", "other", "10.16.0.1", true)]),
  });
  const corefile = (zone: string) =>
    `. {\n kubernetes ${zone} {\n pods verified\n }\n autopath @kubernetes\n forward . 192.0.2.1\n }`;
  const custom = ["example.com.custom.", "example.com."];
  /** Who asks for what, which names the server outside is then asked for, and which CoreDNS would ask for. */
  const cases: readonly (readonly [name: string, ip: string, asked: readonly string[], coredns?: readonly string[]])[] =
    [
      [
        "svc1.testns.svc.interwebs.test.testns.svc.interwebs.test",
        "10.240.0.1",
        ["svc1.testns.svc.interwebs.test.custom."],
      ],
      ["svc1.testns.svc.interwebs.test", "10.240.0.1", []],
      ["example.com.testns.svc.interwebs.test", "10.240.0.1", custom],
      ["example.com.other.svc.interwebs.test", "10.16.0.1", [], custom],
      // The second query of a client that was told what was found for the first
      ["example.com.svc.interwebs.test", "10.240.0.1", []],
      ["example.other.svc.interwebs.test", "10.240.0.1", []],
      ["example.testns.svc.interwebs.test", "10.240.0.1", ["example.custom.", "example."]],
      ["example.other.svc.interwebs.test", "10.16.0.1", [], ["example.custom.", "example."]],
    ];
  it.each(cases.map((one) => [one[0], one[1], one] as const))("%s from %s", async (name, ip, [, , asked, coredns]) => {
    const { names, noted } = noting(() => ({ rcode: 3 }));
    const { ask } = corefileWorld(corefile("interwebs.test"), {
      cluster: cluster(),
      hostSearch: ["custom"],
      outside: noted,
    });
    await ask(name, "A", client(ip));
    expect(names).toEqual(asked);
    if (coredns !== undefined) {
      expect(coredns).not.toEqual(asked);
      expectDeviation("`autopath @kubernetes`");
    }
  });

  /** The zone is the root and leaves what it does not know to the server outside: that hears of each search domain. */
  const first = "example.com.testns.svc.";
  const whole = [first, "example.com.svc.", "example.com.", ...custom];
  it.each([
    ["10.240.0.1", whole, whole],
    ["10.16.0.1", [first], whole],
  ])("example.com.testns.svc from %s, in the root", async (ip, asked, coredns) => {
    const { names, noted } = noting(() => ({ rcode: 3 }));
    const { ask } = corefileWorld(corefile(".").replace("pods verified", "pods verified\n fallthrough"), {
      cluster: cluster(),
      hostSearch: ["custom"],
      outside: noted,
    });
    await ask("example.com.testns.svc", "A", client(ip));
    expect(names).toEqual(asked);
    if (coredns !== asked) expectDeviation("`autopath @kubernetes`");
  });
});

describe("coredns/ci: test/kubernetes/autopath_test.go", () => {
  const list = "test-1.svc.cluster.local";
  const corefile = `. {
    autopath @kubernetes
    kubernetes cluster.local {
      pods verified
    }
    forward . 192.0.2.1
  }`;
  const a = "svc-1-a.test-1.svc.cluster.local. 5 IN A 10.96.0.100";
  const alias = (name: string, target: string, ttl = 5) => `${name}.${list}. ${ttl} IN CNAME ${target}.`;
  it.each([
    ["svc-1-a", ["NOERROR", a]],
    ["svc-1-a.test-1", ["NOERROR", alias("svc-1-a.test-1", "svc-1-a.test-1.svc.cluster.local"), a]],
    ["svc-1-a.test-1.svc", ["NOERROR", alias("svc-1-a.test-1.svc", "svc-1-a.test-1.svc.cluster.local"), a]],
    [
      "svc-1-a.test-1.svc.cluster.local",
      ["NOERROR", alias("svc-1-a.test-1.svc.cluster.local", "svc-1-a.test-1.svc.cluster.local"), a],
    ],
    [
      "foo.example.net",
      ["NOERROR", alias("foo.example.net", "foo.example.net", 303), "foo.example.net. 303 IN A 10.10.10.11"],
    ],
    // Switched off upstream, where it is not implemented: a name that exists nowhere ends the search, too.
    [
      "bar.example.net",
      [
        "NXDOMAIN",
        "ns: cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1499347823 7200 1800 86400 5",
      ],
    ],
  ])("%s", async (name, expected) => {
    const { ask } = corefileWorld(corefile, {
      cluster: {
        services: new MemoryCache([
          service("test-1", "svc-1-a", { clusterIP: "10.96.0.100", clusterIPs: ["10.96.0.100"], ports: [http] }),
        ]),
        endpointSlices: new MemoryCache([slice("test-1", "svc-1-a", "svc-1-a-1", [["172.17.0.253"]])]),
        namespaces: new MemoryCache(["test-1"].map(namespace)),
        pods: new MemoryCache([pod("client", "test-1", "10.244.1.9")]),
      },
      outside: zoneOutside(recordsOf("example.net 303 A 10.10.10.10", "foo.example.net 303 A 10.10.10.11"), soa),
    });
    // The first name that a pod's resolver asks for.
    expect(said(await ask(`${name}.${list}`, "A", client("10.244.1.9")))).toEqual(expected);
  });
});

/** test/erratic_autopath_test.go, with a resolver file in the place of a plugin that is there for tests only. */
describe("coredns: test/erratic_autopath_test.go", () => {
  const outside = zoneOutside(recordsOf("google.com 300 A 172.217.25.110"), soa);
  const files = { "/search": "search a.example.org b.example.org\n" };
  it.each([
    [
      "google.com.a.example.org",
      ["NOERROR", "google.com.a.example.org. 300 IN CNAME google.com.", "google.com. 300 IN A 172.217.25.110"],
    ],
    ["google.com", ["NOERROR", "google.com. 300 IN A 172.217.25.110"]],
  ])("%s", async (name, expected) => {
    const { ask } = corefileWorld(". {\n autopath /search\n forward . 192.0.2.1\n }", { outside, files });
    expect(said(await ask(name, "A"))).toEqual(expected);
  });

  it("searches nothing without autopath", async () => {
    const { ask } = corefileWorld(". {\n forward . 192.0.2.1\n }", { outside });
    expect((await ask("google.com.a.example.org", "A")).rcode).toBe(3);
  });
});
