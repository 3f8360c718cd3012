import type { Service, ServicePort, ServiceSpec, ServiceType } from "../../objects/index.ts";
import { asFields, without } from "../fields.ts";

type ServiceStatus = NonNullable<Service["status"]>;

/** Clients send these to say "nothing": upstream does not store them when they are zero or empty. */
const dropWhenEmpty = [
  "clusterIP",
  "clusterIPs",
  "externalIPs",
  "externalName",
  "externalTrafficPolicy",
  "healthCheckNodePort",
  "ipFamilies",
  "loadBalancerIP",
  "loadBalancerSourceRanges",
  "selector",
  "sessionAffinity",
  "type",
];

/** Whether Services of this type have an address of their own (unless they are headless). */
export function hasClusterIP(type: ServiceType | undefined): boolean {
  return type !== "ExternalName";
}

/** Whether the Service can be reached from outside: then `externalTrafficPolicy` has a meaning. */
export function isExternallyReachable({ type, externalIPs = [] }: ServiceSpec): boolean {
  if (type === "NodePort" || type === "LoadBalancer") return true;
  return type === "ClusterIP" && externalIPs.length > 0;
}

/** Whether the Service has a port for the health checks of load balancers. */
export function needsHealthCheckNodePort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === "LoadBalancer" && externalTrafficPolicy === "Local";
}

/** Fills in what Kubernetes fills in where a Service says nothing; addresses and ports are allocated later. */
export function defaultService(service: Service): Service {
  const given: ServiceSpec = service.spec ?? {};
  const empty = dropWhenEmpty.filter((name) => isEmpty(asFields(given)[name]));
  const spec = without(given, ...empty);
  const type = spec.type ?? "ClusterIP";
  const sessionAffinity = spec.sessionAffinity ?? "None";
  const externallyReachable = isExternallyReachable({ ...spec, type });
  const defaulted: ServiceSpec = {
    ...without(spec, "sessionAffinityConfig"),
    type,
    sessionAffinity,
    ...(sessionAffinity === "None" ? {} : { sessionAffinityConfig: affinityConfig(spec) }),
    ...(spec.ports === undefined ? {} : { ports: spec.ports.map(defaultPort) }),
    ...(externallyReachable ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? "Cluster" } : {}),
    ...(type === "ExternalName" ? {} : { internalTrafficPolicy: spec.internalTrafficPolicy ?? "Cluster" }),
    ...(type === "LoadBalancer" ? { allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true } : {}),
  };
  const status = defaultStatus(service.status);
  return { ...service, spec: defaulted, ...(status === undefined ? {} : { status }) };
}

function affinityConfig({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): object {
  if (sessionAffinity !== "ClientIP") return sessionAffinityConfig ?? {};
  const timeoutSeconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800;
  return { ...sessionAffinityConfig, clientIP: { ...sessionAffinityConfig?.clientIP, timeoutSeconds } };
}

function defaultPort(port: ServicePort): ServicePort {
  const { targetPort, nodePort, protocol, name, ...rest } = port;
  return {
    ...(name === undefined || name === "" ? {} : { name }),
    ...rest,
    protocol: protocol === undefined ? "TCP" : protocol,
    targetPort: targetPort === undefined || targetPort === 0 || targetPort === "" ? (port.port ?? 0) : targetPort,
    ...(nodePort === undefined || nodePort === 0 ? {} : { nodePort }),
  };
}

function defaultStatus(status: ServiceStatus | undefined): ServiceStatus | undefined {
  const ingress = status?.loadBalancer?.ingress;
  if (ingress === undefined || ingress.every(({ ip, ipMode }) => ip === undefined || ipMode !== undefined))
    return status;
  const defaulted = ingress.map((entry) =>
    entry.ip === undefined || entry.ip === "" ? entry : { ...entry, ipMode: entry.ipMode ?? ("VIP" as const) },
  );
  return { ...status, loadBalancer: { ...status?.loadBalancer, ingress: defaulted } };
}

function isEmpty(value: unknown): boolean {
  if (value === "" || value === 0) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.keys(value).length === 0;
}
