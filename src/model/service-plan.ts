import { cidrContains, cidrsOfFamily, ipFamily, parseCidr, parseIp } from "../core/index.ts";
import type { Cidr, Ip, IpFamily, Port, Protocol } from "../core/index.ts";
import { objectKey } from "../objects/index.ts";
import type { EndpointSlice, Service, TrafficPolicy } from "../objects/index.ts";
import { chooseEndpoints } from "./endpoint-choice.ts";
import type { NodePlace } from "./endpoint-choice.ts";
import { serviceEndpoints } from "./endpoints.ts";
import type { Endpoint, PortEndpoints } from "./endpoints.ts";
import { schedulerOf } from "./scheduler.ts";
import type { Scheduler } from "./scheduler.ts";
import { clusterIPs, serviceFamilies } from "./service-families.ts";

/** The node that a plan is for. */
export interface PlanNode extends NodePlace {
  /** The node's own addresses: a source range that holds one of them admits traffic from LoadBalancer addresses too. */
  readonly addresses?: readonly Ip[];
}

/** What a packet that finds no endpoint meets: nothing anywhere is refused, nothing here only is dropped. */
export type EmptyVerdict = "reject" | "drop";

/** What one node must do for one port of a Service in one address family. */
export interface ServicePlan {
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: IpFamily;
  readonly port: Port;
  readonly clusterIP: Ip;
  /** Addresses of the load balancer that this node serves (ipMode VIP). */
  readonly loadBalancerIPs: readonly Ip[];
  readonly externalIPs: readonly Ip[];
  /** On every address of the node. */
  readonly nodePort?: Port;
  readonly internalTrafficPolicy: TrafficPolicy;
  /** Local: clients keep their address; pods and processes of this node still reach all endpoints. */
  readonly externalTrafficPolicy: TrafficPolicy;
  /** How to pick one; absent: as the engine does by itself. */
  readonly scheduler?: Scheduler;
  /** Endpoints for policy Cluster, each once; their weights are at least 1. */
  readonly cluster: readonly Endpoint[];
  /** Endpoints for policy Local, each once. */
  readonly local: readonly Endpoint[];
  /** Endpoints on this node: those that may call their own Service and must then see another source (hairpin). */
  readonly onNode: readonly Endpoint[];
  /** All endpoints that still serve, chosen or not: flows to others are stale. */
  readonly serving: readonly Endpoint[];
  readonly whenInternalEmpty: EmptyVerdict;
  readonly whenExternalEmpty: EmptyVerdict;
  /** Seconds that a client stays with an endpoint after its last connection; absent without session affinity. */
  readonly affinitySeconds?: number;
  /** Who may use the load balancer's addresses; absent means everyone. */
  readonly sourceRanges?: readonly Cidr[];
  /** Where load balancers ask for the Service's health on this node; a firewall of the node must let them in (TCP). */
  readonly healthCheckNodePort?: Port;
}

/** The health check of a Service with external policy Local: how many ready pods are on this node. */
export interface HealthCheckPlan {
  readonly service: string;
  readonly nodePort: Port;
  /** Distinct addresses of ready endpoints on this node, in the family that has more of them. */
  readonly localEndpoints: number;
}

/** Everything that one node must do for one Service. */
export interface NodeServicePlan {
  readonly ports: readonly ServicePlan[];
  readonly healthCheck?: HealthCheckPlan;
  /** What of the Service cannot be carried out as it is written, and what is done instead. */
  readonly problems?: readonly string[];
}

const proxyNameLabel = "service.kubernetes.io/service-proxy-name";
const headlessLabel = "service.kubernetes.io/headless";
const defaultAffinitySeconds = 10_800;

/** Whether a node proxy serves the Service at all: not without a cluster IP, and not when another proxy claims it. */
export function isProxied(service: Service): boolean {
  const labels = service.metadata.labels ?? {};
  return labels[proxyNameLabel] === undefined && clusterIPs(service).length > 0;
}

