import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import type { Ip } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { ClusterDnsOptions } from "../../../src/dns/index.ts";
import type { EndpointSlice, Service } from "../../../src/objects/index.ts";
import { namespace, service, slice } from "../cluster.ts";
import { world as handlerWorld } from "./coredns-world.ts";
import { differs, replay, rows } from "./replay.ts";

const http = { name: "http", protocol: "TCP", port: 80 } as const;

function world(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  domain: string,
  options: Partial<ClusterDnsOptions> = {},
) {
  return createClusterDns({
    caches: {
      services: new MemoryCache(services),
      endpointSlices: new MemoryCache(slices),
      namespaces: new MemoryCache(["testns", "mynamespace", "kube-system"].map(namespace)),
    },
    domain,
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    ...options,
  });
}

const inZone = <T extends object>(zone: string, cases: readonly T[]) => cases.map((one) => ({ ...one, zone }));

/** plugin/kubernetes/parse_test.go: which labels mean what, by what they lead to */
const parsed = "inter.webs.tests";
replay(
  "coredns: plugin/kubernetes/parse_test.go",
  [
    ...inZone(
      parsed,
      rows(parsed, [
        [
          "_http._tcp.webs.mynamespace.svc",
          "SRV",
          ["SRV 0 100 80 webs.mynamespace.svc@", "+ webs.mynamespace.svc@ A 10.0.0.9"],
        ],
        ["1-2-3-4.webs.mynamespace.svc", "A", ["A 1.2.3.4"]],
        ["", "A", "NODATA"],
        ["svc", "A", "NODATA"],
        ["pod", "A", "NODATA"],
        ["1-2-3-4.cluster1.webs.mynamespace.svc", "A", "NXDOMAIN"],
        ["us-west-2a._zone.webs.mynamespace.svc", "A", "NXDOMAIN"],
        ["us-west-2a._zone.webs.mynamespace.pod", "A", "NXDOMAIN"],
        ["webs.mynamespace.pood", "A", "NXDOMAIN"],
        ["too.long.for.what.I.am.trying.to.pod", "A", "NXDOMAIN"],
        ["too.long.for.what.I.am.trying.to.svc", "A", "NXDOMAIN"],
      ]),
    ),
    // Another zone, and one whose name ends alike
    ...rows("inter.webs.test", [["webs.mynamespace.svc", "A", "REFUSED"]]),
    ...rows("xinter.webs.tests", [["webs.mynamespace.svc", "A", "REFUSED"]]),
  ],
  13,
  () =>
    world(
      [service("mynamespace", "webs", { clusterIP: "10.0.0.9", clusterIPs: ["10.0.0.9"], ports: [http] })],
      [slice("mynamespace", "webs", "webs-1", [["1.2.3.4"]])],
      parsed,
    ),
);

