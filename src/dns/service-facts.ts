import { parseName } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import { parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import type { EndpointSlice, Service } from "../objects/index.ts";
import { joinAddresses } from "./joined-addresses.ts";
import type { JoinedAddresses } from "./joined-addresses.ts";

/** A port as SRV names it. Name and protocol are in lower case; the name is empty when the port has none. */
export interface SrvPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

/** What DNS needs of a Service. */
export type ServiceFacts =
  | {
      readonly kind: "cluster-ip";
      readonly ips: readonly Ip[];
      readonly ports: readonly SrvPort[];
    }
  | { readonly kind: "headless" }
  /** `target` is undefined when the external name is an address or no name at all: then there is no such name. */
  | { readonly kind: "external-name"; readonly target: DnsName | undefined };

/** What DNS needs of an EndpointSlice: only endpoints that may be published. */
export interface SliceFacts {
  /** The slice's name; its namespace is that of the Service. */
  readonly name: string;
  readonly addresses: JoinedAddresses;
  /** The hostname of each address that has one of its own; undefined when none has. */
  readonly hostnames: readonly (string | undefined)[] | undefined;
  readonly ports: readonly SrvPort[];
  /** The zone of each address in lower case; there is no such list where nobody asks for zones. */
  readonly zones?: readonly EndpointZone[];
}

/** Undefined for endpoints without a zone. */
export type EndpointZone = string | undefined;

/** Gives one list for all that are equal: a cluster has many Services and few kinds of them. */
export type SharePorts = (ports: readonly SrvPort[]) => readonly SrvPort[];
/** The same for the zones of endpoints. */
export type ShareZones = (zones: readonly EndpointZone[]) => readonly EndpointZone[];

/** Makes such a function; it forgets all that it has seen when that is more than `limit` lists. */
export function portSharing(limit = 1000): SharePorts {
  return sharing(({ name, protocol, port }) => `${name}/${protocol}/${port}`, limit);
}

/** The same for the zones of endpoints. */
export function zoneSharing(limit = 1000): ShareZones {
  return sharing((zone) => zone ?? "", limit);
}

function sharing<T>(textOf: (item: T) => string, limit: number): (list: readonly T[]) => readonly T[] {
  const seen = new Map<string, readonly T[]>();
  return (list) => {
    const key = list.map(textOf).join(" ");
    const known = seen.get(key);
    if (known !== undefined) return known;
    if (seen.size >= limit) seen.clear();
    seen.set(key, list);
    return list;
  };
}

/** Reads a Service. */
export function serviceFacts({ spec }: Service, share: SharePorts): ServiceFacts {
  if (spec.type === "ExternalName") {
    const external = spec.externalName ?? "";
    return { kind: "external-name", target: parseIp(external) === undefined ? parseName(external) : undefined };
  }
  if (spec.clusterIP === "None") return { kind: "headless" };
  const texts = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  // The copy has no room for more, which a list that was filtered has.
  const ips = texts
    .map(parseIp)
    .filter((address) => address !== undefined)
    .slice();
  const ports = share((spec.ports ?? []).map((port) => srvPort(port.name, port.protocol, port.port)));
  return { kind: "cluster-ip", ips, ports };
}

/**
 * What endpoints without a hostname are called: after their address, or after the object behind them (the pod) where
 * its name can be a label.
 */
export type EndpointNames = "address" | "pod";
/** The same, or "given": hostnames are there already, of one label or more. */
export type HostNames = EndpointNames | "given";

/**
 * Reads a slice. An endpoint is published unless its condition `ready` is false: the controller that writes slices
 * sets it for Services with `publishNotReadyAddresses`, so nothing else has to be looked at. Zones are read where they are shared.
 */
export function sliceFacts(
  slice: EndpointSlice,
  names: HostNames,
  share: SharePorts,
  shareZones?: ShareZones,
): SliceFacts {
  const addresses: Ip[] = [];
  const hostnames: (string | undefined)[] = [];
  const zones: EndpointZone[] = [];
  for (const endpoint of slice.addressType === "FQDN" ? [] : (slice.endpoints ?? [])) {
    if (endpoint.conditions?.ready === false) continue;
    const label =
      names === "given"
        ? endpoint.hostname
        : (asLabel(endpoint.hostname) ?? (names === "pod" ? asLabel(endpoint.targetRef?.name) : undefined));
    for (const text of endpoint.addresses) {
      const address = parseIp(text);
      if (address === undefined) continue;
      addresses.push(address);
      hostnames.push(label);
      if (shareZones !== undefined) zones.push(asZone(endpoint.zone));
    }
  }
  const ports = (slice.ports ?? [])
    .filter(({ port }) => port !== undefined && port !== null)
    .map(({ name, protocol, port }) => srvPort(name, protocol, port ?? 0));
  const facts = {
    name: slice.metadata.name,
    addresses: joinAddresses(addresses),
    hostnames: hostnames.every((hostname) => hostname === undefined) ? undefined : hostnames,
    ports: share(ports),
  };
  // Not even an empty property: it would be memory in each slice of clusters that do not use zones.
  return shareZones === undefined ? facts : { ...facts, zones: shareZones(zones) };
}

/** A zone as names can spell it: the value of a label of a node, in lower case. */
function asZone(text: string | undefined): EndpointZone {
  return text !== undefined && /^[\w.-]{1,63}$/.test(text) ? text.toLowerCase() : undefined;
}

/** `text` as a label in lower case; `undefined` when it is none, as names of pods with a dot or over 63 characters. */
export function asLabel(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w-]{1,63}$/.test(text) ? text.toLowerCase() : undefined;
}

function srvPort(name: string | undefined, protocol: string | undefined, port: number): SrvPort {
  return { name: (name ?? "").toLowerCase(), protocol: (protocol ?? "TCP").toLowerCase(), port };
}

/** Whether two Services say the same to DNS. */
export function sameService(a: ServiceFacts | undefined, b: ServiceFacts | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.kind === "cluster-ip") return b.kind === a.kind && sameItems(a.ips, b.ips) && samePorts(a.ports, b.ports);
  if (a.kind === "headless") return b.kind === a.kind;
  return b.kind === a.kind && sameItems([...(a.target ?? [])], [...(b.target ?? [])]);
}

/** Whether two slices say the same to DNS. */
export function sameSlice(a: SliceFacts | undefined, b: SliceFacts | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.addresses !== b.addresses || !samePorts(a.ports, b.ports)) return false;
  if (a.zones !== b.zones && !sameItems(a.zones ?? [], b.zones ?? [])) return false;
  return a.hostnames === undefined || b.hostnames === undefined
    ? a.hostnames === b.hostnames
    : sameItems(a.hostnames, b.hostnames);
}

function samePorts(a: readonly SrvPort[], b: readonly SrvPort[]): boolean {
  const isSame = (port: SrvPort, other: SrvPort | undefined) =>
    other !== undefined && port.name === other.name && port.protocol === other.protocol && port.port === other.port;
  return a === b || (a.length === b.length && a.every((port, i) => isSame(port, b[i])));
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
