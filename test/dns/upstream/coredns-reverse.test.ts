import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { ClusterDnsOptions } from "../../../src/dns/index.ts";
import { service, slice } from "../cluster.ts";
import { differs, replay, rows } from "./replay.ts";
import type { Case } from "./replay.ts";

const v6a = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1.ip6.arpa";
const v6b = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa";
const http = { name: "http", protocol: "TCP", port: 80 } as const;

function world(options: Partial<ClusterDnsOptions> = {}) {
  return createClusterDns({
    caches: {
      services: new MemoryCache([
        service("testns", "svc1", { clusterIP: "192.168.1.100", clusterIPs: ["192.168.1.100"], ports: [http] }),
        service("testns", "svc2", { clusterIP: "None", ports: [http] }),
        service("secret", "svc3", { clusterIP: "192.168.1.101", clusterIPs: ["192.168.1.101"], ports: [http] }),
      ]),
      endpointSlices: new MemoryCache([
        slice("testns", "svc1", "svc1-slice1", [
          ["10.0.0.100", "ep1a"],
          ["10.0.0.99", "double-ep"],
        ]),
        slice("testns", "svc1", "svc1-slice2", [
          ["1234:abcd::1", "ep1b"],
          ["fd00:77:30::a", "ip6svc1ex"],
          ["fd00:77:30::2:9ba6", "ip6svc1in"],
        ]),
        // Out of step with the first
        slice("testns", "svc1", "svc1-ccccc", [["10.0.0.100", "ep1a"]]),
        slice("testns", "svc2", "svc2-slice1", [["10.0.0.99", "double-ep"]]),
        slice("secret", "svc3", "svc3-slice1", [["10.0.0.98"]]),
      ]),
    },
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    nameservers: [ip("192.168.1.100")],
    reverseZones: ["0.10.in-addr.arpa", "168.192.in-addr.arpa", v6a, v6b],
    isExposed: (namespace) => namespace === "testns",
    ...options,
  });
}

const inZone = (zone: string, cases: readonly Case[]) => cases.map((one) => ({ ...one, zone }));
const endpoint = (host: string, owner = "svc1") => `PTR ${host}.${owner}.testns.svc.cluster.local`;

/** plugin/kubernetes/reverse_test.go */
const reverse: readonly Case[] = [
  ...rows("in-addr.arpa", [
    ["100.0.0.10", "PTR", [endpoint("ep1a")]],
    ["100.1.168.192", "PTR", ["PTR svc1.testns.svc.cluster.local"]],
    ["99.0.0.10", "PTR", [endpoint("double-ep"), endpoint("double-ep", "svc2")]],
  ]),
  ...rows("ip6.arpa", [
    ["1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1", "PTR", [endpoint("ep1b")]],
    ["a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f", "PTR", [endpoint("ip6svc1ex")]],
    ["6.a.b.9.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f", "PTR", [endpoint("ip6svc1in")]],
  ]),
  ...inZone(
    "0.10.in-addr.arpa",
    rows("0.10.in-addr.arpa", [
      ["101.0", "PTR", "NXDOMAIN"],
      ["svc1.testns.svc", "A", "NXDOMAIN"],
    ]),
  ),
  ...rows("cluster.local", [
    ["example.org", "PTR", "NXDOMAIN"],
    ["svc1.testns.svc", "PTR", "NODATA"],
    ["100.0.0.10", "PTR", "NXDOMAIN"],
  ]),
];
replay("coredns: plugin/kubernetes/reverse_test.go", reverse, 11, () => world());

/** coredns/ci test/kubernetes/ptr_test.go, the namespaces that are not exposed; and the zones themselves */
replay(
  "reverse zones of our own choice",
  [
    ...inZone("168.192.in-addr.arpa", rows("168.192.in-addr.arpa", [["101.1", "PTR", "NXDOMAIN"]])),
    ...inZone(
      "0.10.in-addr.arpa",
      rows("0.10.in-addr.arpa", [
        ["98.0", "PTR", "NXDOMAIN"],
        ["", "A", "NODATA"],
      ]),
    ),
    ...rows("0.10.in-addr.arpa", [
      ["", "SOA", ["SOA"]],
      ["", "NS", ["NS svc1.testns.svc.cluster.local", "+ svc1.testns.svc.cluster.local A 192.168.1.100"]],
    ]),
    // Not ours
    ...rows("in-addr.arpa", [
      ["1.1.1.1", "PTR", "REFUSED"],
      ["", "SOA", "REFUSED"],
    ]),
    ...rows("ip6.arpa", [["1.0.0.2", "PTR", "REFUSED"]]),
    // Below a name that spells a network there are addresses.
    ...differs(
      inZone("0.10.in-addr.arpa", rows("0.10.in-addr.arpa", [["0", "PTR", "NODATA"]])),
      "Names of networks in reverse zones",
      "NXDOMAIN",
    ),
    ...inZone(
      "0.10.in-addr.arpa",
      rows("0.10.in-addr.arpa", [
        ["256", "PTR", "NXDOMAIN"],
        ["01.0", "PTR", "NXDOMAIN"],
        ["x.100.0", "PTR", "NXDOMAIN"],
      ]),
    ),
  ],
  12,
  () => world(),
);
