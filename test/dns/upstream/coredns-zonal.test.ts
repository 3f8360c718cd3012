import { describe, expect, it } from "vitest";
import { ManualClock, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { ClusterDns, ClusterDnsOptions } from "../../../src/dns/index.ts";
import type { EndpointSlice } from "../../../src/objects/index.ts";
import { namespace, query, service, slice, words } from "../cluster.ts";
import { differs, replay, rows } from "./replay.ts";

const zone = "cluster.local";
const http = { name: "http", protocol: "TCP", port: 80 } as const;

type Ends = readonly (readonly [address: string, zone?: string, hostname?: string | undefined, ready?: boolean])[];

/** A slice whose endpoints are in zones. */
function zoned(owner: string, name: string, ends: Ends): EndpointSlice {
  const plain = slice(
    "testns",
    owner,
    name,
    ends.map(([address, , hostname, ready = true]) => [address, hostname, ready] as const),
  );
  const endpoints = plain.endpoints.map((endpoint, i) => {
    const at = ends[i]?.[1];
    return at === undefined ? endpoint : { ...endpoint, zone: at };
  });
  return { ...plain, endpoints };
}

const services = [
  service("testns", "hdls", { clusterIP: "None" }),
  service("testns", "clstr", { clusterIP: "10.0.0.10", clusterIPs: ["10.0.0.10"], ports: [http] }),
  service("testns", "alias", { type: "ExternalName", externalName: "ext.interwebs.test" }),
  service("testns", "mixed", { clusterIP: "None" }),
  service("testns", "nobody", { clusterIP: "None" }),
];
const hdls: Ends = [
  ["172.0.0.1", "us-west-2a"],
  ["172.0.0.2", "us-west-2b"],
  ["172.0.0.3", "us-west-2b"],
];
const slices = new MemoryCache([
  zoned("hdls", "hdls-slice", hdls),
  zoned("mixed", "mixed-4", [
    ["172.0.1.1", "corp.example.com", "twin"],
    ["172.0.1.2", "Lab-A", "twin"],
    ["172.0.1.3"],
    ["172.0.1.4", "lab-a", undefined, false],
    ["172.0.1.5", "no zone, at all"],
  ]),
  zoned("mixed", "mixed-4b", [["172.0.1.6", "lab-a"]]),
  zoned("mixed", "mixed-6", [["fd00::1", "lab-a", "twin"]]),
  zoned("clstr", "clstr-1", [["172.0.2.1", "us-west-2a"]]),
]);

function world(options: Partial<ClusterDnsOptions> = {}, endpointSlices = slices): ClusterDns {
  return createClusterDns({
    caches: {
      services: new MemoryCache(services),
      endpointSlices,
      namespaces: new MemoryCache([namespace("testns")]),
    },
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    zonal: true,
    ...options,
  });
}

const srv = (weight: number, ...hosts: readonly string[]) => [
  ...hosts.map((host) => `SRV 0 ${weight} 80 172-0-0-${host}.hdls.testns.svc@`),
  ...hosts.map((host) => `+ 172-0-0-${host}.hdls.testns.svc@ A 172.0.0.${host}`),
];

replay(
  "coredns: plugin/kubernetes/zonal_test.go",
  rows(zone, [
    ["us-west-2a.pin._zone.hdls.testns.svc", "A", ["A 172.0.0.1"]],
    ["us-west-2b.pin._zone.hdls.testns.svc", "A", ["A 172.0.0.2", "A 172.0.0.3"]],
    ["us-west-2c.pin._zone.hdls.testns.svc", "A", "NODATA"],
    ["us-west-2a.prefer._zone.hdls.testns.svc", "A", ["A 172.0.0.1"]],
    ["us-west-2c.prefer._zone.hdls.testns.svc", "A", ["A 172.0.0.1", "A 172.0.0.2", "A 172.0.0.3"]],
    ["us-west-2a.pin._zone.ghost.testns.svc", "A", "NXDOMAIN"],
    ["us-west-2a.florp._zone.hdls.testns.svc", "A", "NXDOMAIN"],
    ["us-west-2a.pin._zone.clstr.testns.svc", "A", "NXDOMAIN"],
    ["us-west-2c.pin._zone.hdls.testns.svc", "TXT", "NODATA"],
    ["us-west-2c.prefer._zone.hdls.testns.svc", "SRV", srv(33, "1", "2", "3")],
    ["us-west-2c.prefer._zone.hdls.testns.svc", "TXT", "NODATA"],
    ["us-west-2b.pin._zone.hdls.testns.svc", "SRV", srv(50, "2", "3")],
  ]),
  12,
  () => world(),
);

replay(
  "coredns: plugin/kubernetes/zonal_test.go, option off",
  rows(zone, [
    ["us-west-2a.pin._zone.hdls.testns.svc", "A", "NXDOMAIN"],
    ["us-west-2a._zone.hdls.testns.svc", "A", "NXDOMAIN"],
    ["_zone.hdls.testns.svc", "A", "NXDOMAIN"],
    ["us-west-2a._zone.clstr.testns.svc", "A", "NXDOMAIN"],
    ["us-west-2a.prefer._zone.hdls.testns.svc", "TXT", "NXDOMAIN"],
    ["us-west-2a.prefer._zone.hdls.testns.svc", "SRV", "NXDOMAIN"],
  ]),
  6,
  () => world({ zonal: false }),
);

replay(
  "zones: what no upstream table asks",
  [
    ...rows(zone, [
      // Plain names are as without the option.
      ["hdls.testns.svc", "A", ["A 172.0.0.1", "A 172.0.0.2", "A 172.0.0.3"]],
      ["clstr.testns.svc", "A", ["A 10.0.0.10"]],
      // Values of a node's label have dots and capitals.
      ["corp.example.com.pin._zone.mixed.testns.svc", "A", ["A 172.0.1.1"]],
      ["example.com.pin._zone.mixed.testns.svc", "A", "NODATA"],
      ["lab-a.pin._zone.mixed.testns.svc", "A", ["A 172.0.1.2", "A 172.0.1.6"]],
      ["lab-a.pin._zone.mixed.testns.svc", "AAAA", ["AAAA fd00::1"]],
      ["corp.example.com.pin._zone.mixed.testns.svc", "AAAA", "NODATA"],
      // An endpoint in another family is an endpoint: nothing is widened.
      ["corp.example.com.prefer._zone.mixed.testns.svc", "AAAA", "NODATA"],
      // Addresses behind targets are those of the zone, too.
      [
        "corp.example.com.pin._zone.mixed.testns.svc",
        "SRV",
        ["SRV 0 100 80 twin.mixed.testns.svc@", "+ twin.mixed.testns.svc@ A 172.0.1.1"],
      ],
      ["us-west-2a.pin._zone.hdls.testns.svc", "HTTPS", "NODATA"],
      ["us-west-2a.pin._zone.hdls.testns.svc", "ANY", "NODATA"],
      // No endpoint anywhere
      ["us-west-2a.pin._zone.nobody.testns.svc", "A", "NODATA"],
      ["us-west-2a.prefer._zone.nobody.testns.svc", "A", "NODATA"],
      ["us-west-2a.prefer._zone.nobody.testns.svc", "SRV", "NODATA"],
      // No zones here
      ["us-west-2a.pin._zone.alias.testns.svc", "A", "NXDOMAIN"],
      ["_zone.clstr.testns.svc", "A", "NXDOMAIN"],
      ["pin._zone.clstr.testns.svc", "A", "NXDOMAIN"],
      ["us-west-2a._zone.hdls.testns.svc", "A", "NXDOMAIN"],
      ["us-west-2a.pin._zones.hdls.testns.svc", "A", "NXDOMAIN"],
      ["us-west-2a.pin._zone.hdls.testns.pod", "A", "NXDOMAIN"],
    ]),
    // Names are below these.
    ...differs(
      rows(zone, [
        ["_zone.hdls.testns.svc", "A", "NODATA"],
        ["pin._zone.hdls.testns.svc", "SRV", "NODATA"],
        ["prefer._zone.nobody.testns.svc", "A", "NODATA"],
      ]),
      "Names that exist without that type",
      "NXDOMAIN",
    ),
  ],
  23,
  () => world(),
);

describe("zones", () => {
  const ask = async (dns: ClusterDns, name: string): Promise<readonly string[]> =>
    words(await query(dns, name, "A")).map((word) => word.replace(/^\S+ 5 IN A /, ""));
  const pinned = "b.pin._zone.hdls.testns.svc.cluster.local.";
  const preferred = "b.prefer._zone.hdls.testns.svc.cluster.local.";

  it("follow their endpoints", async () => {
    const cache = new MemoryCache([zoned("hdls", "one", [["172.0.0.1", "a"]])]);
    const dns = world({}, cache);
    expect((await ask(dns, pinned))[0]).toBe("NOERROR");
    expect(await ask(dns, preferred)).toEqual(["NOERROR", "172.0.0.1"]);
    cache.set(zoned("hdls", "two", [["172.0.0.2", "b"]]));
    expect(await ask(dns, pinned)).toEqual(["NOERROR", "172.0.0.2"]);
    expect(await ask(dns, preferred)).toEqual(["NOERROR", "172.0.0.2"]);
    // Nothing else of the slice changes.
    cache.set(zoned("hdls", "two", [["172.0.0.2", "a"]]));
    expect((await ask(dns, pinned))[1]).toContain("SOA");
    expect((await ask(dns, preferred)).toSorted()).toEqual(["172.0.0.1", "172.0.0.2", "NOERROR"]);
  });

  it("are not denied before all slices have arrived", async () => {
    const cache = new MemoryCache([zoned("hdls", "one", [["172.0.0.1", "b"]])], false);
    const dns = world({}, cache);
    expect(await ask(dns, pinned)).toEqual(["NOERROR", "172.0.0.1"]);
    expect((await ask(dns, "a.pin._zone.hdls.testns.svc.cluster.local."))[0]).toBe("SERVFAIL");
  });

  it("are no names without endpoints", async () => {
    const dns = world({ endpointNames: "none" });
    expect((await ask(dns, "us-west-2a.pin._zone.hdls.testns.svc.cluster.local."))[0]).toBe("NXDOMAIN");
  });
});
