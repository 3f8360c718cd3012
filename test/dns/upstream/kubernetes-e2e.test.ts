import { describe, expect, it } from "vitest";
import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { Service } from "../../../src/objects/index.ts";
import { namespace, query, service, slice, words } from "../cluster.ts";
import { replay, rows } from "./replay.ts";

const http = { name: "http", protocol: "TCP", port: 80 } as const;
const zone = "cluster.local";

const caches = () => ({
  services: new MemoryCache<Service>([
    service("default", "kubernetes", {
      clusterIP: "10.96.0.1",
      clusterIPs: ["10.96.0.1"],
      ports: [{ name: "https", protocol: "TCP", port: 443 }],
    }),
    service("dns-1", "dns-test-service", { clusterIP: "None", ports: [http] }),
    service("dns-1", "test-service-2", { clusterIP: "10.96.7.7", clusterIPs: ["10.96.7.7"], ports: [http] }),
    service("dns-1", "dns-test-service-2", { clusterIP: "None", ports: [http] }),
    service("dns-1", "dns-test-service-3", { type: "ExternalName", externalName: "foo.example.com" }),
    service("dns-1", "9-digits-first", { clusterIP: "10.96.7.8", clusterIPs: ["10.96.7.8"], ports: [http] }),
  ]),
  endpointSlices: new MemoryCache([
    slice("dns-1", "dns-test-service", "a", [["10.244.1.9"]]),
    slice("dns-1", "test-service-2", "b", [["10.244.1.9"]]),
    slice("dns-1", "dns-test-service-2", "c", [["10.244.1.10", "dns-querier-2"]]),
  ]),
  namespaces: new MemoryCache(["default", "dns-1"].map(namespace)),
});
const world = (all = caches()) =>
  createClusterDns({
    caches: all,
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    nameservers: [ip("10.96.0.10")],
  });

/** test/e2e/network/dns.go, the names that its pods look up; those of files and search lists are asked by real resolvers. */
replay(
  "kubernetes: test/e2e/network/dns.go",
  [
    ...rows(zone, [
      ["kubernetes.default.svc", "A", ["A 10.96.0.1"]],
      [
        "_https._tcp.kubernetes.default.svc",
        "SRV",
        ["SRV 0 100 443 kubernetes.default.svc@", "+ kubernetes.default.svc@ A 10.96.0.1"],
      ],
      ["dns-test-service.dns-1.svc", "A", ["A 10.244.1.9"]],
      [
        "_http._tcp.dns-test-service.dns-1.svc",
        "SRV",
        [
          "SRV 0 100 80 10-244-1-9.dns-test-service.dns-1.svc@",
          "+ 10-244-1-9.dns-test-service.dns-1.svc@ A 10.244.1.9",
        ],
      ],
      [
        "_http._tcp.test-service-2.dns-1.svc",
        "SRV",
        ["SRV 0 100 80 test-service-2.dns-1.svc@", "+ test-service-2.dns-1.svc@ A 10.96.7.7"],
      ],
      ["dns-querier-2.dns-test-service-2.dns-1.svc", "A", ["A 10.244.1.10"]],
      ["dns-test-service-2.dns-1.svc", "A", ["A 10.244.1.10"]],
      ["dns-test-service-3.dns-1.svc", "CNAME", ["CNAME foo.example.com"]],
      ["9-digits-first.dns-1.svc", "A", ["A 10.96.7.8"]],
      // Partial names on their way through the search list
      ["kubernetes.default.dns-1.svc", "A", "NXDOMAIN"],
      ["kubernetes.default", "A", "NXDOMAIN"],
      ["dns-test-service.dns-1.dns-1.svc", "A", "NXDOMAIN"],
    ]),
    ...rows("in-addr.arpa", [["7.7.96.10", "PTR", ["PTR test-service-2.dns-1.svc.cluster.local"]]]),
  ],
  13,
  () => world(),
);

describe("kubernetes: test/e2e/network/dns.go, ExternalName", () => {
  it("follows a new target, and the change to a Service with a cluster IP", async () => {
    const all = caches();
    const dns = world(all);
    const name = "dns-test-service-3.dns-1.svc.cluster.local";
    const set = (spec: Service["spec"]) => all.services.set(service("dns-1", "dns-test-service-3", spec));
    expect(words(await query(dns, name, "CNAME"))[1]).toBe(`${name}. 5 IN CNAME foo.example.com.`);
    set({ type: "ExternalName", externalName: "bar.example.com" });
    expect(words(await query(dns, name, "CNAME"))[1]).toBe(`${name}. 5 IN CNAME bar.example.com.`);
    set({ type: "ClusterIP", clusterIP: "10.96.9.9", clusterIPs: ["10.96.9.9"], ports: [http] });
    expect(words(await query(dns, name, "A"))[1]).toBe(`${name}. 5 IN A 10.96.9.9`);
    expect(words(await query(dns, name, "CNAME"))[0]).toBe("NOERROR");
    expect((await query(dns, name, "CNAME")).answers).toEqual([]);
  });
});
