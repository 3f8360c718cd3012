import { isPort, parseIp } from "../core/index.ts";
import type { Ip, IpFamily, Port, Protocol } from "../core/index.ts";
import type { EndpointSlice, ObjectReference, Service, Endpoint as SliceEndpoint } from "../objects/index.ts";
import { sliceWeights } from "./endpoint-weights.ts";
import { serviceFamilies } from "./service-families.ts";

/** One place where a port of a Service is served, with the conditions resolved to plain booleans. */
export interface Endpoint {
  readonly ip: Ip;
  readonly port: Port;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Its share of new connections relative to the others', 0 (none) to 1000; absent means 1. */
  readonly weight?: number;
  /** For whom the endpoint is meant; empty lists mean that the slice gives no such hint. */
  readonly hints: { readonly zones: readonly string[]; readonly nodes: readonly string[] };
  readonly targetRef?: ObjectReference;
  readonly hostname?: string;
}

/** The endpoints of one port of a Service in one address family, in the order of their addresses as text. */
export interface PortEndpoints {
  /** Name of the Service port; empty for the only port of a Service that has no name. */
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: IpFamily;
  readonly endpoints: readonly Endpoint[];
}

/**
 * Merges the slices of a Service to one list for each port and each of the Service's address families. `slices` are
 * those that carry the Service's name label; entries that cannot be used (no address, no port) are passed over.
 * An address and port that appears twice counts once, and one that is not terminating wins.
 */
export function serviceEndpoints(service: Service, slices: readonly EndpointSlice[]): readonly PortEndpoints[] {
  const families = serviceFamilies(service);
  const lists: PortEndpoints[] = [];
  for (const { name: portName = "", protocol = "TCP" } of service.spec.ports ?? []) {
    for (const family of families) {
      lists.push({ portName, protocol, family, endpoints: merged(slices, portName, protocol, family) });
    }
  }
  return lists;
}

function merged(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  family: IpFamily,
): readonly Endpoint[] {
  const found: Endpoint[] = [];
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    const weights = sliceWeights(slice);
    for (const port of slice.ports ?? []) {
      if ((port.name ?? "") !== portName || (port.protocol ?? "TCP") !== protocol || !isPort(port.port)) continue;
      for (const entry of slice.endpoints) {
        const endpoint = resolve(entry, port.port, weights);
        if (endpoint !== undefined) found.push(endpoint);
      }
    }
  }
  // Any order would do that is the same each time; that of the text costs least.
  found.sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
  return found.some((endpoint, i) => isSamePlace(endpoint, found[i + 1])) ? withoutDoubles(found) : found;
}

function isSamePlace(a: Endpoint, b: Endpoint | undefined): boolean {
  return b !== undefined && a.ip === b.ip && a.port === b.port;
}

/** Of those in the same place, which are neighbours, the first one that is not terminating, else the first. */
function withoutDoubles(sorted: readonly Endpoint[]): readonly Endpoint[] {
  const kept: Endpoint[] = [];
  for (const endpoint of sorted) {
    const last = kept.at(-1);
    if (last === undefined || !isSamePlace(endpoint, last)) kept.push(endpoint);
    else if (last.terminating && !endpoint.terminating) kept[kept.length - 1] = endpoint;
  }
  return kept;
}

/** Only the first address counts (EndpointSlice API: all addresses of an entry are one and the same endpoint). */
function resolve(entry: SliceEndpoint, port: Port, weights: ReadonlyMap<Ip, number>): Endpoint | undefined {
  const ip = parseIp(entry.addresses[0] ?? "");
  if (ip === undefined) return undefined;
  const weight = weights.get(ip);
  const { nodeName, zone, targetRef, hostname } = entry;
  const { ready = true, serving, terminating = false } = entry.conditions ?? {};
  // Not by spreads: this is done hundreds of thousands of times for a full load.
  const endpoint: Draft<Endpoint> = { ip, port, ready, serving: serving ?? true, terminating, hints: hintsOf(entry) };
  if (weight !== undefined && weight !== 1) endpoint.weight = weight;
  if (nodeName !== undefined) endpoint.nodeName = nodeName;
  if (zone !== undefined) endpoint.zone = zone;
  if (targetRef !== undefined) endpoint.targetRef = targetRef;
  if (hostname !== undefined) endpoint.hostname = hostname;
  return endpoint;
}

/** A value while it is made. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

const noHints: Endpoint["hints"] = { zones: [], nodes: [] };

function hintsOf({ hints }: SliceEndpoint): Endpoint["hints"] {
  if (hints === undefined) return noHints;
  return { zones: hints.forZones?.map(({ name }) => name) ?? [], nodes: hints.forNodes?.map(({ name }) => name) ?? [] };
}