/** plugin/kubernetes/kubernetes_test.go */
const interwebs = "interwebs.test";
const lookups = [
  service("testns", "svc1", { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ports: [http] }),
  service("testns", "svc-dual-stack", { clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2", "10::2"], ports: [http] }),
  service("testns", "hdls1", { clusterIP: "None" }),
  service("testns", "external", { type: "ExternalName", externalName: "coredns.io", ports: [http] }),
];
replay(
  "coredns: plugin/kubernetes/kubernetes_test.go, TestServices",
  inZone(
    interwebs,
    rows(interwebs, [
      ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
      ["_http._tcp.svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
      ["ep1a.svc1.testns.svc", "A", ["A 172.0.0.1"]],
      [
        "_http._tcp.svc-dual-stack.testns.svc",
        "SRV",
        [
          "SRV 0 50 80 svc-dual-stack.testns.svc@",
          "+ svc-dual-stack.testns.svc@ A 10.0.0.2",
          "+ svc-dual-stack.testns.svc@ AAAA 10::2",
        ],
      ],
      ["external.testns.svc", "CNAME", ["CNAME coredns.io"]],
      ["hdls1.testns.svc", "A", ["A 172.0.0.2"]],
      ["172-0-0-2.hdls1.testns.svc", "A", ["A 172.0.0.2"]],
    ]),
  ),
  7,
  () =>
    world(
      lookups,
      [
        slice("testns", "svc1", "svc1-slice1", [["172.0.0.1", "ep1a"]]),
        slice("testns", "hdls1", "hdls1-slice1", [["172.0.0.2"]]),
        slice("testns", "hdls1", "hdls1-slice2", [["172.0.0.2"]]),
      ],
      interwebs,
    ),
);

const servers = (...addresses: readonly string[]): readonly Ip[] => addresses.map(ip);
const authority = (label: string, nameservers: readonly Ip[], a: readonly string[], aaaa: readonly string[]) =>
  replay(
    `coredns: plugin/kubernetes/kubernetes_test.go, TestServicesAuthority with ${label}`,
    inZone(
      interwebs,
      rows(interwebs, [
        ["ns.dns", "A", a.length === 0 ? "NODATA" : a.map((address) => `A ${address}`)],
        ["ns.dns", "AAAA", aaaa.length === 0 ? "NODATA" : aaaa.map((address) => `AAAA ${address}`)],
        ["ns.dns", "NS", "NODATA"],
        [
          "",
          "NS",
          [
            "NS ns.dns@",
            ...a.map((address) => `+ ns.dns@ A ${address}`),
            ...aaaa.map((address) => `+ ns.dns@ AAAA ${address}`),
          ],
        ],
      ]),
    ),
    4,
    () => world(lookups, [], interwebs, { nameservers }),
  );
authority("IPv4", servers("1.2.3.4"), ["1.2.3.4"], []);
authority("IPv6", servers("1:2::3:4"), [], ["1:2::3:4"]);
authority("both", servers("1.2.3.4", "1:2::3:4"), ["1.2.3.4"], ["1:2::3:4"]);

/** plugin/kubernetes/kubernetes_test.go, TestEndpointHostname: a pod's name comes after the hostname, before the address. */
const withPods = (
  name: string,
  list: readonly (readonly [address: string, hostname?: string | undefined, pod?: string])[],
) => ({
  ...slice("testns", name, `${name}-1`, []),
  endpoints: list.map(([address, hostname, pod]) => ({
    addresses: [address],
    ...(hostname === undefined ? {} : { hostname }),
    ...(pod === undefined ? {} : { targetRef: { kind: "Pod", namespace: "testns", name: pod } }),
  })),
});
const longPod = "a-name-of-a-pod-that-has-far-more-characters-than-any-label-may";
const endpoints = withPods("hdls1", [
  ["10.11.12.13", undefined, "hello-abcde"],
  ["10.11.12.14", "epname", "hello-fghij"],
  ["10.11.12.15"],
  ["10.11.12.16", undefined, `${longPod}-63`],
  ["10.11.12.17", undefined, longPod],
  ["10.11.12.18", undefined, "dotted.pod"],
]);
const ipv6 = {
  ...withPods("hdls1", [["2001:db8::"], ["::1:0"], ["2001:db8::1"]]),
  metadata: { ...endpoints.metadata, name: "hdls1-6" },
  addressType: "IPv6" as const,
};
const byPods = rows(interwebs, [
  ["hello-abcde.hdls1.testns.svc", "A", ["A 10.11.12.13"]],
  ["10-11-12-13.hdls1.testns.svc", "A", "NXDOMAIN"],
  ["epname.hdls1.testns.svc", "A", ["A 10.11.12.14"]],
  ["hello-fghij.hdls1.testns.svc", "A", "NXDOMAIN"],
  ["10-11-12-15.hdls1.testns.svc", "A", ["A 10.11.12.15"]],
  ["10-11-12-16.hdls1.testns.svc", "A", ["A 10.11.12.16"]],
  [`${longPod}.hdls1.testns.svc`, "A", ["A 10.11.12.17"]],
  ["10-11-12-18.hdls1.testns.svc", "A", ["A 10.11.12.18"]],
]);
const byAddresses = rows(interwebs, [
  ["10-11-12-13.hdls1.testns.svc", "A", ["A 10.11.12.13"]],
  ["hello-abcde.hdls1.testns.svc", "A", "NXDOMAIN"],
  ["epname.hdls1.testns.svc", "A", ["A 10.11.12.14"]],
  ["10-11-12-14.hdls1.testns.svc", "A", "NXDOMAIN"],
  ["2001-db8--0.hdls1.testns.svc", "AAAA", ["AAAA 2001:db8::"]],
  ["2001-db8--.hdls1.testns.svc", "AAAA", "NXDOMAIN"],
  ["2001-db8--1.hdls1.testns.svc", "AAAA", ["AAAA 2001:db8::1"]],
  ["--1-0.hdls1.testns.svc", "AAAA", ["AAAA ::1:0"]],
]);
const hostnames = "coredns: plugin/kubernetes/kubernetes_test.go, TestEndpointHostname";
replay(`${hostnames} by pods`, inZone(interwebs, byPods), 8, () =>
  world(lookups, [endpoints], interwebs, { endpointNames: "pod" }),
);
replay(`${hostnames} by addresses`, inZone(interwebs, byAddresses), 8, () =>
  world(lookups, [endpoints, ipv6], interwebs),
);

/** plugin/kubernetes/ns_test.go: the Services that lead to this pod */
const nsZone = "inter.webs.test";
replay(
  "coredns: plugin/kubernetes/ns_test.go, TestNsAddrs",
  inZone(
    nsZone,
    rows(nsZone, [
      [
        "",
        "NS",
        [
          "NS dns-service.kube-system.svc@",
          "NS 10-244-0-20.hdls-dns-service.kube-system.svc@",
          "NS dns6-service.kube-system.svc@",
          "+ dns-service.kube-system.svc@ A 10.0.0.111",
          "+ 10-244-0-20.hdls-dns-service.kube-system.svc@ A 10.244.0.20",
          "+ dns6-service.kube-system.svc@ AAAA 10::111",
        ],
      ],
      ["ns.dns", "A", ["A 10.0.0.111", "A 10.244.0.20"]],
      ["ns.dns", "AAAA", ["AAAA 10::111"]],
    ]),
  ),
  3,
  () =>
    world(
      [
        service("kube-system", "dns-service", { clusterIP: "10.0.0.111", clusterIPs: ["10.0.0.111"] }),
        service("kube-system", "hdls-dns-service", { clusterIP: "None" }),
        service("kube-system", "dns6-service", { clusterIP: "10::111", clusterIPs: ["10::111"] }),
      ],
      ["dns-service", "hdls-dns-service", "dns6-service"].map((name) =>
        slice("kube-system", name, `${name}-slice1`, [["10.244.0.20"]]),
      ),
      nsZone,
      { nameservers: servers("10.244.0.20") },
    ),
);

/** Mixed case where CoreDNS compares a lower-case name with the zone as it was asked for. */
replay(
  "coredns: name servers in mixed case",
  [
    ...differs(
      rows("cLuStEr.LoCaL", [["", "NS", ["NS kubedns.kube-system.svc@", "+ kubedns.kube-system.svc@ A 10.0.0.10"]]]),
      "Names in mixed case of the zone's servers",
      "NODATA",
    ),
    ...differs(
      rows("cLuStEr.LoCaL", [["NS.DNS", "A", ["A 10.0.0.10"]]]),
      "Names in mixed case of the zone's servers",
      "NXDOMAIN",
    ),
  ],
  2,
  () => handlerWorld(),
);

/** A zone with so long a name that not all names below it fit: what has no room does not exist, and nothing fails. */
const long = `${"a".repeat(60)}.${"b".repeat(60)}.test`;
const name63 = "n".repeat(63);
replay(
  "a zone with a very long name",
  inZone(
    long,
    rows(long, [
      [`svc1.testns.svc`, "A", ["A 10.0.0.1"]],
      [`${name63}.testns.svc`, "A", ["A 10.0.0.2"]],
      [`${name63}.testns.svc`, "SRV", "NODATA"],
      [`_http._tcp.${name63}.testns.svc`, "SRV", "NODATA"],
    ]),
  ),
  4,
  () =>
    world(
      [
        service("testns", "svc1", { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ports: [http] }),
        service("testns", name63, { clusterIP: "None", ports: [http] }),
      ],
      [slice("testns", name63, "long", [["10.0.0.2", "e".repeat(63)]])],
      long,
    ),
);

/** Labels with bytes that no name of a cluster has: they are other names, not the ones that they look like. */
replay(
  "labels with dots, spaces and bytes over 127",
  [
    ...rows("cluster.local", [
      ["svc1\\.testns.svc", "A", "NXDOMAIN"],
      ["svc1.testns\\.svc", "A", "NXDOMAIN"],
      ["10\\.240\\.0\\.1.podns.pod", "A", "NXDOMAIN"],
      ["\\058\\0581.podns.pod", "AAAA", "NXDOMAIN"],
      ["svc1\\000.testns.svc", "A", "NXDOMAIN"],
      ["svc\\032.testns.svc", "A", "NXDOMAIN"],
      ["s\\195\\188c1.testns.svc", "A", "NXDOMAIN"],
      ["\\255\\254.testns.svc", "A", "NXDOMAIN"],
      ["testns\\255.svc", "A", "NXDOMAIN"],
      [`${"x".repeat(63)}.testns.svc`, "A", "NXDOMAIN"],
      [`${"x".repeat(63)}.${"y".repeat(63)}.${"z".repeat(63)}.${"w".repeat(30)}.testns.svc`, "A", "NXDOMAIN"],
    ]),
  ],
  11,
  () => handlerWorld(),
);

/** Addresses that lead into the cluster from outside are no names in it. */
replay(
  "external and LoadBalancer addresses",
  [
    ...rows("cluster.local", [["front.testns.svc", "A", ["A 10.0.0.40"]]]),
    ...["50.113.0.203", "7.51.100.198"].flatMap((reversed) =>
      rows("in-addr.arpa", [[reversed, "PTR", "NXDOMAIN"]]).map((one) => ({ ...one, zone: "in-addr.arpa" })),
    ),
  ],
  3,
  () =>
    world(
      [
        {
          ...service("testns", "front", {
            type: "LoadBalancer",
            clusterIP: "10.0.0.40",
            clusterIPs: ["10.0.0.40"],
            externalIPs: ["203.0.113.50"],
            ports: [http],
          }),
          status: { loadBalancer: { ingress: [{ ip: "198.51.100.7" }] } },
        },
      ],
      [],
      "cluster.local",
    ),
);
