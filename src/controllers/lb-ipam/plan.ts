import { ipFamily, parseIp } from "../../core/index.ts";
import type { Ip, IpFamily } from "../../core/index.ts";
import type { LoadBalancerIngress, Service } from "../../objects/index.ts";
import { firstFree, poolHas } from "./pool.ts";
import type { AddressRange } from "./pool.ts";

const requestAnnotations = [
  "sealane.dev/load-balancer-ips",
  "metallb.io/loadBalancerIPs",
  "metallb.universe.tf/loadBalancerIPs",
];

/** What a Service shall have. */
export type AddressPlan =
  /** Not of type LoadBalancer, or somebody else's: no address of ours. */
  | { readonly kind: "none" }
  | { readonly kind: "assign"; readonly addresses: readonly Ip[]; readonly isNew: boolean }
  | { readonly kind: "fail"; readonly message: string };

/** Whether this Service's addresses are given here. */
export function wantsAddress(service: Service): boolean {
  const { type, loadBalancerClass } = service.spec;
  return type === "LoadBalancer" && loadBalancerClass === undefined && service.metadata.deletionTimestamp === undefined;
}

/**
 * Chooses the addresses of a Service. What it has it keeps, while that is in the pool, of its families, free of other
 * owners and what it asks for; otherwise it gets what it asks for, or the first free address of each family.
 */
export function planAddresses(
  service: Service,
  pool: readonly AddressRange[],
  takenByOthers: (address: Ip) => boolean,
): AddressPlan {
  if (!wantsAddress(service)) return { kind: "none" };
  const requested = requestedAddresses(service);
  if (requested.kind === "fail") return requested;
  const families: readonly IpFamily[] = service.spec.ipFamilies ?? ["IPv4"];
  if (requested.addresses.length > 0) {
    const wrong = requested.addresses.find((address) => !families.includes(ipFamily(address)));
    if (wrong !== undefined)
      return fail(`requested address ${wrong} is not of the Service's families ${families.join(", ")}`);
    const outside = requested.addresses.find((address) => !poolHas(pool, address));
    if (outside !== undefined)
      return fail(`requested address ${outside} is in no pool; choose one of the pool or none`);
    const taken = requested.addresses.find(takenByOthers);
    if (taken !== undefined) return fail(`requested address ${taken} is in use by another Service`);
  }
  const held = currentAddresses(service);
  const addresses: Ip[] = [];
  for (const family of families) {
    const ofFamily = (address: Ip): boolean => ipFamily(address) === family;
    const kept = held.find((address) => ofFamily(address) && poolHas(pool, address) && !takenByOthers(address));
    const asked = requested.addresses.find(ofFamily);
    const address =
      asked ?? (requested.addresses.length > 0 ? undefined : (kept ?? firstFree(pool, family, takenByOthers)));
    if (address !== undefined) addresses.push(address);
    else if (
      requested.addresses.length === 0 &&
      (addresses.length === 0 || service.spec.ipFamilyPolicy === "RequireDualStack")
    ) {
      return fail(`no available ${family} address in the pool; delete a LoadBalancer Service or enlarge the pool`);
    }
  }
  return { kind: "assign", addresses, isNew: addresses.join() !== held.join() };
}

/** The addresses in a Service's status, as far as they are addresses. */
export function currentAddresses(service: Service): readonly Ip[] {
  return (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => {
    const address = ip === undefined ? undefined : parseIp(ip);
    return address === undefined ? [] : [address];
  });
}

/** The status entries for these addresses: packets arrive with the address as destination. */
export function ingressOf(addresses: readonly Ip[]): readonly LoadBalancerIngress[] {
  return addresses.map((ip) => ({ ip, ipMode: "VIP" }));
}

function requestedAddresses(
  service: Service,
): { readonly kind: "ok"; readonly addresses: readonly Ip[] } | { readonly kind: "fail"; readonly message: string } {
  const { loadBalancerIP } = service.spec;
  const annotation = requestAnnotations
    .map((key) => service.metadata.annotations?.[key])
    .find((text) => text !== undefined);
  const fromField = loadBalancerIP === undefined || loadBalancerIP === "" ? undefined : loadBalancerIP;
  if (annotation !== undefined && fromField !== undefined && annotation !== fromField) {
    return fail("spec.loadBalancerIP and the annotation ask for different addresses; set only one");
  }
  const texts = (annotation ?? fromField ?? "").split(",").map((text) => text.trim());
  const addresses: Ip[] = [];
  for (const text of texts.filter((part) => part !== "")) {
    const address = parseIp(text);
    if (address === undefined) return fail(`requested address ${JSON.stringify(text)} is no IP address`);
    addresses.push(address);
  }
  return { kind: "ok", addresses };
}

function fail(message: string): { readonly kind: "fail"; readonly message: string } {
  return { kind: "fail", message };
}
