import type { Endpoint, EndpointSlice, Service, ServiceSpec } from "../../src/objects/index.ts";
import { addresses } from "./proxy-network.ts";
import type { ProxyNetwork } from "./proxy-network.ts";

export type PodName = "a1" | "a2" | "b1";

export interface ServiceOptions {
  readonly spec?: Partial<ServiceSpec>;
  readonly loadBalancerIP?: string;
  readonly protocol?: "TCP" | "UDP";
}

/** A Service with one port 80 (TCP, to 8080) or 53 (UDP, to 5353). */
export function serviceObject(name: string, clusterIP: string, options: ServiceOptions = {}): Service {
  const { spec = {}, loadBalancerIP, protocol = "TCP" } = options;
  const port = protocol === "TCP" ? 80 : 53;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "tour" },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: "main", protocol, port }], ...spec },
    ...(loadBalancerIP === undefined ? {} : { status: { loadBalancer: { ingress: [{ ip: loadBalancerIP }] } } }),
  };
}

/** The slice of a Service with these pods; `more` adds conditions or hints to each. */
export function sliceObject(
  name: string,
  pods: readonly PodName[],
  protocol: "TCP" | "UDP" = "TCP",
  more: (pod: PodName) => Partial<Endpoint> = () => ({}),
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, namespace: "tour", labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "main", protocol, port: protocol === "TCP" ? 8080 : 5353 }],
    endpoints: pods.map((pod) => ({
      addresses: [addresses[pod]],
      nodeName: pod.startsWith("a") ? "node-1" : "node-2",
      targetRef: { kind: "Pod", namespace: "tour", name: pod },
      ...more(pod),
    })),
  };
}

/** Puts a Service with its endpoints on the network and waits until both nodes serve it. */
export async function serve(
  network: ProxyNetwork,
  name: string,
  clusterIP: string,
  pods: readonly PodName[],
  options: ServiceOptions & { readonly more?: (pod: PodName) => Partial<Endpoint> } = {},
): Promise<void> {
  network.services.set(serviceObject(name, clusterIP, options));
  network.slices.set(sliceObject(name, pods, options.protocol, options.more));
  await network.settled();
}
