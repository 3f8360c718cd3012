import { ip } from "../../src/core/index.ts";
import type { Endpoint, ServicePlan } from "../../src/model/index.ts";

/** A ready endpoint on port 8080. */
export function endpointAt(address: string, nodeName: string): Endpoint {
  return {
    ip: ip(address),
    port: 8080,
    nodeName,
    ready: true,
    serving: true,
    terminating: false,
    hints: { zones: [], nodes: [] },
  };
}

type Texts = "clusterIP" | "loadBalancerIPs" | "externalIPs";

/** The plan of `tour/web`, port 80, with differences; addresses as texts. */
export function planWith(
  more: Partial<Omit<ServicePlan, Texts>> & {
    readonly clusterIP?: string;
    readonly loadBalancerIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
  },
): ServicePlan {
  const { clusterIP = "10.96.0.20", loadBalancerIPs = [], externalIPs = [], ...rest } = more;
  return {
    service: "tour/web",
    portName: "http",
    protocol: "TCP",
    family: "IPv4",
    port: 80,
    clusterIP: ip(clusterIP),
    loadBalancerIPs: loadBalancerIPs.map(ip),
    externalIPs: externalIPs.map(ip),
    internalTrafficPolicy: "Cluster",
    externalTrafficPolicy: "Cluster",
    cluster: [],
    local: [],
    onNode: [],
    serving: [],
    whenInternalEmpty: "reject",
    whenExternalEmpty: "reject",
    ...rest,
  };
}
