import { describe, expect, it } from "vitest";
import type { Pod } from "../objects/index.ts";
import { formatResolvConf, parseResolvConf, podResolver, resolvConfOf } from "./resolv-conf.ts";
import { parseUpstream } from "./upstream.ts";

const options = {
  clusterDomain: "cluster.local",
  nameservers: ["10.96.0.10"],
  host: { nameservers: ["192.168.100.1"], searches: ["lab.test"], options: ["timeout:1"] },
};

function pod(spec: Partial<Pod["spec"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "tour", name: "web" },
    spec: { containers: [], ...spec },
  };
}

const clusterSearch = "search tour.svc.cluster.local svc.cluster.local cluster.local lab.test\n";
const clusterFirst = `${clusterSearch}nameserver 10.96.0.10\noptions ndots:5\n`;
const hosts = "search lab.test\nnameserver 192.168.100.1\noptions timeout:1\n";

describe("resolvConfOf()", () => {
  const table: readonly (readonly [string, Partial<Pod["spec"]>, string])[] = [
    ["no policy", {}, clusterFirst],
    ["ClusterFirst", { dnsPolicy: "ClusterFirst" }, clusterFirst],
    ["ClusterFirst in the host's network", { dnsPolicy: "ClusterFirst", hostNetwork: true }, hosts],
    [
      "ClusterFirstWithHostNet in the host's network",
      { dnsPolicy: "ClusterFirstWithHostNet", hostNetwork: true },
      clusterFirst,
    ],
    ["Default", { dnsPolicy: "Default" }, hosts],
    [
      "None",
      {
        dnsPolicy: "None",
        dnsConfig: {
          nameservers: ["1.2.3.4"],
          searches: ["a.b"],
          options: [{ name: "ndots", value: "2" }, { name: "rotate" }],
        },
      },
      "search a.b\nnameserver 1.2.3.4\noptions ndots:2 rotate\n",
    ],
    ["None without a config", { dnsPolicy: "None" }, ""],
    [
      "a config beside the policy",
      {
        dnsConfig: {
          nameservers: ["1.2.3.4", "10.96.0.10"],
          searches: ["extra", "lab.test"],
          options: [{ name: "ndots", value: "1" }, { name: "edns0" }],
        },
      },
      `${clusterSearch.trim()} extra\nnameserver 10.96.0.10\nnameserver 1.2.3.4\noptions ndots:1 edns0\n`,
    ],
  ];
  it.each(table)("of %s", (_, spec, expected) => expect(resolvConfOf(pod(spec), options)).toBe(expected));

  it("keeps to three name servers, 32 search domains and 2048 characters", () => {
    const many = podResolver(
      pod({
        dnsConfig: {
          nameservers: ["1.1.1.1", "2.2.2.2", "3.3.3.3"],
          searches: Array.from({ length: 40 }, (_, i) => `d${i}`),
        },
      }),
      options,
    );
    expect([many.nameservers.length, many.searches.length]).toEqual([3, 32]);
    const long = podResolver(
      pod({ dnsConfig: { searches: Array.from({ length: 20 }, (_, i) => `${i}.${"x".repeat(200)}`) } }),
      options,
    );
    expect(long.searches.join(" ").length).toBeLessThanOrEqual(2048);
  });

  it("takes pods without a namespace for pods of default", () => {
    const bare: Pod = { ...pod(), metadata: { name: "web" } };
    expect(resolvConfOf(bare, options)).toContain("search default.svc.cluster.local ");
  });
});

describe("parseResolvConf()", () => {
  it("gives what formatResolvConf() wrote", () => {
    const text = formatResolvConf(options.host);
    expect(parseResolvConf(text)).toEqual(options.host);
  });
  it("skips comments, zone indexes and what it does not know; the last search counts", () => {
    const text =
      "# c\nnameserver 1.1.1.1 ; x\nnameserver fe80::1%eth0\nsortlist 1\ndomain a\nsearch b c\noptions rotate\n\n";
    expect(parseResolvConf(text)).toEqual({ nameservers: ["1.1.1.1"], searches: ["b", "c"], options: ["rotate"] });
  });
});

describe("parseUpstream()", () => {
  const table: readonly (readonly [string, object | undefined])[] = [
    ["1.1.1.1", { address: "1.1.1.1", port: 53 }],
    ["1.1.1.1:5353", { address: "1.1.1.1", port: 5353 }],
    ["fd00::1", { address: "fd00::1", port: 53 }],
    ["[fd00::1]", { address: "fd00::1", port: 53 }],
    ["[fd00::1]:54", { address: "fd00::1", port: 54 }],
    ["1.1.1.1:0", undefined],
    ["1.1.1.1:65536", undefined],
    ["dns.google", undefined],
    ["", undefined],
  ];
  it.each(table)("reads %j", (text, expected) => expect(parseUpstream(text)).toEqual(expected));
});
