import { joinedName } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { ServiceEntry } from "./service-entry.ts";

/**
 * `web.tour.svc.ZONE`, the zone with the letters that it has in `zone`; `undefined` in a zone whose own name leaves too
 * little room.
 */
export function serviceName(entry: ServiceEntry, zone: DnsName): DnsName | undefined {
  return joinedName([entry.name, entry.namespace, "svc"], zone);
}

/** The name of an endpoint in front of its Service's; `host` has one label, or two where it is in another cluster. */
export function endpointName(host: string, service: DnsName): DnsName | undefined {
  return joinedName(host.split("."), service);
}
