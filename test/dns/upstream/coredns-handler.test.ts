import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import { slice, service } from "../cluster.ts";
import { outside, services, slices, namespaces, world } from "./coredns-world.ts";
import { differs, replay, rows } from "./replay.ts";
import type { Case } from "./replay.ts";

const zone = "cluster.local";
const exposed = { isExposed: (name: string) => name === "testns" };
const headlessA = ["172.0.0.2", "172.0.0.3", "172.0.0.4", "172.0.0.5"].map((address) => `A ${address}`);
const notBelow = "Names that exist without that type";

/** plugin/kubernetes/handler_test.go, the tables for one cluster */
const handler: readonly Case[] = rows(zone, [
  // Services with a cluster IP
  ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
  ["svcempty.testns.svc", "A", ["A 10.0.0.1"]],
  ["svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
  ["svcempty.testns.svc", "SRV", ["SRV 0 100 80 svcempty.testns.svc@", "+ svcempty.testns.svc@ A 10.0.0.1"]],
  ["svc6.testns.svc", "SRV", ["SRV 0 100 80 svc6.testns.svc@", "+ svc6.testns.svc@ AAAA 1234:abcd::1"]],
  ["_http._tcp.svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
  ["_http._tcp.svcempty.testns.svc", "SRV", ["SRV 0 100 80 svcempty.testns.svc@", "+ svcempty.testns.svc@ A 10.0.0.1"]],
  // Headless Services and their endpoints
  ["hdls1.testns.svc", "A", headlessA],
  ["hdlsprtls.testns.svc", "A", ["A 172.0.0.20"]],
  ["172-0-0-20.hdlsprtls.testns.svc", "A", ["A 172.0.0.20"]],
  ["172-0-0-2.hdls1.testns.svc", "A", ["A 172.0.0.2"]],
  ["172-0-0-3.hdls1.testns.svc", "A", ["A 172.0.0.3"]],
  ["dup-name.hdls1.testns.svc", "A", ["A 172.0.0.4", "A 172.0.0.5"]],
  [
    "_http._tcp.hdls1.testns.svc",
    "SRV",
    [
      ...["172-0-0-2", "172-0-0-3", "5678-abcd--1", "5678-abcd--2", "dup-name"].map(
        (host) => `SRV 0 16 80 ${host}.hdls1.testns.svc@`,
      ),
      "+ 172-0-0-2.hdls1.testns.svc@ A 172.0.0.2",
      "+ 172-0-0-3.hdls1.testns.svc@ A 172.0.0.3",
      "+ 5678-abcd--1.hdls1.testns.svc@ AAAA 5678:abcd::1",
      "+ 5678-abcd--2.hdls1.testns.svc@ AAAA 5678:abcd::2",
      "+ dup-name.hdls1.testns.svc@ A 172.0.0.4",
      "+ dup-name.hdls1.testns.svc@ A 172.0.0.5",
    ],
  ],
  ["5678-abcd--2.hdls1.testns.svc", "AAAA", ["AAAA 5678:abcd::2"]],
  // ExternalName
  ["external.testns.svc", "CNAME", ["CNAME ext.interwebs.test"]],
  ["external-to-service.testns.svc", "A", ["CNAME svc1.testns.svc@", "svc1.testns.svc@ A 10.0.0.1"]],
  ["endpoint.external.testns.svc", "CNAME", "NXDOMAIN"],
  // What is not there
  ["svc1.testns.svc", "AAAA", "NODATA"],
  ["svc0.testns.svc", "AAAA", "NXDOMAIN"],
  ["svc0.testns.svc", "A", "NXDOMAIN"],
  ["svc0.svc-nons.svc", "A", "NXDOMAIN"],
  ["dns-version", "TXT", ['TXT/28800 "1.1.0"']],
  ["bogusendpoint.hdls1.testns.svc", "A", "NXDOMAIN"],
  ["bogusendpoint.svc0.testns.svc", "A", "NXDOMAIN"],
  // IPv6
  ["svc6.testns.svc", "AAAA", ["AAAA 1234:abcd::1"]],
  ["_http._tcp.svc6.testns.svc", "SRV", ["SRV 0 100 80 svc6.testns.svc@", "+ svc6.testns.svc@ AAAA 1234:abcd::1"]],
  ["hdls1.testns.svc", "AAAA", ["AAAA 5678:abcd::1", "AAAA 5678:abcd::2"]],
  ["5678-abcd--1.hdls1.testns.svc", "AAAA", ["AAAA 5678:abcd::1"]],
  // Between the zone and the Services
  ["svc", "A", "NODATA"],
  ["pod", "A", "NODATA"],
  ["testns.svc", "A", "NODATA"],
  ["svc", "NS", "NODATA"],
  ["testns.svc", "NS", "NODATA"],
  ["foo", "NS", "NXDOMAIN"],
  ["foo.svc", "NS", "NXDOMAIN"],
  // Both families
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
  // Wildcards, which went with CoreDNS 1.9: labels like any other
  ["svc1.*.svc", "A", "NXDOMAIN"],
  ["svc1.*.svc", "SRV", "NXDOMAIN"],
  ["svcempty.*.svc", "SRV", "NXDOMAIN"],
  ["*.any.svc1.*.svc", "SRV", "NXDOMAIN"],
  ["*.any.svc1.*.svc", "A", "NXDOMAIN"],
  ["*._not-udp-or-tcp.svc1.testns.svc", "SRV", "NXDOMAIN"],
  ["*.*.hdlsprtls.testns.svc", "SRV", "NXDOMAIN"],
  // A namespace that is not exposed
  ["svc1.unexposedns.svc", "A", "NXDOMAIN"],
  ["unexposedns.svc", "A", "NXDOMAIN"],
]);
replay("coredns: plugin/kubernetes/handler_test.go", handler, 49, () => world(exposed));

/** The one whose upstream says that there is more: the bit comes through, and so do the records. */
replay(
  "coredns: plugin/kubernetes/handler_test.go, ExternalName through an upstream",
  rows(zone, [["external.testns.svc", "A", ["CNAME ext.interwebs.test", "ext.interwebs.test A 1.2.3.4"]]]),
  1,
  () =>
    world({
      ...exposed,
      upstreams: [{ address: ip("192.0.2.1"), port: 53 }],
      dial: outside({ "ext.interwebs.test.": ["1.2.3.4"] }),
    }),
);

replay(
  "coredns: plugin/kubernetes/handler_test.go, all namespaces",
  rows(zone, [
    ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
    ["svc1.nsnoexist.svc", "A", "NXDOMAIN"],
    ["svc1.unexposedns.svc", "A", ["A 10.0.0.2"]],
  ]),
  3,
  () => world(),
);

/** Before the first sync, names that are known are answered; the last two rows are our own. */
replay(
  "coredns: plugin/kubernetes/handler_test.go, not synced",
  [
    ...rows(zone, [
      ["svc0.testns.svc", "A", "SERVFAIL"],
      ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
    ]),
    ...differs(rows(zone, [["hdlsprtls.testns.svc", "AAAA", "SERVFAIL"]]), "Answers before the first sync", "NODATA"),
  ],
  3,
  () =>
    createClusterDns({
      caches: {
        services: new MemoryCache(services, false),
        endpointSlices: new MemoryCache(slices),
        namespaces: new MemoryCache(namespaces),
      },
      upstreams: [],
      dial: { send: () => () => undefined },
      clock: new ManualClock(1_499_347_823_000),
      random: seededRandom(1),
    }),
);

replay(
  "coredns: plugin/kubernetes/handler_case_test.go",
  [
    ...rows("ClUsTeR.lOcAl", [["not-a-service.testns.svc", "A", "NXDOMAIN"]]),
    ...rows("cLuStEr.LoCaL", [
      ["SvC1.TeStNs.SvC", "A", ["A 10.0.0.1"]],
      ["_HtTp._TcP.sVc1.TeStNs.SvC", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
    ]),
    ...rows("Cluster.local", [["", "SOA", ["SOA"]]]),
  ],
  4,
  () => world(),
);

const apex: readonly Case[] = rows(zone, [
  ["", "SOA", ["SOA"]],
  ["", "HINFO", "NODATA"],
  ["", "NS", ["NS ns.dns@", "+ ns.dns@ A 127.0.0.1"]],
  ["", "A", "NODATA"],
  ["", "AAAA", "NODATA"],
  ["", "SRV", "NODATA"],
]);
replay("coredns: plugin/kubernetes/kubernetes_apex_test.go", apex, 6, () => world({ nameservers: [ip("127.0.0.1")] }));

replay(
  "coredns: plugin/kubernetes/handler_pod_insecure_test.go",
  rows(zone, [
    ["10-240-0-1.podns.pod", "A", ["A 10.240.0.1"]],
    ["172-0-0-2.podns.pod", "A", ["A 172.0.0.2"]],
    ["blah.podns.pod", "A", "NXDOMAIN"],
    ["blah.podns.pod", "AAAA", "NXDOMAIN"],
    ["blah.podns.pod", "HINFO", "NXDOMAIN"],
    ["blah.pod-nons.pod", "A", "NXDOMAIN"],
    ["podns.pod", "A", "NODATA"],
  ]),
  7,
  () => world(),
);

replay(
  "coredns: plugin/kubernetes/handler_pod_verified_test.go",
  rows(zone, [
    ["10-240-0-1.podns.pod", "A", ["A 10.240.0.1"]],
    ["podns.pod", "A", "NODATA"],
    ["svcns.svc", "A", "NODATA"],
    ["pod-nons.pod", "A", "NXDOMAIN"],
    ["172-0-0-2.podns.pod", "A", "NXDOMAIN"],
  ]),
  5,
  () => world({ podRecords: "verified" }),
);

replay(
  "coredns: plugin/kubernetes/handler_pod_disabled_test.go",
  rows(zone, [
    ["10-240-0-1.podns.pod", "A", "NXDOMAIN"],
    ["172-0-0-2.podns.pod", "A", "NXDOMAIN"],
  ]),
  2,
  () => world({ podRecords: "disabled" }),
);

/** With two rows of our own: a Service with endpoints stays, and so does a headless one. */
replay(
  "coredns: plugin/kubernetes/handler_ignore_emptyservice_test.go",
  rows(zone, [
    ["svcempty.testns.svc", "A", "NXDOMAIN"],
    ["_http._tcp.svcempty.testns.svc", "SRV", "NXDOMAIN"],
    ["external.testns.svc", "CNAME", ["CNAME ext.interwebs.test"]],
    ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
    ["hdlsprtls.testns.svc", "A", ["A 172.0.0.20"]],
  ]),
  5,
  () => world({ hidesEmptyServices: true }),
);

/** The option `noendpoints`: neither headless Services nor names of endpoints exist. */
replay(
  "coredns: noendpoints",
  rows(zone, [
    ["hdls1.testns.svc", "A", "NXDOMAIN"],
    ["172-0-0-2.hdls1.testns.svc", "A", "NXDOMAIN"],
    ["ep1a.svc1.testns.svc", "A", "NXDOMAIN"],
    ["_http._tcp.hdls1.testns.svc", "SRV", "NXDOMAIN"],
    ["svc1.testns.svc", "A", ["A 10.0.0.1"]],
    ["_http._tcp.svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
  ]),
  6,
  () => world({ endpointNames: "none" }),
);

/** What section 1 of the specification's implementation notes lists and no upstream table asks. */
replay(
  "the rows that we answer otherwise than CoreDNS",
  [
    ...differs(rows(zone, [["dns-version", "A", "NODATA"]]), notBelow, "NXDOMAIN"),
    ...differs(rows(zone, [["dns", "A", "NODATA"]]), notBelow, "NXDOMAIN"),
    ...differs(rows(zone, [["_tcp.svc1.testns.svc", "SRV", "NODATA"]]), notBelow, "NXDOMAIN"),
    ...differs(rows(zone, [["_tcp.hdls1.testns.svc", "A", "NODATA"]]), notBelow, "NXDOMAIN"),
  ],
  4,
  () => world(),
);

/** Extensions of CoreDNS over the specification. */
replay(
  "coredns: names that the specification does not have",
  rows(zone, [
    // Ports have A and AAAA records, and their underscores may be left out.
    ["_http._tcp.svc1.testns.svc", "A", ["A 10.0.0.1"]],
    ["http.tcp.svc1.testns.svc", "SRV", ["SRV 0 100 80 svc1.testns.svc@", "+ svc1.testns.svc@ A 10.0.0.1"]],
    ["_http._tcp.svc1.testns.svc", "AAAA", "NODATA"],
    ["_https._tcp.svc1.testns.svc", "A", "NXDOMAIN"],
    // Endpoints of a Service with a cluster IP
    ["ep1a.svc1.testns.svc", "A", ["A 172.0.0.1"]],
    ["ep1a.svc1.testns.svc", "SRV", ["SRV 0 100 80 ep1a.svc1.testns.svc@", "+ ep1a.svc1.testns.svc@ A 172.0.0.1"]],
    // A Service of peers
    [
      "dup-name.hdls1.testns.svc",
      "SRV",
      [
        "SRV 0 50 80 dup-name.hdls1.testns.svc@",
        "+ dup-name.hdls1.testns.svc@ A 172.0.0.4",
        "+ dup-name.hdls1.testns.svc@ A 172.0.0.5",
      ],
    ],
    ["hdlsprtls.testns.svc", "SRV", "NODATA"],
    ["172-0-0-20.hdlsprtls.testns.svc", "SRV", "NODATA"],
    // Nothing for the curious
    ["svc1.testns.svc", "ANY", "NODATA"],
    ["svc0.testns.svc", "ANY", "NXDOMAIN"],
    ["svc1.testns.svc", "HTTPS", "NODATA"],
    ["external.testns.svc", "TXT", "NODATA"],
    ["external.testns.svc", "HTTPS", "NODATA"],
    ["_http._tcp.external.testns.svc", "SRV", "NXDOMAIN"],
  ]),
  15,
  () => world(),
);

/** Slices that are out of step with each other, as they are for a moment while pods move. */
replay(
  "doubles between slices",
  rows(zone, [
    ["moving.testns.svc", "A", ["A 172.0.1.1", "A 172.0.1.2"]],
    ["a.moving.testns.svc", "A", ["A 172.0.1.1"]],
    [
      "_http._tcp.moving.testns.svc",
      "SRV",
      [
        "SRV 0 33 80 a.moving.testns.svc@",
        "SRV 0 33 80 b.moving.testns.svc@",
        "+ a.moving.testns.svc@ A 172.0.1.1",
        "+ b.moving.testns.svc@ A 172.0.1.2",
      ],
    ],
  ]),
  3,
  () =>
    createClusterDns({
      caches: {
        services: new MemoryCache([service("testns", "moving", { clusterIP: "None" })]),
        endpointSlices: new MemoryCache([
          slice("testns", "moving", "one", [["172.0.1.1", "a"]]),
          slice("testns", "moving", "two", [
            ["172.0.1.1", "a"],
            ["172.0.1.2", "b"],
          ]),
        ]),
      },
      upstreams: [],
      dial: { send: () => () => undefined },
      clock: new ManualClock(1_499_347_823_000),
      random: seededRandom(1),
    }),
);