/** The plan of one Service for one node. A change of the Service, its slices or the node needs only this again. */
export function planService(service: Service, slices: readonly EndpointSlice[], node: PlanNode): NodeServicePlan {
  if (!isProxied(service)) return { ports: [] };
  const isHeadless = ({ metadata }: EndpointSlice): boolean => metadata.labels?.[headlessLabel] !== undefined;
  const usable = slices.some(isHeadless) ? slices.filter((slice) => !isHeadless(slice)) : slices;
  const endpoints = serviceEndpoints(service, usable);
  const addresses = addressesOf(service);
  const families = serviceFamilies(service);
  const ports: ServicePlan[] = [];
  for (const port of service.spec.ports ?? []) {
    for (const family of families) {
      const clusterIP = addresses.cluster.find((address) => ipFamily(address) === family);
      const found = endpoints.find((list) => isFor(list, port.name ?? "", port.protocol ?? "TCP", family));
      if (clusterIP === undefined || found === undefined) continue;
      ports.push(planPort(service, port.port, port.nodePort, clusterIP, addresses, found, node));
    }
  }
  const healthCheck = planHealthCheck(service, endpoints, node);
  const { problem } = schedulerOf(service);
  if (healthCheck === undefined && problem === undefined) return { ports };
  return {
    ports,
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(problem === undefined ? {} : { problems: [problem] }),
  };
}

interface Addresses {
  readonly cluster: readonly Ip[];
  readonly loadBalancer: readonly Ip[];
  readonly external: readonly Ip[];
}

function addressesOf(service: Service): Addresses {
  const { type, externalIPs = [] } = service.spec;
  const ingress = type === "LoadBalancer" ? (service.status?.loadBalancer?.ingress ?? []) : [];
  return {
    cluster: parsed(clusterIPs(service)),
    loadBalancer: parsed(ingress.filter(({ ipMode = "VIP" }) => ipMode === "VIP").map(({ ip = "" }) => ip)),
    external: parsed(externalIPs),
  };
}

function parsed(texts: readonly string[]): readonly Ip[] {
  const found: Ip[] = [];
  for (const text of texts) {
    const address = parseIp(text);
    if (address !== undefined && !found.includes(address)) found.push(address);
  }
  return found;
}

function isFor(list: PortEndpoints, portName: string, protocol: Protocol, family: IpFamily): boolean {
  return list.portName === portName && list.protocol === protocol && list.family === family;
}

function planPort(
  service: Service,
  port: Port,
  declaredNodePort: Port | undefined,
  clusterIP: Ip,
  addresses: Addresses,
  { portName, protocol, family, endpoints }: PortEndpoints,
  node: PlanNode,
): ServicePlan {
  const { internalTrafficPolicy = "Cluster", externalTrafficPolicy = "Cluster", type } = service.spec;
  const loadBalancerIPs = ofFamily(addresses.loadBalancer, family);
  const externalIPs = ofFamily(addresses.external, family);
  const nodePort = type === "NodePort" || type === "LoadBalancer" ? declaredNodePort || undefined : undefined;
  const externallyAccessible = nodePort !== undefined || loadBalancerIPs.length > 0 || externalIPs.length > 0;
  const policy = { internalTrafficPolicy, externalTrafficPolicy, externallyAccessible };
  const { cluster, local, anywhere } = chooseEndpoints(endpoints, node, policy);
  const whenEmpty = (traffic: TrafficPolicy): EmptyVerdict => (traffic === "Local" && anywhere ? "drop" : "reject");
  const affinitySeconds = affinityOf(service);
  const { scheduler } = schedulerOf(service);
  const sourceRanges = sourceRangesOf(service, family, loadBalancerIPs, node);
  const healthCheckNodePort = healthCheckNodePortOf(service);
  return {
    service: objectKey(service),
    portName,
    protocol,
    family,
    port,
    clusterIP,
    loadBalancerIPs,
    externalIPs,
    internalTrafficPolicy,
    externalTrafficPolicy,
    cluster,
    local,
    onNode: endpoints.filter(({ nodeName }) => nodeName === node.nodeName),
    serving: endpoints.every(({ serving }) => serving) ? endpoints : endpoints.filter(({ serving }) => serving),
    whenInternalEmpty: whenEmpty(internalTrafficPolicy),
    whenExternalEmpty: whenEmpty(externalTrafficPolicy),
    ...(nodePort === undefined ? {} : { nodePort }),
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    ...(scheduler === undefined ? {} : { scheduler }),
    ...(sourceRanges === undefined ? {} : { sourceRanges }),
    ...(healthCheckNodePort === undefined ? {} : { healthCheckNodePort }),
  };
}

