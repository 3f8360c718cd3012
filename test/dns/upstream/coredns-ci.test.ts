import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { ClusterDnsOptions } from "../../../src/dns/index.ts";
import { namespace, service, slice } from "../cluster.ts";
import { outside } from "./coredns-world.ts";
import { replay, rows } from "./replay.ts";

const zone = "cluster.local";
const http = { name: "http", protocol: "TCP", port: 80 } as const;
const https = { name: "https", protocol: "TCP", port: 443 } as const;
const udp = { name: "c-port", protocol: "UDP", port: 1234 } as const;
const at = (clusterIP: string) => ({ clusterIP, clusterIPs: [clusterIP] });
const podOf = (name: string) => ({ targetRef: { kind: "Pod", namespace: "test-3", name } });

/** The cluster of coredns/ci: build/kubernetes/dns-test.yaml with the pods that its Deployments would have. */
function world(options: Partial<ClusterDnsOptions> = {}) {
  return createClusterDns({
    caches: {
      services: new MemoryCache([
        service("test-1", "svc-1-a", { ...at("10.96.0.100"), ports: [http, https] }),
        service("test-1", "svc-1-b", { ...at("10.96.0.110"), ports: [http] }),
        service("test-1", "svc-c", { ...at("10.96.0.115"), ports: [udp] }),
        service("test-2", "svc-c", { ...at("10.96.0.120"), ports: [udp] }),
        service("test-2", "svc-d", { ...at("10.96.0.121"), ports: [udp] }),
        service("test-1", "svc-unready", { clusterIP: "None", ports: [udp] }),
        service("test-1", "headless-svc", { clusterIP: "None", ports: [udp] }),
        service("test-1", "ext-svc", { type: "ExternalName", externalName: "example.net", ports: [udp] }),
        service("test-2", "upriver", { type: "ExternalName", externalName: "up.river.local", ports: [udp] }),
        service("test-3", "headless-1", { clusterIP: "None", ports: [http] }),
        service("test-3", "headless-2", { clusterIP: "None", ports: [http] }),
        service("test-1", "new-svc", { ...at("10.96.0.222"), ports: [http] }),
      ]),
      endpointSlices: new MemoryCache([
        slice("test-1", "svc-1-a", "svc-1-a-1", [["172.17.0.253"]], [http, https]),
        slice("test-1", "svc-1-b", "svc-1-b-1", [["10.244.0.11"]]),
        slice("test-1", "svc-c", "svc-c-1", [["10.244.0.12"]], [udp]),
        slice("test-2", "svc-c", "svc-c-2", [["10.244.0.13"]], [udp]),
        slice("test-2", "svc-d", "svc-d-1", [["172.17.0.252"]], [udp]),
        slice("test-1", "svc-unready", "svc-unready-1", [["10.244.0.14", undefined, false]], [udp]),
        slice("test-1", "headless-svc", "headless-svc-4", [["172.17.0.255"], ["172.17.0.254"]], [udp]),
        slice("test-1", "headless-svc", "headless-svc-6", [["1234:abcd::1"], ["1234:abcd::2"]], [udp]),
        {
          ...slice("test-3", "headless-1", "headless-1-1", []),
          endpoints: [{ addresses: ["10.244.0.15"], ...podOf("test-name-5d8f6-x7k2p") }],
        },
        {
          ...slice("test-3", "headless-2", "headless-2-1", []),
          endpoints: [
            {
              addresses: ["10.244.0.16"],
              ...podOf("test-name-longer-than-63-characters-making-it-an-invalid-dns-label-5d8f6-x7k2p"),
            },
          ],
        },
        slice("test-1", "new-svc", "new-svc-1", [["172.17.0.222"]]),
      ]),
      namespaces: new MemoryCache(["test-1", "test-2", "test-3"].map(namespace)),
      pods: new MemoryCache([]),
    },
    upstreams: [{ address: ip("192.0.2.1"), port: 53 }],
    dial: outside({ "example.net.": ["13.14.15.16"] }),
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    isExposed: (name) => name === "test-1",
    fallthrough: [],
    ...options,
  });
}

