import { cidrAddress, cidrBase, cidrContains, cidrFamily, cidrSize, ipFamily } from "../../core/index.ts";
import type { Cidr, Ip, IpFamily } from "../../core/index.ts";
import { invalid as invalidField } from "../../kinds/index.ts";
import { resources } from "../../objects/index.ts";
import type { IPAddress, Service } from "../../objects/index.ts";
import type { Write } from "../../store/index.ts";
import { invalid, serverError } from "../errors.ts";
import { addressBand, pickFree } from "./pick-free.ts";
import { isAddressTaken, serviceNetworks } from "./pools.ts";
import type { ServicePools } from "./pools.ts";

/** Most numbers that are tried in one network: enough for an IPv4 /12, and all that an IPv6 network needs. */
const mostAddresses = 2 ** 20;

/** A free address of the family. Throws `ApiError` when there is none. */
export function nextAddress(pools: ServicePools, family: IpFamily, service: Service): Ip {
  for (const network of serviceNetworks(pools)) {
    if (cidrFamily(network) !== family) continue;
    const usable = usableAddresses(network);
    const address = (number: number) => cidrAddress(network, number + 1);
    const free = pickFree(addressBand(usable), (number) => isAddressTaken(pools, address(number)), pools.random);
    if (free !== undefined) return address(free);
  }
  const { name } = service.metadata;
  throw serverError(`failed to allocate a serviceIP for Service "${name}": range is full`);
}

/** Checks that an address that the user asked for may be given. Throws `ApiError` when not. */
export function requestAddress(pools: ServicePools, address: Ip, service: Service): void {
  const networks = serviceNetworks(pools).filter((network) => cidrFamily(network) === ipFamily(address));
  const holder = networks.find((network) => cidrContains(network, address));
  if (holder === undefined) {
    const [first] = networks;
    const reason =
      first === undefined
        ? "the provided network does not match the current range"
        : `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${first}`;
    throw cannotAllocate(service, address, reason);
  }
  if (!isUsable(holder, address)) {
    const reason = `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${holder}`;
    throw cannotAllocate(service, address, reason);
  }
  if (isAddressTaken(pools, address)) throw cannotAllocate(service, address, "provided IP is already allocated");
}

function cannotAllocate(service: Service, address: Ip, reason: string): Error {
  const value = service.spec.clusterIPs ?? [];
  const detail = `failed to allocate IP ${address}: ${reason}`;
  return invalid(resources.services, service.metadata.name, [invalidField("spec.clusterIPs", value, detail)]);
}

/** Without the network's own address and, in IPv4, the broadcast address. */
function usableAddresses(network: Cidr): number {
  const size = cidrSize(network) > BigInt(mostAddresses) ? mostAddresses : Number(cidrSize(network));
  return Math.max(0, size - (cidrFamily(network) === "IPv4" ? 2 : 1));
}

function isUsable(network: Cidr, address: Ip): boolean {
  if (address === cidrBase(network)) return false;
  return cidrFamily(network) === "IPv6" || address !== cidrAddress(network, cidrSize(network) - 1n);
}

/** The writes that record that the Service takes `taken` and gives back `released`. */
export function addressWrites(
  service: Service,
  taken: readonly Ip[],
  released: readonly Ip[],
  creation: { readonly uid: () => string; readonly timestamp: string },
  recorded: (address: Ip) => boolean,
): readonly Write[] {
  const puts = taken.map((address): Write => {
    const object = ipAddressObject(service, address, creation);
    return { kind: "put", table: "ipaddresses.networking.k8s.io", object, expect: { kind: "absent" } };
  });
  const deletes = released.filter(recorded).map((address): Write => {
    const table = "ipaddresses.networking.k8s.io";
    return { kind: "delete", table, namespace: undefined, name: address, expect: { kind: "any" } };
  });
  return [...deletes, ...puts];
}

function ipAddressObject(
  service: Service,
  address: Ip,
  creation: { readonly uid: () => string; readonly timestamp: string },
): IPAddress {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name: address,
      uid: creation.uid(),
      generation: 1,
      creationTimestamp: creation.timestamp,
      labels: {
        "ipaddress.kubernetes.io/ip-family": ipFamily(address),
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
      },
    },
    spec: {
      parentRef: {
        resource: "services",
        namespace: service.metadata.namespace ?? "default",
        name: service.metadata.name,
      },
    },
  };
}
