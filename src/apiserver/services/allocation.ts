import { parseIp } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { invalid as invalidField } from "../../kinds/index.ts";
import { resources } from "../../objects/index.ts";
import type { Service } from "../../objects/index.ts";
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
  const decision = decideFamilies(wanted, old, clusterFamilies(pools));
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

function allocateAddresses(pools: ServicePools, service: Service, old: Service | undefined): Service {
  if (service.spec.type === "ExternalName") return service;
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
