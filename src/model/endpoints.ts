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
  const ports = service.spec.ports ?? [];
  return ports.flatMap(({ name: portName = "", protocol = "TCP" }) =>
    families.map((family) => ({ portName, protocol, family, endpoints: merged(slices, portName, protocol, family) })),
  );
}

function merged(
  slices: readonly EndpointSlice[],
  portName: string,
  protocol: Protocol,
  family: IpFamily,
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    const weights = sliceWeights(slice);
    for (const port of slice.ports ?? []) {
      if ((port.name ?? "") !== portName || (port.protocol ?? "TCP") !== protocol || !isPort(port.port)) continue;
      for (const entry of slice.endpoints) {
        const endpoint = resolve(entry, port.port, weights);
        if (endpoint === undefined) continue;
        const key = `${endpoint.ip} ${endpoint.port}`;
        const known = found.get(key);
        if (known === undefined || (known.terminating && !endpoint.terminating)) found.set(key, endpoint);
      }
    }
  }
  // Any order would do that is the same each time; that of the text costs least.
  return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

/** Only the first address counts (EndpointSlice API: all addresses of an entry are one and the same endpoint). */
function resolve(entry: SliceEndpoint, port: Port, weights: ReadonlyMap<Ip, number>): Endpoint | undefined {
  const ip = parseIp(entry.addresses[0] ?? "");
  if (ip === undefined) return undefined;
  const weight = weights.get(ip);
  const { ready = true, serving, terminating = false } = entry.conditions ?? {};
  return {
    ip,
    port,
    ready,
    serving: serving ?? true,
    terminating,
    hints: {
      zones: entry.hints?.forZones?.map(({ name }) => name) ?? [],
      nodes: entry.hints?.forNodes?.map(({ name }) => name) ?? [],
    },
    ...(weight === undefined || weight === 1 ? {} : { weight }),
    ...(entry.nodeName === undefined ? {} : { nodeName: entry.nodeName }),
    ...(entry.zone === undefined ? {} : { zone: entry.zone }),
    ...(entry.targetRef === undefined ? {} : { targetRef: entry.targetRef }),
    ...(entry.hostname === undefined ? {} : { hostname: entry.hostname }),
  };
}
