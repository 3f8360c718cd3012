import { parseIp } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { invalid as invalidField } from "../../kinds/index.ts";
import { resources } from "../../objects/index.ts";
import type { Service, ServicePort } from "../../objects/index.ts";
import { invalid } from "../errors.ts";
import { nextAddress, requestAddress } from "./cluster-ip-allocator.ts";
import { decideFamilies } from "./ip-families.ts";
import {
  allocateChangedNodePorts,
  allocateNewNodePorts,
  mayHaveNodePorts,
  needsHealthCheckPort,
  NodePortClaims,
  wantsNodePorts,
} from "./node-port-allocator.ts";
import { clusterFamilies, heldAddresses } from "./pools.ts";
import type { ServicePools } from "./pools.ts";

/** A Service with everything that the server gives it, and what changes hands when it is stored. */
export interface AllocatedService {
  readonly service: Service;
  readonly taken: readonly Ip[];
  readonly released: readonly Ip[];
}

/**
 * Gives a new or changed Service its addresses and ports. Nothing is reserved: what is taken follows from the objects
 * in the store, so a write that fails or is dry leaves nothing behind. Throws `ApiError`.
 */
export function allocate(pools: ServicePools, wanted: Service, old: Service | undefined): AllocatedService {
  const carried = old === undefined ? wanted : keepAllocated(wanted, old);
  const normalized = normalizeClusterIps(carried, old);
  const decision = decideFamilies(normalized, old, clusterFamilies(pools));
  if (decision.kind === "refused") throw invalid(resources.services, wanted.metadata.name, decision.errors);
  const addressed = allocateAddresses(pools, decision.service, old);
  const held = old === undefined ? [] : heldAddresses(old);
  const now = heldAddresses(addressed);
  return {
    service: allocatePorts(pools, addressed, old),
    taken: now.filter((address) => !held.includes(address)),
    released: held.filter((address) => !now.includes(address)),
  };
}

/** What was given and is now left out stays: applying the original manifest again changes nothing. */
function keepAllocated(wanted: Service, old: Service): Service {
  let { spec } = wanted;
  const needsAddress = spec.type !== "ExternalName" && old.spec.type !== "ExternalName";
  if (needsAddress && (spec.clusterIP ?? "") === "" && (spec.clusterIPs ?? []).length === 0) {
    const { clusterIP, clusterIPs } = old.spec;
    spec = {
      ...spec,
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(clusterIPs === undefined ? {} : { clusterIPs }),
    };
  }
  if (wantsNodePorts(wanted) && wantsNodePorts(old) && spec.ports !== undefined) {
    spec = { ...spec, ports: keepNodePorts(spec.ports, old.spec.ports ?? []) };
  }
  const healthPort = old.spec.healthCheckNodePort ?? 0;
  if (
    needsHealthCheckPort(wanted) &&
    needsHealthCheckPort(old) &&
    (spec.healthCheckNodePort ?? 0) === 0 &&
    healthPort !== 0
  ) {
    spec = { ...spec, healthCheckNodePort: healthPort };
  }
  return spec === wanted.spec ? wanted : { ...wanted, spec };
}

function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): readonly ServicePort[] {
  const used = new Set(ports.map(({ nodePort = 0 }) => nodePort));
  return ports.map((port) => {
    if ((port.nodePort ?? 0) !== 0) return port;
    const held = old.find(({ name = "" }) => name === (port.name ?? ""))?.nodePort ?? 0;
    if (held === 0 || used.has(held)) return port;
    used.add(held);
    return { ...port, nodePort: held };
  });
}

/** Brings `clusterIP` and `clusterIPs` in line where only one of them was given or changed. */
function normalizeClusterIps(service: Service, old: Service | undefined): Service {
  const { clusterIP = "", clusterIPs = [] } = service.spec;
  const oldSingular = old?.spec.clusterIP ?? "";
  const oldPlural = old?.spec.clusterIPs ?? [];
  const pluralUnchanged = old !== undefined && clusterIPs.join() === oldPlural.join();
  if (clusterIP !== "" && (clusterIPs.length === 0 || (pluralUnchanged && clusterIP !== oldSingular))) {
    return { ...service, spec: { ...service.spec, clusterIPs: [clusterIP] } };
  }
  if (clusterIP === "" && oldSingular !== "" && pluralUnchanged && clusterIPs.length > 0) {
    const { clusterIPs: _cleared, clusterIP: _empty, ...spec } = service.spec;
    return { ...service, spec };
  }
  return service;
}

function allocateAddresses(pools: ServicePools, service: Service, old: Service | undefined): Service {
  if (service.spec.type === "ExternalName") return old === undefined ? service : withoutAddresses(service, old);
  const { clusterIPs = [], ipFamilies = [] } = service.spec;
  if (clusterIPs[0] === "None") return { ...service, spec: { ...service.spec, clusterIP: "None", clusterIPs } };
  const held = old === undefined ? [] : heldAddresses(old);
  const addresses = ipFamilies.map((family, i) => {
    const text = clusterIPs[i] ?? "";
    if (text === "") return nextAddress(pools, family, service);
    const address = parseIp(text);
    if (address === undefined) throw notAnAddress(service, i, text);
    if (!held.includes(address)) requestAddress(pools, address, service);
    return address;
  });
  // Entries that no family stands for are left for validation to refuse.
  const all = [...addresses, ...clusterIPs.slice(ipFamilies.length)];
  const clusterIP = (service.spec.clusterIP ?? "") === "" ? (all[0] ?? "") : (service.spec.clusterIP ?? "");
  return { ...service, spec: { ...service.spec, clusterIP, clusterIPs: all } };
}

function notAnAddress(service: Service, index: number, text: string): Error {
  const detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
  return invalid(resources.services, service.metadata.name, [invalidField(`spec.clusterIPs[${index}]`, text, detail)]);
}

/** A Service that becomes an ExternalName gives up addresses and families that the user did not change. */
function withoutAddresses(service: Service, old: Service): Service {
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ...spec } = service.spec;
  const kept = (now: unknown, before: unknown) => JSON.stringify(now) !== JSON.stringify(before);
  return {
    ...service,
    spec: {
      ...spec,
      ...(clusterIP !== undefined && kept(clusterIP, old.spec.clusterIP) ? { clusterIP } : {}),
      ...(clusterIPs !== undefined && kept(clusterIPs, old.spec.clusterIPs) ? { clusterIPs } : {}),
      ...(ipFamilies !== undefined && kept(ipFamilies, old.spec.ipFamilies) ? { ipFamilies } : {}),
      ...(ipFamilyPolicy !== undefined && kept(ipFamilyPolicy, old.spec.ipFamilyPolicy) ? { ipFamilyPolicy } : {}),
    },
  };
}

function allocatePorts(pools: ServicePools, service: Service, old: Service | undefined): Service {
  const claims = new NodePortClaims(pools, service, old);
  let { spec } = service;
  const ports = spec.ports ?? [];
  if (mayHaveNodePorts(service) && ports.length > 0) {
    const gives = wantsNodePorts(service);
    const changed =
      old === undefined && gives ? allocateNewNodePorts(ports, claims) : allocateChangedNodePorts(ports, claims, gives);
    spec = { ...spec, ports: changed };
  }
  if (needsHealthCheckPort(service)) {
    const wanted = spec.healthCheckNodePort ?? 0;
    if (wanted !== 0) claims.requestHealthCheck(wanted);
    spec = { ...spec, healthCheckNodePort: wanted === 0 ? claims.next() : wanted };
  }
  return spec === service.spec ? service : { ...service, spec };
}