const headless = "headless-svc.test-1.svc";
replay(
  "coredns/ci: test/kubernetes/address_test.go",
  rows(zone, [
    ["svc-1-a.test-1.svc", "A", ["A 10.96.0.100"]],
    [headless, "A", ["A 172.17.0.254", "A 172.17.0.255"]],
    ["bogusservice.test-1.svc", "A", "NXDOMAIN"],
    ["bogusendpoint.svc-1-a.test-1.svc", "A", "NXDOMAIN"],
    ["svc-1-a.*.svc", "A", "NXDOMAIN"],
    ["*.test-1.svc", "A", "NXDOMAIN"],
    ["*.test-2.svc", "A", "NXDOMAIN"],
    ["svc-unready.test-1.svc", "A", "NXDOMAIN"],
    ["10-20-0-101.test-1.pod", "A", "NXDOMAIN"],
    ["dns-version", "TXT", ['TXT/28800 "1.1.0"']],
    [headless, "AAAA", ["AAAA 1234:abcd::1", "AAAA 1234:abcd::2"]],
    ["new-svc.test-1.svc", "A", ["A 10.96.0.222"]],
    ["172-17-0-222.new-svc.test-1.svc", "A", ["A 172.17.0.222"]],
  ]),
  13,
  () => world({ podRecords: "disabled" }),
);

const targets = [
  "SRV 0 50 443 svc-1-a.test-1.svc@",
  "SRV 0 50 80 svc-1-a.test-1.svc@",
  "+ svc-1-a.test-1.svc@ A 10.96.0.100",
];
const hosts = ["1234-abcd--1", "1234-abcd--2", "172-17-0-254", "172-17-0-255"];
const glue = hosts.map((host) => {
  const isIpv6 = host.includes("--");
  return `+ ${host}.${headless}@ ${isIpv6 ? "AAAA" : "A"} ${host.replaceAll("-", isIpv6 ? ":" : ".")}`;
});
replay(
  "coredns/ci: test/kubernetes/srv_test.go",
  rows(zone, [
    ["svc-1-a.test-1.svc", "SRV", targets],
    [`_c-port._UDP.${headless}`, "SRV", [...hosts.map((host) => `SRV 0 25 1234 ${host}.${headless}@`), ...glue]],
    [headless, "SRV", [...hosts.map((host) => `SRV 0 25 1234 ${host}.${headless}@`), ...glue]],
    [
      "172-17-0-253.svc-1-a.test-1.svc",
      "SRV",
      [
        "SRV 0 50 443 172-17-0-253.svc-1-a.test-1.svc@",
        "SRV 0 50 80 172-17-0-253.svc-1-a.test-1.svc@",
        "+ 172-17-0-253.svc-1-a.test-1.svc@ A 172.17.0.253",
      ],
    ],
    // Wildcards went with CoreDNS 1.9
    ["*._TcP.svc-1-a.test-1.svc", "SRV", "NXDOMAIN"],
    ["*.*.bogusservice.test-1.svc", "SRV", "NXDOMAIN"],
    ["*.any.svc-1-a.*.svc", "SRV", "NXDOMAIN"],
    ["ANY.*.svc-1-a.any.svc", "SRV", "NXDOMAIN"],
    ["*.*.bogusservice.*.svc", "SRV", "NXDOMAIN"],
    ["*.*.bogusservice.any.svc", "SRV", "NXDOMAIN"],
    ["_c-port._UDP.*.test-1.svc", "SRV", "NXDOMAIN"],
    ["*._tcp.any.test-1.svc", "SRV", "NXDOMAIN"],
    ["*.*.any.test-2.svc", "SRV", "NXDOMAIN"],
    ["*.*.*.test-2.svc", "SRV", "NXDOMAIN"],
    ["_http._tcp.*.*.svc", "SRV", "NXDOMAIN"],
    ["*.svc-1-a.test-1.svc", "SRV", "NXDOMAIN"],
    ["*._not-udp-or-tcp.svc-1-a.test-1.svc", "SRV", "NXDOMAIN"],
  ]),
  17,
  () => world(),
);

