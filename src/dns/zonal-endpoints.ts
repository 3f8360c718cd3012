import { joinAddresses, splitAddresses } from "./joined-addresses.ts";
import { ServiceEntry } from "./service-entry.ts";
import type { SliceFacts } from "./service-facts.ts";

type ByZone = ReadonlyMap<string, ServiceEntry>;

/** The endpoints of headless Services by their zone: worked out when first asked for, and again after a change. */
export class ZonalEndpoints {
  /** A change gives a Service another list of slices. */
  readonly #known = new WeakMap<readonly SliceFacts[], ByZone>();

  /** `service` as if it had only its endpoints in `zone` (in lower case); undefined when there are none. */
  entry(service: ServiceEntry, zone: string): ServiceEntry | undefined {
    const { slices } = service;
    let byZone = this.#known.get(slices);
    if (byZone === undefined) {
      byZone = divide(service);
      this.#known.set(slices, byZone);
    }
    return byZone.get(zone);
  }
}

function divide(service: ServiceEntry): ByZone {
  const byZone = new Map<string, ServiceEntry>();
  for (const slice of service.slices) {
    for (const zone of new Set(slice.zones)) {
      if (zone === undefined) continue;
      let entry = byZone.get(zone);
      if (entry === undefined) {
        entry = new ServiceEntry(service.namespace, service.name);
        entry.setFacts(service.facts);
        byZone.set(zone, entry);
      }
      entry.setSlice(slice.name, inZone(slice, zone));
    }
  }
  return byZone;
}

function inZone(slice: SliceFacts, zone: string): SliceFacts {
  const isHere = (_: unknown, i: number): boolean => slice.zones?.[i] === zone;
  return {
    name: slice.name,
    addresses: joinAddresses(splitAddresses(slice.addresses).filter(isHere)),
    hostnames: slice.hostnames?.filter(isHere),
    ports: slice.ports,
  };
}
