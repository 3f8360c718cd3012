import type { Service, ServicePort, ServiceSpec } from "../../objects/index.ts";
import { without } from "../fields.ts";
import { isSame } from "../validation/values.ts";
import { hasClusterIP, isExternallyReachable, needsHealthCheckNodePort } from "./service-defaults.ts";

/** A new Service: `clusterIPs` follows `clusterIP`, and nothing has been assigned yet. */
export function prepareNewService(service: Service): Service {
  const { clusterIP, clusterIPs } = service.spec;
  const follows = clusterIP !== undefined && clusterIPs === undefined;
  const spec = follows ? { ...service.spec, clusterIPs: [clusterIP] } : service.spec;
  return { ...service, spec, status: { loadBalancer: {} } };
}

/**
 * A changed Service: what was allocated is kept where the client left it out (so that the first manifest can be sent
 * again), and what no longer fits the type is dropped where the client did not touch it.
 */
export function prepareChangedService(service: Service, old: Service): Service {
  const kept = keepAllocated(service.spec, old.spec);
  const spec = dropUnfitting(followClusterIP(kept, old.spec), old.spec);
  if (spec.type === "LoadBalancer" || service.status === undefined) return { ...service, spec };
  return { ...service, spec, status: { ...service.status, loadBalancer: {} } };
}

function keepAllocated(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  let result = spec;
  if (hasClusterIP(old.type) && hasClusterIP(spec.type)) {
    const clusterIP = spec.clusterIP ?? old.clusterIP;
    if (clusterIP !== undefined) result = { ...result, clusterIP };
    if (result.clusterIPs === undefined && clusterIP === old.clusterIP && old.clusterIPs !== undefined) {
      result = { ...result, clusterIPs: old.clusterIPs };
    }
    if (result.ipFamilyPolicy === undefined && old.ipFamilyPolicy !== undefined) {
      result = { ...result, ipFamilyPolicy: old.ipFamilyPolicy };
    }
    if (result.ipFamilies === undefined && old.ipFamilies !== undefined && isSame(result.clusterIPs, old.clusterIPs)) {
      result = { ...result, ipFamilies: old.ipFamilies };
    }
  }
  if (hasNodePorts(old) && hasNodePorts(spec) && result.ports !== undefined) {
    result = { ...result, ports: keepNodePorts(result.ports, old.ports ?? []) };
  }
  if (needsHealthCheckNodePort(old) && needsHealthCheckNodePort(spec) && spec.healthCheckNodePort === undefined) {
    if (old.healthCheckNodePort !== undefined) result = { ...result, healthCheckNodePort: old.healthCheckNodePort };
  }
  return result;
}

/** Node ports are kept by the name of the port, unless another port of the new list has taken the number. */
function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): readonly ServicePort[] {
  const taken = new Set(ports.flatMap(({ nodePort }) => (nodePort === undefined ? [] : [nodePort])));
  return ports.map((port) => {
    if (port.nodePort !== undefined) return port;
    const nodePort = old.findLast(({ name }) => (name ?? "") === (port.name ?? ""))?.nodePort;
    if (nodePort === undefined || taken.has(nodePort)) return port;
    return { ...port, nodePort };
  });
}

/** `clusterIPs` follows where only `clusterIP` was changed. */
function followClusterIP(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  if (spec.clusterIP === old.clusterIP || !isSame(spec.clusterIPs, old.clusterIPs)) return spec;
  return spec.clusterIP === undefined ? spec : { ...spec, clusterIPs: [spec.clusterIP] };
}

function dropUnfitting(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const dropped: string[] = [];
  const drop = (needed: boolean, ...names: readonly (keyof ServiceSpec)[]) => {
    if (!needed) dropped.push(...names.filter((name) => isSame(spec[name], old[name])));
  };
  if (hasClusterIP(old.type) && !hasClusterIP(spec.type)) {
    if (isSame(spec.clusterIPs, old.clusterIPs) && spec.clusterIP === old.clusterIP)
      dropped.push("clusterIP", "clusterIPs");
    drop(false, "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy");
  }
  if (isExternallyReachable(old)) drop(isExternallyReachable(spec), "externalTrafficPolicy");
  if (needsHealthCheckNodePort(old)) drop(needsHealthCheckNodePort(spec), "healthCheckNodePort");
  if (old.type === "LoadBalancer")
    drop(spec.type === "LoadBalancer", "allocateLoadBalancerNodePorts", "loadBalancerClass");
  const result = without(spec, ...dropped);
  if (!hasNodePorts(old) || hasNodePorts(spec) || result.ports === undefined) return result;
  const oldNumbers = new Set(old.ports?.map(({ nodePort }) => nodePort));
  if (result.ports.some(({ nodePort }) => nodePort !== undefined && !oldNumbers.has(nodePort))) return result;
  return { ...result, ports: result.ports.map((port) => without(port, "nodePort")) };
}

function hasNodePorts({ type }: ServiceSpec): boolean {
  return type === "NodePort" || type === "LoadBalancer";
}
