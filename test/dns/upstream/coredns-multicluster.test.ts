import { describe, expect, it } from "vitest";
import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { ClusterDns, ClusterDnsOptions } from "../../../src/dns/index.ts";
import type { EndpointSlice, ServiceImport } from "../../../src/objects/index.ts";
import { namespace, query, service, slice, words } from "../cluster.ts";
import { differs, replay, rows } from "./replay.ts";
import type { Case } from "./replay.ts";

const zone = "clusterset.local";
const http = { name: "http", protocol: "TCP", port: 80 } as const;

function imported(name: string, spec: ServiceImport["spec"], space = "testns"): ServiceImport {
  const metadata = { namespace: space, name };
  return { apiVersion: "multicluster.x-k8s.io/v1alpha1", kind: "ServiceImport", metadata, ...(spec && { spec }) };
}

const clusterSetIp = (name: string, ...ips: readonly string[]) =>
  imported(name, { type: "ClusterSetIP", ips, ports: [http] });

/** As it is in the importing cluster: the labels say whose it is. */
function from(cluster: string | undefined, one: EndpointSlice): EndpointSlice {
  const owner = one.metadata.labels?.["kubernetes.io/service-name"] ?? "";
  const labels = {
    "multicluster.kubernetes.io/service-name": owner,
    ...(cluster === undefined ? {} : { "multicluster.kubernetes.io/source-cluster": cluster }),
  };
  return { ...one, metadata: { ...one.metadata, labels } };
}

const serviceImports = [
  imported(
    "kubedns",
    { type: "ClusterSetIP", ips: ["10.0.0.10"], ports: [{ name: "dns", protocol: "UDP", port: 53 }] },
    "kube-system",
  ),
  clusterSetIp("svc1", "10.0.0.1"),
  clusterSetIp("svcempty", "10.0.0.1"),
  clusterSetIp("svc6", "1234:abcd::1"),
  clusterSetIp("svc-dual-stack", "10.0.0.3", "10::3"),
  imported("hdls1", { type: "Headless", ips: [] }),
  imported("hdlsprtls", { type: "Headless" }),
  imported("svc1", { type: "ClusterSetIP", ips: ["10.0.0.2"], ports: [http] }, "unexposedns"),
  // What no upstream table has
  imported("pets", { type: "Headless", ports: [http] }),
  imported("nobody", { type: "Headless" }),
  imported("waiting", { type: "ClusterSetIP" }),
  imported("bare", undefined),
];

const slices = [
  from("cluster1", slice("testns", "svc1", "svc1-slice1", [["172.0.0.1", "ep1a"]])),
  from("cluster1", slice("testns", "svcempty", "svcempty-slice1", [])),
  from(
    "cluster1",
    slice("testns", "hdls1", "hdls1-slice1", [
      ["172.0.0.2"],
      ["172.0.0.3"],
      ["172.0.0.4", "dup-name"],
      ["172.0.0.5", "dup-name"],
      ["5678:abcd::1"],
      ["5678:abcd::2"],
    ]),
  ),
  from("cluster1", slice("testns", "hdlsprtls", "hdlsprtls-slice1", [["172.0.0.20"]], [])),
  from(
    "East",
    slice("testns", "pets", "pets-east", [
      ["172.1.0.1", "pet-0"],
      ["172.1.0.2", "pet-1", false],
    ]),
  ),
  from("west", slice("testns", "pets", "pets-west", [["172.2.0.1", "pet-0"]])),
  // Nobody says where these are.
  from(undefined, slice("testns", "pets", "pets-1", [["172.3.0.1", "pet-9"]])),
  from("not a label", slice("testns", "pets", "pets-2", [["172.3.0.2"]])),
  // A Service of the cluster itself
  slice("testns", "own", "own-1", [["172.9.0.1", "own-0"]]),
];

function world(options: Partial<ClusterDnsOptions> = {}): ClusterDns {
  return createClusterDns({
    caches: {
      services: new MemoryCache([
        service("testns", "own", { clusterIP: "10.0.9.9", clusterIPs: ["10.0.9.9"], ports: [http] }),
        service("testns", "svc1", { clusterIP: "10.0.9.1", clusterIPs: ["10.0.9.1"], ports: [http] }),
      ]),
      endpointSlices: new MemoryCache(slices),
      namespaces: new MemoryCache(["kube-system", "testns", "unexposedns"].map(namespace)),
      imports: {
        serviceImports: new MemoryCache(serviceImports),
        endpointSlices: new MemoryCache(slices.filter(isImported)),
      },
    },
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    nameservers: [ip("10.0.0.53")],
    multicluster: [zone],
    isExposed: (name) => name === "testns",
    ...options,
  });
}