const inReverse = (of: string, list: Parameters<typeof rows>[1]) => rows(of, list).map((one) => ({ ...one, zone: of }));
replay(
  "coredns/ci: test/kubernetes/ptr_test.go",
  [
    ...rows("0.96.10.in-addr.arpa", [["100", "PTR", ["PTR svc-1-a.test-1.svc.cluster.local"]]]),
    ...rows("0.17.172.in-addr.arpa", [["253", "PTR", ["PTR 172-17-0-253.svc-1-a.test-1.svc.cluster.local"]]]),
    // A Service, and an endpoint, of a namespace that is not exposed; an address of nobody
    ...inReverse("0.96.10.in-addr.arpa", [["120", "PTR", "NXDOMAIN"]]),
    ...inReverse("0.17.172.in-addr.arpa", [
      ["252", "PTR", "NXDOMAIN"],
      ["200", "PTR", "NXDOMAIN"],
    ]),
    ...rows("0.17.172.in-addr.arpa", [["254", "PTR", ["PTR 172-17-0-254.headless-svc.test-1.svc.cluster.local"]]]),
  ],
  6,
  () => world({ reverseZones: ["0.96.10.in-addr.arpa", "0.17.172.in-addr.arpa"] }),
);

const pod = "10-20-0-101.test-1.pod";
replay(
  "coredns/ci: test/kubernetes/pods_test.go, insecure",
  rows(zone, [
    [pod, "A", ["A 10.20.0.101"]],
    ["10-20-0-101.test-X.pod", "A", "NXDOMAIN"],
    ["10-20-0-101.test-2.pod", "A", "NXDOMAIN"],
  ]),
  3,
  () => world(),
);
replay(
  "coredns/ci: test/kubernetes/pods_test.go, verified",
  rows(zone, [
    [pod, "A", "NXDOMAIN"],
    ["10-20-0-101.test-X.pod", "A", "NXDOMAIN"],
  ]),
  2,
  () => world({ podRecords: "verified" }),
);

const named = "test-name-5d8f6-x7k2p.headless-1.test-3.svc";
replay(
  "coredns/ci: test/kubernetes/endpoints_test.go, endpoint_pod_names",
  rows(zone, [
    ["headless-1.test-3.svc", "SRV", [`SRV 0 100 80 ${named}@`, `+ ${named}@ A 10.244.0.15`]],
    [
      "headless-2.test-3.svc",
      "SRV",
      ["SRV 0 100 80 10-244-0-16.headless-2.test-3.svc@", "+ 10-244-0-16.headless-2.test-3.svc@ A 10.244.0.16"],
    ],
  ]),
  2,
  () => world({ endpointNames: "pod", isExposed: (name) => name === "test-3" }),
);

replay(
  "coredns/ci: test/kubernetes/nsexposure_test.go and excluster_test.go",
  rows(zone, [
    ["svc-1-a.test-1.svc", "A", ["A 10.96.0.100"]],
    ["svc-c.test-2.svc", "A", ["A 10.96.0.120"]],
    ["test-2.svc", "A", "NODATA"],
  ]),
  3,
  () => world({ isExposed: () => true }),
);

const fallen = outside({
  "example.net.": ["13.14.15.16"],
  "f.b.svc.cluster.local.": ["10.10.10.11"],
  "foo.cluster.local.": ["10.10.10.10"],
  "svc-1-a.test-1.svc.cluster.local.": ["10.10.10.12"],
});
replay(
  "coredns/ci: test/kubernetes/fallthrough_test.go",
  rows(zone, [
    ["ext-svc.test-1.svc", "A", ["CNAME example.net", "example.net A 13.14.15.16"]],
    ["f.b.svc", "A", ["A 10.10.10.11"]],
    ["foo", "A", ["A 10.10.10.10"]],
    // What the cluster has stays its own, data or not.
    ["svc-1-a.test-1.svc", "A", ["A 10.96.0.100"]],
    ["svc-1-a.test-1.svc", "AAAA", "NODATA"],
  ]),
  5,
  () => world({ dial: fallen, fallthrough: [zone] }),
);
replay(
  "coredns/ci: test/kubernetes/fallthrough_test.go, only below svc",
  rows(zone, [
    ["f.b.svc", "A", ["A 10.10.10.11"]],
    ["foo", "A", "NXDOMAIN"],
  ]),
  2,
  () => world({ dial: fallen, fallthrough: ["svc.cluster.local"] }),
);
