import {
  dnsName,
  joinedName,
  labelIs,
  labelText,
  nameFrom,
  recordTypes,
  responseCodes,
  writeRecordData,
  zoneOffset,
} from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Ip, Random } from "../core/index.ts";
import { splitFamilies } from "./address-bytes.ts";
import { followAlias } from "./alias.ts";
import { nameServerAddresses, nameServers } from "./name-servers.ts";
import type { NameServer } from "./name-servers.ts";
import { podAddress } from "./pod-records.ts";
import type { PodRecords } from "./pod-records.ts";
import { addresses, negative, positive, records, zoneSoa } from "./resolver.ts";
import type { MaybeLater, RecordSet, Reply, Request, Resolve, Resolver } from "./resolver.ts";
import { distinctPorts } from "./service-entry.ts";
import type { AddressSet, LabelledEndpoints, ServiceEntry } from "./service-entry.ts";
import type { SrvPort } from "./service-facts.ts";
import type { ServiceIndex } from "./service-index.ts";
import { serviceName } from "./service-name.ts";
import { ZonalEndpoints } from "./zonal-endpoints.ts";

/** The version of the DNS specification of Kubernetes that the zone follows, and how long it may be cached. */
const schemaVersion = { text: new TextEncoder().encode("1.1.0"), ttl: 28_800 } as const;

/** What a zone is made from. */
export interface ClusterZoneParts {
  /** The zone's name: `cluster.local.` */
  readonly domain: DnsName;
  /** Whether Services are those that other clusters export, with their endpoints below the names of clusters; not unless given. */
  readonly isImported?: boolean | undefined;
  readonly index: ServiceIndex;
  /** Seconds that clients may keep an answer. */
  readonly ttl: number;
  readonly pods: PodRecords;
  /** Where this DNS is reached, as a cluster IP or as a pod: it leads to the names of the zone's servers. */
  readonly nameservers: readonly Ip[];
  /** Whether the names of a namespace are shown; all are unless given. */
  readonly isExposed?: ((namespace: string) => boolean) | undefined;
  /** Denies Services with a cluster IP while none of their endpoints is ready. */
  readonly hidesEmptyServices?: boolean | undefined;
  /** Whether headless Services have names for their endpoints in one zone; not unless given. */
  readonly zonal?: boolean | undefined;
  /** Whether a name of the zone that does not exist is left to the next resolver; none is unless given. */
  readonly passesOn?: ((name: DnsName) => boolean) | undefined;
  readonly hasNamespace: (namespace: string) => boolean;
  /** The same for the names of pods. */
  readonly hasPodNamespace: (namespace: string) => boolean;
  /** Whether everything is known, so that a name which is not there does not exist. */
  readonly isSynced: () => boolean;
  /** The SOA serial: the second of the last change. */
  readonly serial: () => number;
  readonly random: Random;
  /** Looks up names outside of the zone, for ExternalName. */
  readonly resolve: Resolve;
}

/** What became of a lookup; the two negative outcomes get their SOA later. */
type Found = Reply | Promise<Reply> | "no data" | "no such name";

/** The zone of a cluster as `Kubernetes DNS-Based Service Discovery` 1.1.0 describes it. */
export class ClusterZone implements Resolver {
  readonly #parts: ClusterZoneParts;
  readonly #zonal: ZonalEndpoints | undefined;

  constructor(parts: ClusterZoneParts) {
    this.#parts = parts;
    this.#zonal = parts.zonal === true ? new ZonalEndpoints() : undefined;
  }