function ofFamily(addresses: readonly Ip[], family: IpFamily): readonly Ip[] {
  return addresses.length === 0 ? addresses : addresses.filter((address) => ipFamily(address) === family);
}

function affinityOf({ spec }: Service): number | undefined {
  if (spec.sessionAffinity !== "ClientIP") return undefined;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
}

/** A family without a range of its own is open to everyone, as upstream has it. */
function sourceRangesOf(
  { spec }: Service,
  family: IpFamily,
  loadBalancerIPs: readonly Ip[],
  node: PlanNode,
): readonly Cidr[] | undefined {
  if (loadBalancerIPs.length === 0) return undefined;
  const all = (spec.loadBalancerSourceRanges ?? []).flatMap((text) => parseCidr(text.trim()) ?? []);
  const ranges = cidrsOfFamily(all, family);
  if (ranges.length === 0 || ranges.some((range) => range.endsWith("/0"))) return undefined;
  // A process of an admitted node may use the load balancer's address as its source when that address is on the node.
  const admitsNode = (node.addresses ?? []).some((address) => ranges.some((range) => cidrContains(range, address)));
  const bits = family === "IPv4" ? 32 : 128;
  const own = admitsNode ? loadBalancerIPs.flatMap((address) => parseCidr(`${address}/${bits}`) ?? []) : [];
  return withoutCovered([...ranges, ...own]);
}

/** Leaves out ranges that lie inside another one: the kernel's interval sets hold no overlaps. */
function withoutCovered(ranges: readonly Cidr[]): readonly Cidr[] {
  const distinct = [...new Set(ranges)];
  return distinct.filter((range) => !distinct.some((other) => other !== range && covers(other, range)));
}

function covers(outer: Cidr, inner: Cidr): boolean {
  const [base = "", prefix = ""] = inner.split("/");
  const address = parseIp(base);
  return (
    address !== undefined &&
    Number(outer.slice(outer.indexOf("/") + 1)) <= Number(prefix) &&
    cidrContains(outer, address)
  );
}

function healthCheckNodePortOf({ spec }: Service): Port | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort } = spec;
  return type === "LoadBalancer" && externalTrafficPolicy === "Local" ? healthCheckNodePort || undefined : undefined;
}

function planHealthCheck(
  service: Service,
  endpoints: readonly PortEndpoints[],
  { nodeName }: PlanNode,
): HealthCheckPlan | undefined {
  const nodePort = healthCheckNodePortOf(service);
  if (nodePort === undefined) return undefined;
  // A pod has an address in each family and is one endpoint all the same.
  const byFamily = new Map<IpFamily, Set<Ip>>();
  for (const { family, endpoints: list } of endpoints) {
    const here = byFamily.get(family) ?? new Set();
    byFamily.set(family, here);
    for (const entry of list) if (entry.ready && entry.nodeName === nodeName) here.add(entry.ip);
  }
  const localEndpoints = Math.max(0, ...[...byFamily.values()].map(({ size }) => size));
  return { service: objectKey(service), nodePort, localEndpoints };
}
