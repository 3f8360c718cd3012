import {
  isNodeReady,
  isPodReady,
  keyOf,
  nodeAddress,
  objectKey,
  serviceNameLabel,
  zoneLabel,
} from "../objects/index.ts";
import type { Ingress, Node, Pod, Service } from "../objects/index.ts";
import type { ProxyStats } from "../proxy/index.ts";
import { isIngressRouter } from "./builtin-objects.ts";
import type { IngressSummary, NodeSummary, PodsSummary, ServiceSummary } from "./lab-status.ts";
import type { ClusterState } from "./readiness.ts";

/** Nodes as `sealane status` shows them, by name. */
export function nodeSummaries(
  state: ClusterState,
  proxies: ReadonlyMap<string, Pick<ProxyStats, "mode">>,
): readonly NodeSummary[] {
  return [...state.nodes].sort(byNumberedName).map((node) => ({
    name: node.metadata.name,
    zone: node.metadata.labels?.[zoneLabel] ?? "",
    address: nodeAddress(node) ?? "",
    podCidr: node.spec.podCIDR ?? "",
    ready: isNodeReady(node),
    pods: state.pods.filter((pod) => pod.spec.nodeName === node.metadata.name).length,
    proxyMode: proxies.get(node.metadata.name)?.mode,
  }));
}

/** Services as `sealane status` shows them, by namespace and name. */
export function serviceSummaries(state: ClusterState): readonly ServiceSummary[] {
  const ready = new Map<string, Set<string>>();
  for (const slice of state.endpointSlices) {
    const key = keyOf(slice.metadata.namespace, slice.metadata.labels?.[serviceNameLabel] ?? "");
    const addresses = ready.get(key) ?? new Set<string>();
    for (const endpoint of slice.endpoints) {
      if (endpoint.conditions?.ready !== false) addresses.add(endpoint.addresses[0] ?? "");
    }
    ready.set(key, addresses);
  }
  return [...state.services].sort(byKey).map((service) => ({
    namespace: service.metadata.namespace ?? "",
    name: service.metadata.name,
    type: service.spec.type ?? "ClusterIP",
    clusterIP: service.spec.clusterIP ?? "<none>",
    external: externalText(service),
    ports: portsText(service),
    ready: service.spec.type === "ExternalName" ? undefined : (ready.get(objectKey(service))?.size ?? 0),
  }));
}

/** Ingresses as `sealane status` shows them. */
export function ingressSummaries(ingresses: readonly Ingress[]): readonly IngressSummary[] {
  return [...ingresses].sort(byKey).map((ingress) => ({
    namespace: ingress.metadata.namespace ?? "",
    name: ingress.metadata.name,
    hosts: [...new Set((ingress.spec.rules ?? []).map(({ host }) => host ?? "*"))],
    address: ingress.status?.loadBalancer?.ingress?.[0]?.ip ?? "",
  }));
}

/** How many pods there are, and how many are only stand-ins. */
export function podsSummary(pods: readonly Pod[]): PodsSummary {
  return {
    total: pods.length,
    ready: pods.filter(isPodReady).length,
    standIns: pods.filter((pod) => !isIngressRouter(pod)).length,
  };
}

function externalText(service: Service): string {
  const { type, externalIPs = [], externalName } = service.spec;
  if (type === "ExternalName") return externalName ?? "";
  const ingress = (service.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
  const all = [...ingress, ...externalIPs];
  if (all.length > 0) return all.join(",");
  return type === "LoadBalancer" ? "<pending>" : "<none>";
}

function portsText(service: Service): string {
  const ports = (service.spec.ports ?? []).map(({ port, nodePort, protocol = "TCP" }) => {
    const node = nodePort === undefined || nodePort === 0 ? "" : `:${nodePort}`;
    return `${port}${node}/${protocol}`;
  });
  return ports.length === 0 ? "<none>" : ports.join(",");
}

function byKey(a: Service | Ingress, b: Service | Ingress): number {
  return objectKey(a) < objectKey(b) ? -1 : 1;
}

function byNumberedName(a: Node, b: Node): number {
  return a.metadata.name.localeCompare(b.metadata.name, "en", { numeric: true });
}