function isImported({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.["multicluster.kubernetes.io/service-name"] !== undefined;
}

const inZone = (cases: readonly Case[]): readonly Case[] => cases.map((one) => ({ ...one, zone }));

/** The table that upstream asks of one cluster, too: here all is of the other zone. */
replay(
  "coredns: plugin/kubernetes/handler_test.go, what both kinds of zones have, in a multicluster zone",
  inZone(
    rows(zone, [
      ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
      ["svcempty.testns.svc", "A", ["A 10.0.0.1"]],
      ["svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
      ["svcempty.testns.svc", "SRV", ["SRV 0 100 80 svcempty.testns.svc@", "+ svcempty.testns.svc@ A 10.0.0.1"]],
      ["svc6.testns.svc", "SRV", ["SRV 0 100 80 svc6.testns.svc@", "+ svc6.testns.svc@ AAAA 1234:abcd::1"]],
      ["_http._tcp.svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
      [
        "_http._tcp.svcempty.testns.svc",
        "SRV",
        ["SRV 0 100 80 svcempty.testns.svc@", "+ svcempty.testns.svc@ A 10.0.0.1"],
      ],
      ["hdls1.testns.svc", "A", ["A 172.0.0.2", "A 172.0.0.3", "A 172.0.0.4", "A 172.0.0.5"]],
      ["hdlsprtls.testns.svc", "A", ["A 172.0.0.20"]],
      ["svc1.testns.svc", "AAAA", "NODATA"],
      ["svc0.testns.svc", "AAAA", "NXDOMAIN"],
      ["svc0.testns.svc", "A", "NXDOMAIN"],
      ["svc0.svc-nons.svc", "A", "NXDOMAIN"],
      ["dns-version", "TXT", ['TXT/28800 "1.1.0"']],
      ["svc1.testns.svc", "TXT", "NODATA"],
      ["svc0.svc-nons.svc", "TXT", "NXDOMAIN"],
      ["bogusendpoint.hdls1.testns.svc", "A", "NXDOMAIN"],
      ["bogusendpoint.svc0.testns.svc", "A", "NXDOMAIN"],
      ["svc6.testns.svc", "AAAA", ["AAAA 1234:abcd::1"]],
      ["_http._tcp.svc6.testns.svc", "SRV", ["SRV 0 100 80 svc6.testns.svc@", "+ svc6.testns.svc@ AAAA 1234:abcd::1"]],
      ["hdls1.testns.svc", "AAAA", ["AAAA 5678:abcd::1", "AAAA 5678:abcd::2"]],
      ["svc", "A", "NODATA"],
      ["pod", "A", "NODATA"],
      ["testns.svc", "A", "NODATA"],
      ["svc", "NS", "NODATA"],
      ["testns.svc", "NS", "NODATA"],
      ["foo", "NS", "NXDOMAIN"],
      ["foo.svc", "NS", "NXDOMAIN"],
      ["svc-dual-stack.testns.svc", "A", ["A 10.0.0.3"]],
      ["svc-dual-stack.testns.svc", "AAAA", ["AAAA 10::3"]],
      [
        "svc-dual-stack.testns.svc",
        "SRV",
        [
          "SRV 0 50 80 svc-dual-stack.testns.svc@",
          "+ svc-dual-stack.testns.svc@ A 10.0.0.3",
          "+ svc-dual-stack.testns.svc@ AAAA 10::3",
        ],
      ],
      ["svc1.testns.svc", "SOA", "NODATA"],
      ["endpoint.external.testns.svc", "CNAME", "NXDOMAIN"],
      ["subdomain.subdomain.external.testns.svc", "CNAME", "NXDOMAIN"],
    ]),
  ),
  34,
  () => world(),
);

replay(
  "coredns: plugin/kubernetes/handler_test.go, multicluster",
  inZone(
    rows(zone, [
      [
        "_http._tcp.hdls1.testns.svc",
        "SRV",
        [
          ...["172-0-0-2", "172-0-0-3", "5678-abcd--1", "5678-abcd--2", "dup-name"].map(
            (host) => `SRV 0 16 80 ${host}.cluster1.hdls1.testns.svc@`,
          ),
          "+ 172-0-0-2.cluster1.hdls1.testns.svc@ A 172.0.0.2",
          "+ 172-0-0-3.cluster1.hdls1.testns.svc@ A 172.0.0.3",
          "+ 5678-abcd--1.cluster1.hdls1.testns.svc@ AAAA 5678:abcd::1",
          "+ 5678-abcd--2.cluster1.hdls1.testns.svc@ AAAA 5678:abcd::2",
          "+ dup-name.cluster1.hdls1.testns.svc@ A 172.0.0.4",
          "+ dup-name.cluster1.hdls1.testns.svc@ A 172.0.0.5",
        ],
      ],
      ["hdls1.testns.svc", "A", ["A 172.0.0.2", "A 172.0.0.3", "A 172.0.0.4", "A 172.0.0.5"]],
      ["5678-abcd--2.cluster1.hdls1.testns.svc", "AAAA", ["AAAA 5678:abcd::2"]],
      ["5678-abcd--1.cluster1.hdls1.testns.svc", "AAAA", ["AAAA 5678:abcd::1"]],
      ["172-0-0-20.cluster1.hdlsprtls.testns.svc", "A", ["A 172.0.0.20"]],
      ["5678-abcd--1.hdls1.testns.svc", "AAAA", "NXDOMAIN"],
      ["172-0-0-2.cluster1.hdls1.testns.svc", "A", ["A 172.0.0.2"]],
      ["172-0-0-3.cluster1.hdls1.testns.svc", "A", ["A 172.0.0.3"]],
      ["dup-name.cluster1.hdls1.testns.svc", "A", ["A 172.0.0.4", "A 172.0.0.5"]],
    ]),
  ),
  9,
  () => world(),
);

replay(
  "multicluster zones: what no upstream table asks",
  [
    ...inZone(
      rows(zone, [
        // The same hostname in two clusters, one of which is written in capitals
        ["pet-0.east.pets.testns.svc", "A", ["A 172.1.0.1"]],
        ["pet-0.west.pets.testns.svc", "A", ["A 172.2.0.1"]],
        ["pet-1.east.pets.testns.svc", "A", "NXDOMAIN"],
        ["pet-0.north.pets.testns.svc", "A", "NXDOMAIN"],
        ["pets.testns.svc", "A", ["A 172.1.0.1", "A 172.2.0.1", "A 172.3.0.1", "A 172.3.0.2"]],
        [
          "_http._tcp.pets.testns.svc",
          "SRV",
          [
            ...["pet-0.east", "pet-0.west", "pet-9", "172-3-0-2"].map((host) => `SRV 0 25 80 ${host}.pets.testns.svc@`),
            "+ pet-0.east.pets.testns.svc@ A 172.1.0.1",
            "+ pet-0.west.pets.testns.svc@ A 172.2.0.1",
            "+ pet-9.pets.testns.svc@ A 172.3.0.1",
            "+ 172-3-0-2.pets.testns.svc@ A 172.3.0.2",
          ],
        ],
        [
          "pet-0.west.pets.testns.svc",
          "SRV",
          ["SRV 0 100 80 pet-0.west.pets.testns.svc@", "+ pet-0.west.pets.testns.svc@ A 172.2.0.1"],
        ],
        // Slices that do not say their cluster
        ["pet-9.pets.testns.svc", "A", ["A 172.3.0.1"]],
        ["172-3-0-2.pets.testns.svc", "A", ["A 172.3.0.2"]],
        // Endpoints of a ServiceImport with an address
        ["ep1a.cluster1.svc1.testns.svc", "A", ["A 172.0.0.1"]],
        ["ep1a.svc1.testns.svc", "A", "NXDOMAIN"],
        ["_http._tcp.svc1.testns.svc", "A", ["A 10.0.0.1"]],
        // No endpoint, no address yet, nothing at all
        ["nobody.testns.svc", "A", "NXDOMAIN"],
        ["waiting.testns.svc", "A", "NODATA"],
        ["bare.testns.svc", "A", "NODATA"],
        ["svc1.unexposedns.svc", "A", "NXDOMAIN"],
        // Not in this zone: Services of the cluster itself, and names of zones
        ["own.testns.svc", "A", "NXDOMAIN"],
        ["a.pin._zone.pets.testns.svc", "A", "NXDOMAIN"],
        ["a.b.c.pets.testns.svc", "A", "NXDOMAIN"],
        // The zone's server is this one; no Service leads here.
        ["", "NS", ["NS ns.dns@", "+ ns.dns@ A 10.0.0.53"]],
      ]),
    ),
    ...inZone(
      differs(rows(zone, [["east.pets.testns.svc", "A", "NODATA"]]), "Names that exist without that type", "NXDOMAIN"),
    ),
    // The cluster's own zone knows nothing of other clusters.
    ...rows("cluster.local", [
      ["svc1.testns.svc", "A", ["A 10.0.9.1"]],
      ["own-0.own.testns.svc", "A", ["A 172.9.0.1"]],
      ["pets.testns.svc", "A", "NXDOMAIN"],
      ["pet-0.west.pets.testns.svc", "A", "NXDOMAIN"],
    ]),
  ],
  25,
  () => world({ zonal: true }),
);

describe("multicluster", () => {
  const ask = async (dns: ClusterDns, name: string): Promise<readonly string[]> =>
    words(await query(dns, name, "A")).map((word) => word.replace(/^\S+ 5 IN A /, ""));
  const svc1 = `svc1.testns.svc.${zone}.`;

  it("follows ServiceImports and their slices", async () => {
    const imports = {
      serviceImports: new MemoryCache<ServiceImport>(),
      endpointSlices: new MemoryCache<EndpointSlice>(),
    };
    const caches = { services: new MemoryCache([]), endpointSlices: new MemoryCache([]), imports };
    const dns = world({ caches });
    expect((await ask(dns, svc1))[0]).toBe("NXDOMAIN");
    imports.serviceImports.set(clusterSetIp("svc1", "10.0.0.1"));
    expect(await ask(dns, svc1)).toEqual(["NOERROR", "10.0.0.1"]);
    // The namespace is there: nothing lists namespaces, and something is in it.
    expect((await ask(dns, `testns.svc.${zone}.`))[0]).toBe("NOERROR");
    imports.serviceImports.set(imported("svc1", { type: "Headless" }));
    expect((await ask(dns, svc1))[0]).toBe("NXDOMAIN");
    imports.endpointSlices.set(from("c1", slice("testns", "svc1", "one", [["172.0.0.1"]])));
    expect(await ask(dns, svc1)).toEqual(["NOERROR", "172.0.0.1"]);
    expect(await ask(dns, `172-0-0-1.c1.${svc1}`)).toEqual(["NOERROR", "172.0.0.1"]);
    imports.endpointSlices.set(from("c2", slice("testns", "svc1", "one", [["172.0.0.1"]])));
    expect((await ask(dns, `172-0-0-1.c1.${svc1}`))[0]).toBe("NXDOMAIN");
    expect(await ask(dns, `172-0-0-1.c2.${svc1}`)).toEqual(["NOERROR", "172.0.0.1"]);
    imports.endpointSlices.delete("testns", "one");
    expect((await ask(dns, svc1))[0]).toBe("NXDOMAIN");
    imports.serviceImports.delete("testns", "svc1");
    expect((await ask(dns, `testns.svc.${zone}.`))[0]).toBe("NXDOMAIN");
  });

  it("lets the cluster's own names be while what others export has not arrived", async () => {
    const imports = {
      serviceImports: new MemoryCache<ServiceImport>([], false),
      endpointSlices: new MemoryCache<EndpointSlice>(),
    };
    const caches = { services: new MemoryCache([]), endpointSlices: new MemoryCache([]), imports };
    const dns = world({ caches });
    expect((await ask(dns, svc1))[0]).toBe("SERVFAIL");
    expect((await ask(dns, "svc1.testns.svc.cluster.local."))[0]).toBe("NXDOMAIN");
    expect(dns.stats().synced).toBe(false);
    imports.serviceImports.markSynced();
    expect((await ask(dns, svc1))[0]).toBe("NXDOMAIN");
    expect(dns.stats().synced).toBe(true);
  });

  it("has names of pods where endpoints are called so, and none without endpoints", async () => {
    const [pets] = slices.filter(({ metadata }) => metadata.name === "hdlsprtls-slice1");
    const endpoints = [{ addresses: ["172.0.0.20"], targetRef: { kind: "Pod", name: "web-abc" } }];
    const imports = {
      serviceImports: new MemoryCache(serviceImports),
      endpointSlices: new MemoryCache(pets === undefined ? [] : [{ ...pets, endpoints }]),
    };
    const caches = { services: new MemoryCache([]), endpointSlices: new MemoryCache([]), imports };
    const name = `web-abc.cluster1.hdlsprtls.testns.svc.${zone}.`;
    expect(await ask(world({ caches, endpointNames: "pod" }), name)).toEqual(["NOERROR", "172.0.0.20"]);
    expect((await ask(world({ caches }), name))[0]).toBe("NXDOMAIN");
    expect((await ask(world({ caches, endpointNames: "none" }), name))[0]).toBe("NXDOMAIN");
  });

  it("is watched only where a zone wants it", () => {
    const caches = {
      services: new MemoryCache([]),
      endpointSlices: new MemoryCache([]),
      get imports(): never {
        throw new Error("nobody asked");
      },
    };
    expect(() => world({ caches, multicluster: [] })).not.toThrow();
    expect(() => world({ caches })).toThrow("nobody asked");
  });

  it("hides what has no endpoint where empty Services are hidden", async () => {
    const dns = world({ hidesEmptyServices: true });
    expect((await ask(dns, `svcempty.testns.svc.${zone}.`))[0]).toBe("NXDOMAIN");
    expect(await ask(dns, svc1)).toEqual(["NOERROR", "10.0.0.1"]);
  });
});
