import { dnsName, labelText, prependLabels, recordTypes, responseCodes, zoneOffset } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { addressOfReverseLabels } from "./address-bytes.ts";
import { serviceName } from "./cluster-zone.ts";
import { negative, positive, records, zoneSoa } from "./resolver.ts";
import type { Reply, Request, Resolver } from "./resolver.ts";
import type { ServiceIndex } from "./service-index.ts";

const reverseZones: readonly { readonly family: IpFamily; readonly zone: DnsName }[] = [
  { family: "IPv4", zone: dnsName("in-addr.arpa") },
  { family: "IPv6", zone: dnsName("ip6.arpa") },
];

/** Where a reverse zone starts in a name, and the address that the labels before it spell, if they do. */
export function reverseAddress(
  name: DnsName,
): { readonly zoneAt: number; readonly address: Ip | undefined } | undefined {
  for (const { family, zone } of reverseZones) {
    const zoneAt = zoneOffset(name, zone);
    if (zoneAt < 0) continue;
    const labels: string[] = [];
    for (let at = 0; at < zoneAt; at += 1 + (name[at] ?? 0)) labels.push(labelText(name, at));
    return { zoneAt, address: addressOfReverseLabels(labels, family) };
  }
  return undefined;
}

/** What the reverse zones are made from. */
export interface ReverseZoneParts {
  readonly domain: DnsName;
  readonly index: ServiceIndex;
  readonly ttl: number;
  readonly isSynced: () => boolean;
  readonly serial: () => number;
  /** Whether addresses that the cluster does not know are left to the next resolver. */
  readonly passesOn: boolean;
}

/** The names of the addresses of Services and their endpoints. */
export class ReverseZone implements Resolver {
  readonly #parts: ReverseZoneParts;

  constructor(parts: ReverseZoneParts) {
    this.#parts = parts;
  }

  resolve(request: Request): Reply | undefined {
    const reverse = reverseAddress(request.name);
    if (reverse === undefined) return undefined;
    const { ttl, serial, isSynced, passesOn } = this.#parts;
    const soa = zoneSoa(reverse.zoneAt, serial(), ttl);
    const names = reverse.address === undefined ? [] : this.#namesOf(reverse.address);
    if (names.length > 0) {
      if (request.type !== recordTypes.PTR) return negative(responseCodes.NOERROR, soa);
      return positive([records(0, recordTypes.PTR, ttl, names)]);
    }
    if (!isSynced()) return negative(responseCodes.SERVFAIL, soa);
    if (passesOn) return undefined;
    const isApex = reverse.zoneAt === 0;
    return negative(isApex ? responseCodes.NOERROR : responseCodes.NXDOMAIN, soa);
  }

  /** The Service whose cluster IP it is, else every name that an endpoint with this address has. */
  #namesOf(address: Ip): readonly DnsName[] {
    const { domain, index } = this.#parts;
    const [service] = index.withClusterIp(address);
    if (service !== undefined) return [serviceName(service, domain)];
    return index.withEndpoint(address).flatMap((entry) => {
      const name = serviceName(entry, domain);
      return [...entry.hostsOf(address)].map((host) => prependLabels([host], name));
    });
  }
}
