import { cidrFamily, parseCidr, parseIp } from "../../core/index.ts";
import type { Cidr, Ip, IpFamily, Random } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { KubeObject, Service, ServiceCIDR } from "../../objects/index.ts";
import type { ObjectStore } from "../../store/index.ts";

/** The numbers of node ports, first and last included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** What Services are given addresses and ports from. The store itself is the record of what is taken. */
export interface ServicePools {
  readonly store: ObjectStore;
  readonly nodePorts: PortRange;
  readonly random: Random;
}

const servicePorts = "ports";
const serviceAddresses = "addresses";

/** Files Services under the ports and addresses that they hold: nothing to rebuild after a restart. */
export function indexServices(store: ObjectStore): void {
  store.addIndex("services", servicePorts, (object) => heldPorts(object as Service).map(String));
  store.addIndex("services", serviceAddresses, (object) => heldAddresses(object as Service));
}

/** Node ports and the health check node port. */
export function heldPorts(service: Service): readonly number[] {
  const { ports = [], healthCheckNodePort = 0 } = service.spec;
  const numbers = [...ports.map(({ nodePort = 0 }) => nodePort), healthCheckNodePort];
  return [...new Set(numbers.filter((port) => port !== 0))];
}

/** The cluster addresses that the Service holds, in canonical form. */
export function heldAddresses(service: Service): readonly Ip[] {
  if (service.spec.type === "ExternalName") return [];
  return (service.spec.clusterIPs ?? []).map((text) => parseIp(text)).filter((address) => address !== undefined);
}

export function isPortTaken(pools: ServicePools, port: number): boolean {
  return pools.store.indexed("services", servicePorts, String(port)).size > 0;
}

/** An address is taken when an IPAddress object records it or a Service holds it. */
export function isAddressTaken(pools: ServicePools, address: Ip): boolean {
  if (pools.store.get("ipaddresses.networking.k8s.io", undefined, address) !== undefined) return true;
  return pools.store.indexed("services", serviceAddresses, address).size > 0;
}

/** Networks of the ServiceCIDR objects that may give out addresses now, the one called `kubernetes` first. */
export function serviceNetworks(pools: ServicePools): readonly Cidr[] {
  const { items } = pools.store.list("servicecidrs.networking.k8s.io");
  const usable = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const sorted = [...usable.filter(isDefault), ...usable.filter((object) => !isDefault(object))];
  return sorted
    .flatMap((object) => (object as ServiceCIDR).spec.cidrs ?? [])
    .map((text) => parseCidr(text))
    .filter((network) => network !== undefined);
}

function isDefault({ metadata }: KubeObject): boolean {
  return metadata.name === "kubernetes";
}

/** The address families of the cluster: those of the ServiceCIDR `kubernetes`, the primary one first. */
export function clusterFamilies(pools: ServicePools): readonly IpFamily[] {
  return [...new Set(serviceNetworks(pools).map(cidrFamily))];
}

/** What a new IPAddress object is made of, besides its name. */
export const ipAddressKind = resources.ipAddresses;
