import { dnsName, labelText, recordTypes, responseCodes, zoneOffset } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { addressOfReverseLabels, areNetworkLabels } from "./address-bytes.ts";
import { nameServers } from "./name-servers.ts";
import { addresses, negative, positive, records, zoneSoa } from "./resolver.ts";
import type { RecordSet, Reply, Request, Resolver } from "./resolver.ts";
import type { ServiceEntry } from "./service-entry.ts";
import type { ServiceIndex } from "./service-index.ts";
import { endpointName, serviceName } from "./service-name.ts";

const reverseZones: readonly { readonly family: IpFamily; readonly zone: DnsName }[] = [
  { family: "IPv4", zone: dnsName("in-addr.arpa") },
  { family: "IPv6", zone: dnsName("ip6.arpa") },
];

/** What a name under `in-addr.arpa` or `ip6.arpa` spells. */
export interface ReverseName {
  readonly address: Ip | undefined;
  /** Whether it is the beginning of addresses: `1.10.in-addr.arpa` for 10.1.0.0/16. */
  readonly isNetwork: boolean;
}

/** Reads a name under `in-addr.arpa` or `ip6.arpa`; `undefined` for all others. */
export function reverseAddress(name: DnsName): ReverseName | undefined {
  for (const { family, zone } of reverseZones) {
    const zoneAt = zoneOffset(name, zone);
    if (zoneAt < 0) continue;
    const labels: string[] = [];
    for (let at = 0; at < zoneAt; at += 1 + (name[at] ?? 0)) labels.push(labelText(name, at));
    return { address: addressOfReverseLabels(labels, family), isNetwork: areNetworkLabels(labels, family) };
  }
  return undefined;
}

/** The zones of all addresses. */
export const allReverseZones: readonly DnsName[] = reverseZones.map(({ zone }) => zone);

/** What the reverse zones are made from. */
export interface ReverseZoneParts {
  /** The zone that the names of addresses are in. */
  readonly domain: DnsName;
  readonly index: ServiceIndex;
  readonly ttl: number;
  /** The reverse zones that are served, as `0.10.in-addr.arpa`; all addresses unless given. */
  readonly zones?: readonly DnsName[] | undefined;
  /** Where this DNS is reached: it leads to the names of the zones' servers. */
  readonly nameservers: readonly Ip[];
  /** Whether the names of a namespace are shown; all are unless given. */
  readonly isExposed?: ((namespace: string) => boolean) | undefined;
  readonly isSynced: () => boolean;
  readonly serial: () => number;
  /** Whether the name of an address that the cluster does not know is left to the next resolver. */
  readonly passesOn: (name: DnsName) => boolean;
}

/** The names of the addresses of Services and their endpoints. */
export class ReverseZone implements Resolver {
  readonly #parts: ReverseZoneParts;
  /** The longest first: it is the one that a name belongs to. */
  readonly #zones: readonly DnsName[];

  constructor(parts: ReverseZoneParts) {
    this.#parts = parts;
    this.#zones = [...(parts.zones ?? allReverseZones)].sort((a, b) => b.length - a.length);
  }

  resolve(request: Request): Reply | undefined {
    const zoneAt = this.#zoneAt(request.name);
    if (zoneAt === undefined) return undefined;
    const { ttl, serial, isSynced, passesOn } = this.#parts;
    const soa = zoneSoa(zoneAt, serial(), ttl);
    if (zoneAt === 0) return this.#apex(request, soa);
    const reverse = reverseAddress(request.name);
    const names = reverse?.address === undefined ? [] : this.#namesOf(reverse.address);
    if (names.length > 0) {
      if (request.type !== recordTypes.PTR) return negative(responseCodes.NOERROR, soa);
      return positive([records(0, recordTypes.PTR, ttl, names)]);
    }
    if (!isSynced()) return negative(responseCodes.SERVFAIL, soa);
    if (passesOn(request.name)) return undefined;
    // RFC 8020: "no such name" denies everything below, and below a network's name are those of its addresses.
    const isNetwork = reverse?.address === undefined && reverse?.isNetwork === true;
    return negative(isNetwork ? responseCodes.NOERROR : responseCodes.NXDOMAIN, soa);
  }

  #zoneAt(name: DnsName): number | undefined {
    for (const zone of this.#zones) {
      const at = zoneOffset(name, zone);
      if (at >= 0) return at;
    }
    return undefined;
  }

  #apex(request: Request, soa: RecordSet): Reply {
    const { ttl, domain, index, nameservers } = this.#parts;
    if (request.type === recordTypes.SOA) return positive([soa]);
    if (request.type !== recordTypes.NS) return negative(responseCodes.NOERROR, soa);
    const servers = nameServers(nameservers, index, domain);
    const glue = servers.flatMap(({ name, v4, v6 }) => [
      ...(v4.length === 0 ? [] : [addresses(name, ttl, v4, 4, 0)]),
      ...(v6.length === 0 ? [] : [addresses(name, ttl, v6, 16, 0)]),
    ]);
    const targets = servers.map(({ name }) => name);
    return positive([records(0, recordTypes.NS, ttl, targets)], glue);
  }

  /** The Service whose cluster IP it is, else every name that an endpoint with this address has. */
  #namesOf(address: Ip): readonly DnsName[] {
    const { domain, index, isExposed } = this.#parts;
    const isShown = ({ namespace }: ServiceEntry) => isExposed === undefined || isExposed(namespace);
    const service = index.withClusterIp(address).find(isShown);
    const list =
      service === undefined
        ? index
            .withEndpoint(address)
            .filter(isShown)
            .flatMap((entry) => [...entry.hostsOf(address)].map((host) => nameOf(entry, domain, host)))
        : [serviceName(service, domain)];
    return list.filter((name) => name !== undefined);
  }
}

function nameOf(entry: ServiceEntry, domain: DnsName, host: string): DnsName | undefined {
  const service = serviceName(entry, domain);
  return service === undefined ? undefined : endpointName(host, service);
}