  resolve(request: Request): MaybeLater<Reply> | undefined {
    const { name } = request;
    const zoneAt = zoneOffset(name, this.#parts.domain);
    if (zoneAt < 0) return undefined;
    const found = this.#find(request, zoneAt);
    if (found === "no data") return negative(responseCodes.NOERROR, this.#soa(zoneAt));
    if (found !== "no such name") return found;
    // Before everything is known, "no such name" would be a lie that clients remember, and so would another's answer.
    if (!this.#parts.isSynced()) return negative(responseCodes.SERVFAIL, this.#soa(zoneAt));
    if (this.#parts.passesOn?.(name) === true) return undefined;
    return negative(responseCodes.NXDOMAIN, this.#soa(zoneAt));
  }

  #soa(zoneAt: number): RecordSet {
    return zoneSoa(zoneAt, this.#parts.serial(), this.#parts.ttl);
  }

  #find(request: Request, zoneAt: number): Found {
    const { name } = request;
    const labels: number[] = [];
    for (let at = 0; at < zoneAt; at += 1 + (name[at] ?? 0)) labels.push(at);
    const count = labels.length;
    if (count === 0) return this.#apex(request, zoneAt);
    const subtree = labels[count - 1] ?? 0;
    if (labelIs(name, subtree, "svc")) return this.#services(request, zoneAt, labels);
    if (labelIs(name, subtree, "pod")) return this.#pods(request, labels);
    if (labelIs(name, subtree, "dns")) {
      if (count === 1) return "no data";
      if (count > 2 || !labelIs(name, 0, "ns")) return "no such name";
      return this.#addressAnswer(request, nameServerAddresses(this.#nameServers(nameFrom(name, zoneAt))));
    }
    if (count > 1 || !labelIs(name, subtree, "dns-version")) return "no such name";
    if (request.type !== recordTypes.TXT) return "no data";
    return positive([
      records(0, request.type, schemaVersion.ttl, [writeRecordData({ kind: "TXT", strings: [schemaVersion.text] })]),
    ]);
  }

  #apex(request: Request, zoneAt: number): Found {
    if (request.type === recordTypes.SOA) return positive([this.#soa(zoneAt)]);
    if (request.type !== recordTypes.NS) return "no data";
    const servers = this.#nameServers(nameFrom(request.name, zoneAt));
    const targets = servers.map(({ name }) => name);
    const glue = servers.flatMap((server) => this.#addressSets(server.name, server));
    return positive([records(0, request.type, this.#parts.ttl, targets)], glue);
  }

  #nameServers(zone: DnsName): readonly NameServer[] {
    return nameServers(this.#parts.nameservers, this.#parts.index, zone);
  }

  #services(request: Request, zoneAt: number, labels: readonly number[]): Found {
    const { name } = request;
    const count = labels.length;
    const { index, isExposed } = this.#parts;
    if (count === 1) return "no data";
    if (count === 2) return this.#hasNamespace(labelText(name, 0)) ? "no data" : "no such name";
    const isZonal = this.#zonal !== undefined && count > 3 && labelIs(name, labels[count - 4] ?? 0, "_zone");
    if (count > 5 && !isZonal) return "no such name";
    const entry = index.find(name, labels[count - 3] ?? 0, labels[count - 2] ?? 0);
    if (entry === undefined || isExposed?.(entry.namespace) === false || this.#isHidden(entry)) return "no such name";
    if (count === 3) return this.#service(request, zoneAt, entry);
    if (entry.facts?.kind === "external-name") return "no such name";
    if (isZonal) return this.#inZone(request, zoneAt, labels, entry);
    const first = labelText(name, 0);
    if (count === 4) return this.#endpoint(request, zoneAt, entry, first);
    const second = labelText(name, labels[1] ?? 0);
    if (this.#parts.isImported === true && !first.startsWith("_") && !second.startsWith("_")) {
      return this.#endpoint(request, zoneAt, entry, `${first}.${second}`);
    }
    const portName = withoutUnderscore(first);
    const protocol = withoutUnderscore(second);
    return this.#ports(request, zoneAt, entry, (port) => port.name === portName && port.protocol === protocol);
  }

  #hasNamespace(name: string): boolean {
    return this.#parts.isExposed?.(name) !== false && this.#parts.hasNamespace(name);
  }

  #isHidden(entry: ServiceEntry): boolean {
    return this.#parts.hidesEmptyServices === true && entry.facts?.kind === "cluster-ip" && !entry.hasEndpoints;
  }

  #service(request: Request, zoneAt: number, entry: ServiceEntry): Found {
    const { facts } = entry;
    if (facts?.kind === "external-name") {
      if (facts.target === undefined) return "no such name";
      return followAlias(request, facts.target, this.#parts) ?? "no data";
    }
    const set = facts?.kind === "cluster-ip" ? entry.clusterIps() : entry.endpoints();
    if (facts?.kind === "headless" && isEmpty(set)) return "no such name";
    if (request.type !== recordTypes.SRV) {
      const found = this.#addressAnswer(request, set);
      // While slices are still coming, the one with these addresses may be among them.
      return found === "no data" && facts?.kind === "headless" && !this.#parts.isSynced() ? "no such name" : found;
    }
    const answer = this.#ports(request, zoneAt, entry, () => true);
    return answer === "no such name" ? "no data" : answer;
  }

  #endpoint(request: Request, zoneAt: number, entry: ServiceEntry, host: string): Found {
    const set = entry.host(host);
    if (set === undefined) {
      const protocol = withoutUnderscore(host);
      const leadsToPorts =
        host.startsWith("_") && portsOf(entry).some((port) => port.name !== "" && port.protocol === protocol);
      return leadsToPorts || this.#isCluster(entry, host) ? "no data" : "no such name";
    }
    if (request.type !== recordTypes.SRV) return this.#addressAnswer(request, set);
    const { hosts, matched } = entry.endpointPorts(() => true, host);
    return matched === 0
      ? "no data"
      : this.#srvAnswer(entry, nameFrom(request.name, zoneAt), targetsOf(hosts), matched);
  }

  /**
   * `ZONE.pin._zone` and `ZONE.prefer._zone` in front of a headless Service: its endpoints in that zone; where there are none,
   * "pin" has no records and "prefer" all endpoints. Any zone is a name, so that a typing mistake and an empty zone are the same.
   */
  #inZone(request: Request, zoneAt: number, labels: readonly number[], entry: ServiceEntry): Found {
    const { name } = request;
    const count = labels.length;
    if (entry.facts?.kind !== "headless") return "no such name";
    if (count === 4) return "no data";
    const fallsBack = labelIs(name, labels[count - 5] ?? 0, "prefer");
    if (!fallsBack && !labelIs(name, labels[count - 5] ?? 0, "pin")) return "no such name";
    if (count === 5) return "no data";
    // The value of a node's label may have dots.
    const zone = labels.slice(0, count - 5).map((at) => labelText(name, at));
    const found = this.#zonal?.entry(entry, zone.join(".")) ?? (fallsBack ? entry : undefined);
    const reply = found === undefined ? "no data" : this.#service(request, zoneAt, found);
    if (typeof reply !== "string") return reply;
    // While slices are still coming, one with an endpoint in this zone may be among them.
    return this.#parts.isSynced() ? "no data" : "no such name";
  }

  /** Whether endpoints are below this name, which is that of another cluster. */
  #isCluster(entry: ServiceEntry, label: string): boolean {
    if (this.#parts.isImported !== true) return false;
    for (const host of entry.hostLabels()) if (host.endsWith(`.${label}`)) return true;
    return false;
  }

  /** SRV records of the ports that `matches`; A and AAAA of that name give where they are. */
  #ports(request: Request, zoneAt: number, entry: ServiceEntry, matches: (port: SrvPort) => boolean): Found {
    const zone = nameFrom(request.name, zoneAt);
    const { facts } = entry;
    if (facts?.kind === "cluster-ip") {
      const ports = facts.ports.filter(matches);
      if (ports.length === 0) return "no such name";
      if (request.type !== recordTypes.SRV) return this.#addressAnswer(request, entry.clusterIps());
      const target = { labels: [], ports: distinctPorts(ports), set: entry.clusterIps() };
      return this.#srvAnswer(entry, zone, [target], ports.length * facts.ips.length);
    }
    const { hosts, matched } = entry.endpointPorts(matches);
    if (matched === 0) return "no such name";
    if (request.type === recordTypes.SRV) return this.#srvAnswer(entry, zone, targetsOf(hosts), matched);
    return this.#addressAnswer(request, entry.endpointsWithPort(matches));
  }

  /** SRV records to `targets` below or at the name of `entry`. */
  #srvAnswer(entry: ServiceEntry, zone: DnsName, targets: readonly SrvTarget[], matched: number): Found {
    const { ttl } = this.#parts;
    const weight = Math.max(1, Math.floor(100 / Math.max(1, matched)));
    const service = serviceName(entry, zone);
    if (service === undefined) return "no data";
    const list: Uint8Array[] = [];
    const additional: RecordSet[] = [];
    for (const { labels, ports, set } of targets) {
      const target = joinedName(labels, service);
      // In a zone with a very long name there is no room for this endpoint's.
      if (target === undefined) continue;
      for (const port of ports) list.push(writeRecordData({ kind: "SRV", priority: 0, weight, port, target }));
      additional.push(...this.#addressSets(target, set));
    }
    return list.length === 0 ? "no data" : positive([records(0, recordTypes.SRV, ttl, list)], additional);
  }

  #pods(request: Request, labels: readonly number[]): Found {
    const { name } = request;
    const { pods } = this.#parts;
    if (labels.length === 1) return "no data";
    const namespace = labelText(name, labels.at(-2) ?? 0);
    if (labels.length > 3 || this.#parts.isExposed?.(namespace) === false) return "no such name";
    if (!this.#parts.hasPodNamespace(namespace)) return "no such name";
    if (labels.length === 2) return "no data";
    const address = podAddress(pods, labelText(name, 0), namespace);
    return address === undefined ? "no such name" : this.#addressAnswer(request, splitFamilies([address]));
  }

  #addressAnswer(request: Request, { v4, v6 }: AddressSet): Found {
    const { ttl } = this.#parts;
    if (request.type === recordTypes.A && v4.length > 0) {
      return positive([addresses(0, ttl, v4, 4, this.#first(v4.length / 4))]);
    }
    if (request.type === recordTypes.AAAA && v6.length > 0) {
      return positive([addresses(0, ttl, v6, 16, this.#first(v6.length / 16))]);
    }
    return "no data";
  }

  #addressSets(owner: DnsName, { v4, v6 }: AddressSet): readonly RecordSet[] {
    const { ttl } = this.#parts;
    return [
      ...(v4.length === 0 ? [] : [addresses(owner, ttl, v4, 4, 0)]),
      ...(v6.length === 0 ? [] : [addresses(owner, ttl, v6, 16, 0)]),
    ];
  }

  #first(count: number): number {
    return count < 2 ? 0 : Math.floor(this.#parts.random() * count);
  }
}

/** Where SRV records lead to. */
interface SrvTarget {
  /** What its name has before that of the Service. */
  readonly labels: readonly string[];
  readonly ports: readonly number[];
  readonly set: AddressSet;
}

function targetsOf(hosts: ReadonlyMap<string, LabelledEndpoints>): readonly SrvTarget[] {
  const targets: SrvTarget[] = [];
  for (const [label, { addresses, ports }] of hosts) {
    // Those of other clusters have two labels.
    if (ports.length > 0) targets.push({ labels: label.split("."), ports, set: splitFamilies(addresses) });
  }
  return targets;
}

/** The domain of a cluster as a name. Throws `TypeError` when it is none. */
export function zoneName(domain: string): DnsName {
  return dnsName(domain.toLowerCase());
}

function portsOf(entry: ServiceEntry): readonly SrvPort[] {
  if (entry.facts?.kind === "cluster-ip") return entry.facts.ports;
  return entry.slices.flatMap(({ addresses, ports }) => (addresses.length === 0 ? [] : ports));
}

function isEmpty({ v4, v6 }: AddressSet): boolean {
  return v4.length === 0 && v6.length === 0;
}

function withoutUnderscore(label: string): string {
  return label.startsWith("_") ? label.slice(1) : label;
}
