import { describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import type { EndpointSlice, LoadBalancerIngress, Service, ServiceSpec } from "../objects/index.ts";
import { planService } from "./service-plan.ts";
import type { ServicePlan } from "./service-plan.ts";

const node = { nodeName: "node-1", addresses: [ip("192.168.100.11")] };

function serviceWith(spec: Partial<ServiceSpec>, ingress: readonly LoadBalancerIngress[] = []): Service {
  const ports = [{ name: "http", port: 80, protocol: "TCP" as const, nodePort: 30080 }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "tour" },
    spec: { clusterIP: "10.96.0.1", ports, ...spec },
    status: { loadBalancer: { ingress } },
  };
}

function sliceOn(...nodes: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "tour" },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: nodes.map((nodeName, i) => ({ addresses: [`10.244.0.${i + 1}`], nodeName })),
  };
}

function only(service: Service, ...slices: readonly EndpointSlice[]): ServicePlan {
  const { ports } = planService(service, slices, node);
  if (ports.length !== 1 || ports[0] === undefined) throw new Error(`${ports.length} plans`);
  return ports[0];
}

describe("planService()", () => {
  const unserved: readonly (readonly [string, Service])[] = [
    ["a headless Service", serviceWith({ clusterIP: "None" })],
    ["a Service without an address yet", serviceWith({ clusterIP: "" })],
    ["an ExternalName", serviceWith({ type: "ExternalName", externalName: "db.example.com" })],
    [
      "a Service of another proxy",
      { ...serviceWith({}), metadata: { name: "web", labels: { "service.kubernetes.io/service-proxy-name": "x" } } },
    ],
  ];
  it.each(unserved)("plans nothing for %s", (_what, service) =>
    expect(planService(service, [sliceOn("node-1")], node)).toEqual({ ports: [] }),
  );

  it("leaves out slices of headless Services", () => {
    const headless: EndpointSlice = {
      ...sliceOn("node-1"),
      metadata: { name: "web-1", labels: { "service.kubernetes.io/headless": "" } },
    };
    expect(only(serviceWith({}), headless).cluster).toEqual([]);
  });

  it("has a node port only with the types that offer it", () => {
    expect(only(serviceWith({})).nodePort).toBeUndefined();
    expect(only(serviceWith({ type: "NodePort" })).nodePort).toBe(30080);
    expect(only(serviceWith({ type: "LoadBalancer" })).nodePort).toBe(30080);
  });

  it("serves addresses of the load balancer unless their mode is Proxy", () => {
    const ingress = [{ ip: "192.168.100.200" }, { ip: "192.168.100.201", ipMode: "Proxy" as const }, { hostname: "x" }];
    expect(only(serviceWith({ type: "LoadBalancer" }, ingress)).loadBalancerIPs).toEqual(["192.168.100.200"]);
    expect(only(serviceWith({ type: "NodePort" }, ingress)).loadBalancerIPs).toEqual([]);
  });

  const verdicts: readonly (readonly [Partial<ServiceSpec>, readonly string[], string, string])[] = [
    [{}, [], "reject", "reject"],
    [{ internalTrafficPolicy: "Local" }, ["node-2"], "drop", "reject"],
    [{ internalTrafficPolicy: "Local" }, [], "reject", "reject"],
    [{ type: "NodePort", externalTrafficPolicy: "Local" }, ["node-2"], "reject", "drop"],
    [{ type: "NodePort", externalTrafficPolicy: "Local" }, [], "reject", "reject"],
  ];
  it.each(verdicts)(
    "with %j and endpoints on %j meets empty lists by %s inside, %s outside",
    (spec, on, inside, out) => {
      const plan = only(serviceWith(spec), sliceOn(...on));
      expect([plan.whenInternalEmpty, plan.whenExternalEmpty]).toEqual([inside, out]);
    },
  );

  const affinities: readonly (readonly [Partial<ServiceSpec>, number | undefined])[] = [
    [{}, undefined],
    [{ sessionAffinity: "None" }, undefined],
    [{ sessionAffinity: "ClientIP" }, 10_800],
    [{ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, 5],
  ];
  it.each(affinities)("with %j holds clients for %s seconds", (spec, seconds) =>
    expect(only(serviceWith(spec)).affinitySeconds).toBe(seconds),
  );

  it("reads the scheduler's annotation, and says when it names none", () => {
    const annotated = (text: string): Service => {
      const service = serviceWith({});
      return { ...service, metadata: { ...service.metadata, annotations: { "sealane.dev/scheduler": text } } };
    };
    expect(only(annotated("lc")).scheduler).toBe("lc");
    const { ports, problems } = planService(annotated("fastest"), [], node);
    expect(ports.map(({ scheduler }) => scheduler)).toEqual([undefined]);
    expect(problems?.[0]).toMatch(/no scheduler "fastest".*use one of random, rr, wrr/);
  });

  const ranges: readonly (readonly [readonly string[], readonly string[] | undefined])[] = [
    [[], undefined],
    [[" 10.0.0.0/8 "], ["10.0.0.0/8"]],
    [["10.0.0.0/8", "0.0.0.0/0"], undefined],
    [["fd00::/8"], undefined],
    [["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"], ["10.0.0.0/8"]],
    // A range that holds the node's address admits the load balancer's address as well.
    [["192.168.100.0/28"], ["192.168.100.0/28", "192.168.100.200/32"]],
  ];
  it.each(ranges)("reads source ranges %j as %j", (loadBalancerSourceRanges, expected) => {
    const service = serviceWith({ type: "LoadBalancer", loadBalancerSourceRanges }, [{ ip: "192.168.100.200" }]);
    expect(only(service).sourceRanges).toEqual(expected);
  });

  it("plans each port in each family", () => {
    const spec: Partial<ServiceSpec> = {
      clusterIP: "10.96.0.1",
      clusterIPs: ["10.96.0.1", "fd00:96::1"],
      ipFamilies: ["IPv4", "IPv6"],
      ports: [
        { name: "dns", port: 53, protocol: "UDP" },
        { name: "dns-tcp", port: 53, protocol: "TCP" },
      ],
    };
    const plans = planService(serviceWith(spec), [], node).ports;
    expect(plans.map((plan) => `${plan.portName} ${plan.protocol} ${plan.clusterIP}`)).toEqual([
      "dns UDP 10.96.0.1",
      "dns UDP fd00:96::1",
      "dns-tcp TCP 10.96.0.1",
      "dns-tcp TCP fd00:96::1",
    ]);
  });

  it("counts distinct ready addresses of the node for the health check", () => {
    const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 32000 } as const;
    const { healthCheck } = planService(serviceWith(spec), [sliceOn("node-1", "node-2", "node-1")], node);
    expect(healthCheck).toEqual({ service: "tour/web", nodePort: 32000, localEndpoints: 2 });
    expect(planService(serviceWith({ type: "LoadBalancer" }), [], node).healthCheck).toBeUndefined();
  });

  it("counts a pod with an address in each family once", () => {
    const spec = {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      healthCheckNodePort: 32000,
      clusterIPs: ["10.96.0.1", "fd00:96::1"],
      ipFamilies: ["IPv4", "IPv6"],
    } as const;
    const four = sliceOn("node-1");
    const six: EndpointSlice = {
      ...four,
      addressType: "IPv6",
      endpoints: four.endpoints.map((entry) => ({ ...entry, addresses: ["fd00:244::2"] })),
    };
    expect(planService(serviceWith(spec), [four, six], node).healthCheck?.localEndpoints).toBe(1);
  });
});
