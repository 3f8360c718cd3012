import { describe, expect, it } from "vitest";
import type { Service } from "../../objects/index.ts";
import { planAddresses } from "./plan.ts";
import { parseRange } from "./pool.ts";

const pool = ["192.168.100.200-192.168.100.202", "10.9.0.0/31", "fd00::10"].map(parseRange);

function service(spec: Partial<Service["spec"]> = {}, ip?: string, annotations: Record<string, string> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s", namespace: "default", annotations },
    spec: { type: "LoadBalancer", ipFamilies: ["IPv4"], ...spec },
    ...(ip === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip }] } } }),
  };
}

describe("planAddresses()", () => {
  const assigned: readonly (readonly [string, Service, readonly string[], readonly string[], boolean])[] = [
    ["the first free address", service(), [], ["192.168.100.200"], true],
    [
      "the next range when one is full",
      service(),
      ["192.168.100.200", "192.168.100.201", "192.168.100.202"],
      ["10.9.0.0"],
      true,
    ],
    ["what it has", service({}, "192.168.100.202"), [], ["192.168.100.202"], false],
    ["another one when it has one of no pool", service({}, "172.16.0.1"), [], ["192.168.100.200"], true],
    [
      "another one when somebody else holds its own",
      service({}, "192.168.100.200"),
      ["192.168.100.200"],
      ["192.168.100.201"],
      true,
    ],
    [
      "what spec.loadBalancerIP asks for",
      service({ loadBalancerIP: "192.168.100.201" }, "192.168.100.200"),
      [],
      ["192.168.100.201"],
      true,
    ],
    [
      "what an annotation asks for",
      service({}, undefined, { "sealane.dev/load-balancer-ips": "10.9.0.1" }),
      [],
      ["10.9.0.1"],
      true,
    ],
    [
      "what MetalLB's annotation asks for",
      service({}, undefined, { "metallb.io/loadBalancerIPs": "10.9.0.1" }),
      [],
      ["10.9.0.1"],
      true,
    ],
    ["one of each family", service({ ipFamilies: ["IPv4", "IPv6"] }), [], ["192.168.100.200", "fd00::10"], true],
    [
      "the first family alone where that is allowed",
      service({ ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" }),
      ["fd00::10"],
      ["192.168.100.200"],
      true,
    ],
  ];
  it.each(assigned)("gives %s", (_what, one, taken, addresses, isNew) => {
    expect(planAddresses(one, pool, (address) => taken.includes(address))).toEqual({
      kind: "assign",
      addresses,
      isNew,
    });
  });

  const all = ["192.168.100.200", "192.168.100.201", "192.168.100.202", "10.9.0.0", "10.9.0.1"];
  const failures: readonly (readonly [Service, readonly string[], string])[] = [
    [service(), all, "no available IPv4 address in the pool"],
    [service({ loadBalancerIP: "1.2.3.4" }), [], "is in no pool"],
    [service({ loadBalancerIP: "192.168.100.200" }), ["192.168.100.200"], "is in use by another Service"],
    [service({ loadBalancerIP: "x" }), [], "is no IP address"],
    [service({ loadBalancerIP: "fd00::10" }), [], "is not of the Service's families"],
    [
      service({ loadBalancerIP: "10.9.0.0" }, undefined, { "metallb.io/loadBalancerIPs": "10.9.0.1" }),
      [],
      "set only one",
    ],
    [
      service({ ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" }),
      ["fd00::10"],
      "no available IPv6 address",
    ],
  ];
  it.each(failures)("refuses %#", (one, taken, message) => {
    const plan = planAddresses(one, pool, (address) => taken.includes(address));
    expect(plan).toMatchObject({ kind: "fail", message: expect.stringContaining(message) });
  });

  it.each([service({ type: "ClusterIP" }), service({ loadBalancerClass: "example.com/other" })])(
    "leaves %# alone",
    (one) => {
      expect(planAddresses(one, pool, () => false)).toEqual({ kind: "none" });
    },
  );
});

describe("parseRange()", () => {
  it.each(["", "10.0.0.9-10.0.0.1", "10.0.0.1-fd00::1", "10.0.0.1-10.0.0.2-10.0.0.3", "pool"])("refuses %j", (text) => {
    expect(() => parseRange(text)).toThrow(expect.objectContaining({ code: "InvalidPool" }));
  });
});
