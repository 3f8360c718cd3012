import { describe, expect, it } from "vitest";
import { cluster, nodata, nxdomain, query, soa, words } from "../../test/dns/cluster.ts";
import type { recordTypes } from "../codec/index.ts";

type Case = readonly [name: string, type: keyof typeof recordTypes | number, expected: readonly string[]];

const names: readonly Case[] = [
  // Services with a cluster IP
  ["web.tour.svc.cluster.local", "A", ["NOERROR", "web.tour.svc.cluster.local. 5 IN A 10.96.1.1"]],
  ["web.tour.svc.cluster.local", "AAAA", nodata],
  ["kubernetes.default.svc.cluster.local", "A", ["NOERROR", "kubernetes.default.svc.cluster.local. 5 IN A 10.96.0.1"]],
  ["unnamed.tour.svc.cluster.local", "A", ["NOERROR", "unnamed.tour.svc.cluster.local. 5 IN A 10.96.1.2"]],
  ["dual.tour.svc.cluster.local", "A", ["NOERROR", "dual.tour.svc.cluster.local. 5 IN A 10.96.1.3"]],
  ["dual.tour.svc.cluster.local", "AAAA", ["NOERROR", "dual.tour.svc.cluster.local. 5 IN AAAA fd00:96::3"]],
  ["six.tour.svc.cluster.local", "A", nodata],
  ["six.tour.svc.cluster.local", "AAAA", ["NOERROR", "six.tour.svc.cluster.local. 5 IN AAAA fd00:96::6"]],
  ["legacy-api.tour.svc.cluster.local", "A", ["NOERROR", "legacy-api.tour.svc.cluster.local. 5 IN A 10.96.1.9"]],
  ["pending.tour.svc.cluster.local", "A", nodata],
  ["web.tour.svc.cluster.local", "SOA", nodata],
  ["web.tour.svc.cluster.local", "TXT", nodata],
  ["web.tour.svc.cluster.local", "MX", nodata],
  ["web.tour.svc.cluster.local", "HTTPS", nodata],
  ["web.tour.svc.cluster.local", "ANY", nodata],
  ["web.tour.svc.cluster.local", "CNAME", nodata],
  ["web.tour.svc.cluster.local", 65280, nodata],
  ["nothing.tour.svc.cluster.local", "A", nxdomain],
  ["nothing.tour.svc.cluster.local", "AAAA", nxdomain],
  ["nothing.tour.svc.cluster.local", "ANY", nxdomain],
  ["nothing.tour.svc.cluster.local", 65280, nxdomain],
  ["web.nowhere.svc.cluster.local", "A", nxdomain],
  ["no-service.tour.svc.cluster.local", "A", nxdomain],
  // SRV of Services
  [
    "_http._tcp.web.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "_http._tcp.web.tour.svc.cluster.local. 5 IN SRV 0 100 80 web.tour.svc.cluster.local.",
      "+ web.tour.svc.cluster.local. 5 IN A 10.96.1.1",
    ],
  ],
  [
    "_http._tcp.dual.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "_http._tcp.dual.tour.svc.cluster.local. 5 IN SRV 0 50 80 dual.tour.svc.cluster.local.",
      "+ dual.tour.svc.cluster.local. 5 IN A 10.96.1.3",
      "+ dual.tour.svc.cluster.local. 5 IN AAAA fd00:96::3",
    ],
  ],
  [
    "_http._tcp.six.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "_http._tcp.six.tour.svc.cluster.local. 5 IN SRV 0 100 80 six.tour.svc.cluster.local.",
      "+ six.tour.svc.cluster.local. 5 IN AAAA fd00:96::6",
    ],
  ],
  [
    "web.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "web.tour.svc.cluster.local. 5 IN SRV 0 50 80 web.tour.svc.cluster.local.",
      "web.tour.svc.cluster.local. 5 IN SRV 0 50 9090 web.tour.svc.cluster.local.",
      "+ web.tour.svc.cluster.local. 5 IN A 10.96.1.1",
    ],
  ],
  [
    "_dns._udp.kube-dns.kube-system.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "_dns._udp.kube-dns.kube-system.svc.cluster.local. 5 IN SRV 0 100 53 kube-dns.kube-system.svc.cluster.local.",
      "+ kube-dns.kube-system.svc.cluster.local. 5 IN A 10.96.0.10",
    ],
  ],
  ["_http._udp.web.tour.svc.cluster.local", "SRV", nxdomain],
  ["_nothing._tcp.web.tour.svc.cluster.local", "SRV", nxdomain],
  [
    "_http._tcp.web.tour.svc.cluster.local",
    "A",
    ["NOERROR", "_http._tcp.web.tour.svc.cluster.local. 5 IN A 10.96.1.1"],
  ],
  ["_http._tcp.web.tour.svc.cluster.local", "TXT", nodata],
  ["_http._tcp.nothing.tour.svc.cluster.local", "SRV", nxdomain],
  ["_tcp.web.tour.svc.cluster.local", "SRV", nodata],
  ["_udp.web.tour.svc.cluster.local", "SRV", nxdomain],
  ["_tcp.unnamed.tour.svc.cluster.local", "SRV", nxdomain],
  // Headless Services
  [
    "db.tour.svc.cluster.local",
    "A",
    ["NOERROR", "db.tour.svc.cluster.local. 5 IN A 10.244.1.5", "db.tour.svc.cluster.local. 5 IN A 10.244.2.5"],
  ],
  ["db.tour.svc.cluster.local", "AAAA", nodata],
  ["db-0.db.tour.svc.cluster.local", "A", ["NOERROR", "db-0.db.tour.svc.cluster.local. 5 IN A 10.244.1.5"]],
  ["db-0.db.tour.svc.cluster.local", "AAAA", nodata],
  ["db-1.db.tour.svc.cluster.local", "A", ["NOERROR", "db-1.db.tour.svc.cluster.local. 5 IN A 10.244.2.5"]],
  ["db-2.db.tour.svc.cluster.local", "A", nxdomain],
  ["db-9.db.tour.svc.cluster.local", "A", nxdomain],
  ["10-244-1-5.db.tour.svc.cluster.local", "A", nxdomain],
  ["x.db-0.db.tour.svc.cluster.local", "A", nxdomain],
  [
    "_sql._tcp.db.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "_sql._tcp.db.tour.svc.cluster.local. 5 IN SRV 0 33 5432 db-0.db.tour.svc.cluster.local.",
      "_sql._tcp.db.tour.svc.cluster.local. 5 IN SRV 0 33 5432 db-1.db.tour.svc.cluster.local.",
      "+ db-0.db.tour.svc.cluster.local. 5 IN A 10.244.1.5",
      "+ db-1.db.tour.svc.cluster.local. 5 IN A 10.244.2.5",
    ],
  ],
  [
    "db-0.db.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      "db-0.db.tour.svc.cluster.local. 5 IN SRV 0 50 5432 db-0.db.tour.svc.cluster.local.",
      "+ db-0.db.tour.svc.cluster.local. 5 IN A 10.244.1.5",
    ],
  ],
  [
    "_sql._tcp.db.tour.svc.cluster.local",
    "A",
    [
      "NOERROR",
      "_sql._tcp.db.tour.svc.cluster.local. 5 IN A 10.244.1.5",
      "_sql._tcp.db.tour.svc.cluster.local. 5 IN A 10.244.2.5",
    ],
  ],
  ["_tcp.db.tour.svc.cluster.local", "A", nodata],
  [
    "mixed.tour.svc.cluster.local",
    "A",
    ["NOERROR", ...["20", "21", "22", "23"].map((last) => `mixed.tour.svc.cluster.local. 5 IN A 10.244.1.${last}`)],
  ],
  [
    "mixed.tour.svc.cluster.local",
    "AAAA",
    [
      "NOERROR",
      "mixed.tour.svc.cluster.local. 5 IN AAAA fd00:244::",
      "mixed.tour.svc.cluster.local. 5 IN AAAA fd00:244::1",
    ],
  ],
  [
    "twin.mixed.tour.svc.cluster.local",
    "A",
    [
      "NOERROR",
      "twin.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.22",
      "twin.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.23",
    ],
  ],
  [
    "10-244-1-20.mixed.tour.svc.cluster.local",
    "A",
    ["NOERROR", "10-244-1-20.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.20"],
  ],
  [
    "fd00-244--1.mixed.tour.svc.cluster.local",
    "AAAA",
    ["NOERROR", "fd00-244--1.mixed.tour.svc.cluster.local. 5 IN AAAA fd00:244::1"],
  ],
  [
    "fd00-244--0.mixed.tour.svc.cluster.local",
    "AAAA",
    ["NOERROR", "fd00-244--0.mixed.tour.svc.cluster.local. 5 IN AAAA fd00:244::"],
  ],
  ["fd00-244--1.mixed.tour.svc.cluster.local", "A", nodata],
  [
    "_http._tcp.mixed.tour.svc.cluster.local",
    "SRV",
    [
      "NOERROR",
      ...["10-244-1-20", "10-244-1-21", "fd00-244--0", "fd00-244--1", "twin"].map(
        (host) => `_http._tcp.mixed.tour.svc.cluster.local. 5 IN SRV 0 16 80 ${host}.mixed.tour.svc.cluster.local.`,
      ),
      "+ 10-244-1-20.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.20",
      "+ 10-244-1-21.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.21",
      "+ fd00-244--0.mixed.tour.svc.cluster.local. 5 IN AAAA fd00:244::",
      "+ fd00-244--1.mixed.tour.svc.cluster.local. 5 IN AAAA fd00:244::1",
      "+ twin.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.22",
      "+ twin.mixed.tour.svc.cluster.local. 5 IN A 10.244.1.23",
    ],
  ],
  ["portless.tour.svc.cluster.local", "A", ["NOERROR", "portless.tour.svc.cluster.local. 5 IN A 10.244.1.30"]],
  ["portless.tour.svc.cluster.local", "SRV", nodata],
  [
    "10-244-1-30.portless.tour.svc.cluster.local",
    "A",
    ["NOERROR", "10-244-1-30.portless.tour.svc.cluster.local. 5 IN A 10.244.1.30"],
  ],
  ["empty.tour.svc.cluster.local", "A", nxdomain],
  ["empty.tour.svc.cluster.local", "SRV", nxdomain],
  ["_http._tcp.empty.tour.svc.cluster.local", "SRV", nxdomain],
  ["unready.tour.svc.cluster.local", "A", nxdomain],
  ["10-244-1-40.unready.tour.svc.cluster.local", "A", nxdomain],
  ["eager.tour.svc.cluster.local", "A", ["NOERROR", "eager.tour.svc.cluster.local. 5 IN A 10.244.1.41"]],
  // Endpoints of a Service with a cluster IP have names, too
  ["named.web.tour.svc.cluster.local", "A", ["NOERROR", "named.web.tour.svc.cluster.local. 5 IN A 10.244.2.10"]],
  [
    "10-244-1-10.web.tour.svc.cluster.local",
    "A",
    ["NOERROR", "10-244-1-10.web.tour.svc.cluster.local. 5 IN A 10.244.1.10"],
  ],
  // External names
  [
    "legacy-db.tour.svc.cluster.local",
    "CNAME",
    ["NOERROR", "legacy-db.tour.svc.cluster.local. 5 IN CNAME db.example.com."],
  ],
  [
    "legacy-db.tour.svc.cluster.local",
    "A",
    [
      "NOERROR",
      "legacy-db.tour.svc.cluster.local. 5 IN CNAME db.example.com.",
      "db.example.com. 30 IN A 192.168.100.50",
      "db.example.com. 30 IN A 192.168.100.51",
    ],
  ],
  [
    "legacy-db.tour.svc.cluster.local",
    "AAAA",
    ["NOERROR", "legacy-db.tour.svc.cluster.local. 5 IN CNAME db.example.com."],
  ],
  ["dotted.tour.svc.cluster.local", "CNAME", ["NOERROR", "dotted.tour.svc.cluster.local. 5 IN CNAME db.example.com."]],
  ["legacy-db.tour.svc.cluster.local", "TXT", nodata],
  ["legacy-db.tour.svc.cluster.local", "SRV", nodata],
  ["x.legacy-db.tour.svc.cluster.local", "CNAME", nxdomain],
  ["_http._tcp.legacy-db.tour.svc.cluster.local", "SRV", nxdomain],
  [
    "inner.tour.svc.cluster.local",
    "A",
    [
      "NOERROR",
      "inner.tour.svc.cluster.local. 5 IN CNAME web.tour.svc.cluster.local.",
      "web.tour.svc.cluster.local. 5 IN A 10.96.1.1",
    ],
  ],
  [
    "inner-chain.tour.svc.cluster.local",
    "A",
    [
      "NOERROR",
      "inner-chain.tour.svc.cluster.local. 5 IN CNAME inner.tour.svc.cluster.local.",
      "inner.tour.svc.cluster.local. 5 IN CNAME web.tour.svc.cluster.local.",
      "web.tour.svc.cluster.local. 5 IN A 10.96.1.1",
    ],
  ],
  ["inner-missing.tour.svc.cluster.local", "A", nodata],
  [
    "outer-missing.tour.svc.cluster.local",
    "A",
    ["NOERROR", "outer-missing.tour.svc.cluster.local. 5 IN CNAME nothing.example.com."],
  ],
  [
    "outer-broken.tour.svc.cluster.local",
    "A",
    ["SERVFAIL", "outer-broken.tour.svc.cluster.local. 5 IN CNAME broken.example.com."],
  ],
  [
    "loop-a.tour.svc.cluster.local",
    "A",
    [
      "NOERROR",
      "loop-a.tour.svc.cluster.local. 5 IN CNAME loop-b.tour.svc.cluster.local.",
      "loop-b.tour.svc.cluster.local. 5 IN CNAME loop-a.tour.svc.cluster.local.",
    ],
  ],
  ["self.tour.svc.cluster.local", "A", nodata],
  [
    "self.tour.svc.cluster.local",
    "CNAME",
    ["NOERROR", "self.tour.svc.cluster.local. 5 IN CNAME self.tour.svc.cluster.local."],
  ],
  ["literal.tour.svc.cluster.local", "A", nxdomain],
  ["literal.tour.svc.cluster.local", "CNAME", nxdomain],
  // The zone and what is between it and the Services
  ["cluster.local", "SOA", ["NOERROR", soa.slice(4)]],
  [
    "cluster.local",
    "NS",
    [
      "NOERROR",
      "cluster.local. 5 IN NS kube-dns.kube-system.svc.cluster.local.",
      "+ kube-dns.kube-system.svc.cluster.local. 5 IN A 10.96.0.10",
    ],
  ],
  ["cluster.local", "A", nodata],
  ["cluster.local", "HINFO", nodata],
  ["ns.dns.cluster.local", "A", ["NOERROR", "ns.dns.cluster.local. 5 IN A 10.96.0.10"]],
  ["ns.dns.cluster.local", "AAAA", nodata],
  ["dns.cluster.local", "A", nodata],
  ["x.dns.cluster.local", "A", nxdomain],
  ["svc.cluster.local", "A", nodata],
  ["svc.cluster.local", "NS", nodata],
  ["pod.cluster.local", "A", nodata],
  ["tour.svc.cluster.local", "A", nodata],
  ["tour.svc.cluster.local", "NS", nodata],
  ["bare.svc.cluster.local", "A", nodata],
  ["nowhere.svc.cluster.local", "A", nxdomain],
  ["foo.svc.cluster.local", "NS", nxdomain],
  ["foo.cluster.local", "A", nxdomain],
  ["foo.cluster.local", "NS", nxdomain],
  ["web.tour.cluster.local", "A", nxdomain],
  ["a.b.c.d.e.svc.cluster.local", "A", nxdomain],
  ["a._http._tcp.web.tour.svc.cluster.local", "A", nxdomain],
  ["*.tour.svc.cluster.local", "A", nxdomain],
  ["any.tour.svc.cluster.local", "A", nxdomain],
  ["db.example.com.tour.svc.cluster.local", "A", nxdomain],
  ["dns-version.cluster.local", "TXT", ["NOERROR", 'dns-version.cluster.local. 28800 IN TXT "1.1.0"']],
  ["dns-version.cluster.local", "A", nodata],
  ["x.dns-version.cluster.local", "TXT", nxdomain],
  // Pods
  ["10-244-1-5.tour.pod.cluster.local", "A", ["NOERROR", "10-244-1-5.tour.pod.cluster.local. 5 IN A 10.244.1.5"]],
  ["10-244-1-5.tour.pod.cluster.local", "AAAA", nodata],
  [
    "fd00-244--1.tour.pod.cluster.local",
    "AAAA",
    ["NOERROR", "fd00-244--1.tour.pod.cluster.local. 5 IN AAAA fd00:244::1"],
  ],
  ["1-2-3.tour.pod.cluster.local", "A", nxdomain],
  ["256-2-3-4.tour.pod.cluster.local", "A", nxdomain],
  ["blah.tour.pod.cluster.local", "A", nxdomain],
  ["blah.tour.pod.cluster.local", "HINFO", nxdomain],
  ["10-244-1-5.nowhere.pod.cluster.local", "A", nxdomain],
  ["x.10-244-1-5.tour.pod.cluster.local", "A", nxdomain],
  ["tour.pod.cluster.local", "A", nodata],
  ["nowhere.pod.cluster.local", "A", nxdomain],
  // Addresses
  ["1.1.96.10.in-addr.arpa", "PTR", ["NOERROR", "1.1.96.10.in-addr.arpa. 5 IN PTR web.tour.svc.cluster.local."]],
  ["5.1.244.10.in-addr.arpa", "PTR", ["NOERROR", "5.1.244.10.in-addr.arpa. 5 IN PTR db-0.db.tour.svc.cluster.local."]],
  [
    "20.1.244.10.in-addr.arpa",
    "PTR",
    ["NOERROR", "20.1.244.10.in-addr.arpa. 5 IN PTR 10-244-1-20.mixed.tour.svc.cluster.local."],
  ],
  [
    "10.2.244.10.in-addr.arpa",
    "PTR",
    ["NOERROR", "10.2.244.10.in-addr.arpa. 5 IN PTR named.web.tour.svc.cluster.local."],
  ],
  [
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.4.2.0.0.0.d.f.ip6.arpa",
    "PTR",
    [
      "NOERROR",
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.4.2.0.0.0.d.f.ip6.arpa. 5 IN PTR fd00-244--1.mixed.tour.svc.cluster.local.",
    ],
  ],
  [
    "1.1.96.10.in-addr.arpa",
    "A",
    [
      "NOERROR",
      "ns: in-addr.arpa. 5 IN SOA ns.dns.in-addr.arpa. hostmaster.in-addr.arpa. 1700000000 7200 1800 86400 5",
    ],
  ],
  // Names that are not the cluster's own go out
  ["40.1.244.10.in-addr.arpa", "PTR", ["NXDOMAIN"]],
  ["9.9.244.10.in-addr.arpa", "PTR", ["NXDOMAIN"]],
  ["99.1.96.10.in-addr.arpa", "PTR", ["NXDOMAIN"]],
  ["1.96.10.in-addr.arpa", "PTR", ["NXDOMAIN"]],
  [
    "db.example.com",
    "A",
    ["NOERROR", "db.example.com. 30 IN A 192.168.100.50", "db.example.com. 30 IN A 192.168.100.51"],
  ],
  ["nothing.example.com", "A", ["NXDOMAIN"]],
  ["broken.example.com", "A", ["SERVFAIL"]],
  ["xcluster.local", "A", ["NXDOMAIN"]],
  [".", "NS", ["NXDOMAIN"]],
];

describe("createClusterDns()", () => {
  describe.each(["udp", "tcp"] as const)("over %s", (transport) => {
    it.each(names)("answers %s %s", async (name, type, expected) => {
      const edns = { udpSize: 4096, version: 0, dnssecOk: false, options: [] };
      expect(words(await query(cluster(), name, type, { transport, edns }))).toEqual(expected);
    });
  });
});
