import { isNodeReady, zoneLabel } from "../../objects/index.ts";
import type { Endpoint, Node, Service } from "../../objects/index.ts";
import type { PortGroup } from "./endpoints-of-pods.ts";
import { milliCpu } from "../milli-cpu.ts";

/** How the hints of a Service are found. */
export type HintPolicy = "none" | "same-zone" | "same-node" | "auto";

/** The annotation wins over `spec.trafficDistribution`, and its older name over itself. */
export function hintPolicy(service: Service): HintPolicy {
  const annotations = service.metadata.annotations ?? {};
  const mode =
    annotations["service.kubernetes.io/topology-aware-hints"] ?? annotations["service.kubernetes.io/topology-mode"];
  if (mode === "Auto" || mode === "auto") return "auto";
  switch (service.spec.trafficDistribution) {
    case "PreferClose":
    case "PreferSameZone":
      return "same-zone";
    case "PreferSameNode":
      return "same-node";
    case undefined:
    default:
      return "none";
  }
}

/** The groups with hints, and why mode Auto gave none. */
export interface HintResult {
  readonly groups: ReadonlyMap<string, PortGroup>;
  readonly disabled: string | undefined;
}

/** Adds hints to the ready endpoints. */
export function withHints(
  groups: ReadonlyMap<string, PortGroup>,
  policy: HintPolicy,
  nodes: () => readonly Node[],
): HintResult {
  switch (policy) {
    case "none":
      return { groups, disabled: undefined };
    case "same-zone":
    case "same-node": {
      const hinted = (endpoint: Endpoint): Endpoint => nearHints(endpoint, policy === "same-node");
      return { groups: mapEndpoints(groups, hinted), disabled: undefined };
    }
    case "auto":
      return autoHints(groups, nodes());
  }
}

function nearHints(endpoint: Endpoint, withNode: boolean): Endpoint {
  const { zone, nodeName } = endpoint;
  if (endpoint.conditions?.ready !== true) return endpoint;
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  const forNodes = withNode && nodeName !== undefined ? { forNodes: [{ name: nodeName }] } : {};
  const hints = { ...forZones, ...forNodes };
  return Object.keys(hints).length === 0 ? endpoint : { ...endpoint, hints };
}

/** A zone may be loaded this much more than its share. */
const overload = 0.2;

/** Mode Auto: endpoints are dealt out to zones in proportion to the CPUs of their nodes. */
function autoHints(groups: ReadonlyMap<string, PortGroup>, nodes: readonly Node[]): HintResult {
  const shares = zoneShares(nodes);
  if (typeof shares === "string") return { groups, disabled: shares };
  const hinted = new Map<string, PortGroup>();
  for (const [key, group] of groups) {
    const zones = deal(group.endpoints, shares);
    if (typeof zones === "string") return { groups, disabled: zones };
    const endpoints = group.endpoints.map((endpoint) => {
      const zone = zones.get(endpoint);
      return zone === undefined ? endpoint : { ...endpoint, hints: { forZones: [{ name: zone }] } };
    });
    hinted.set(key, { ...group, endpoints });
  }
  return { groups: hinted, disabled: undefined };
}

/** The part of all CPUs that each zone has, or why hints are not possible. */
function zoneShares(nodes: readonly Node[]): ReadonlyMap<string, number> | string {
  const cpus = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    const labels = node.metadata.labels ?? {};
    if ("node-role.kubernetes.io/control-plane" in labels || "node-role.kubernetes.io/master" in labels) continue;
    if (!isNodeReady(node)) continue;
    const zone = labels[zoneLabel];
    const milli = milliCpu(node.status?.allocatable?.["cpu"]);
    if (zone === undefined || milli === undefined) {
      return "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
    }
    cpus.set(zone, (cpus.get(zone) ?? 0) + milli);
    total += milli;
  }
  if (cpus.size < 2) return "Nodes only ready in one zone";
  return new Map([...cpus].map(([zone, milli]) => [zone, milli / total]));
}

/** Each endpoint's zone. Endpoints stay in their own zone as far as every zone gets its minimum. */
function deal(
  endpoints: readonly Endpoint[],
  shares: ReadonlyMap<string, number>,
): ReadonlyMap<Endpoint, string> | string {
  const ready = endpoints.filter(({ conditions }) => conditions?.ready === true);
  if (ready.length < shares.size) {
    return `Insufficient number of endpoints (${ready.length}), impossible to safely allocate proportionally (${shares.size} zones)`;
  }
  if (ready.some(({ zone }) => zone === undefined)) return "One or more endpoints do not have a zone specified";
  const desired = new Map([...shares].map(([zone, share]) => [zone, share * ready.length]));
  const minimum = (zone: string): number => Math.ceil((desired.get(zone) ?? 0) / (1 + overload));
  if ([...shares.keys()].reduce((sum, zone) => sum + minimum(zone), 0) > ready.length) {
    return (
      "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold " +
      `(${ready.length} endpoints, ${shares.size} zones)`
    );
  }
  const byZone = new Map([...shares.keys()].map((zone) => [zone, [] as Endpoint[]]));
  const homeless: Endpoint[] = [];
  for (const endpoint of ready) (byZone.get(endpoint.zone ?? "") ?? homeless).push(endpoint);
  for (const [zone, own] of byZone) {
    while (own.length < minimum(zone)) {
      const donor = homeless.length > 0 ? homeless : richest(byZone, desired);
      const moved = donor.pop();
      if (moved === undefined) break;
      own.push(moved);
    }
  }
  const zones = new Map<Endpoint, string>();
  for (const [zone, own] of byZone) for (const endpoint of own) zones.set(endpoint, zone);
  const first = [...shares.keys()][0] ?? "";
  for (const endpoint of homeless) zones.set(endpoint, first);
  return zones;
}

/** The zone that is the furthest above its share. */
function richest(byZone: ReadonlyMap<string, Endpoint[]>, desired: ReadonlyMap<string, number>): Endpoint[] {
  let most: Endpoint[] = [];
  let surplus = -Infinity;
  for (const [zone, own] of byZone) {
    const above = own.length - (desired.get(zone) ?? 0);
    if (above > surplus) [most, surplus] = [own, above];
  }
  return most;
}

function mapEndpoints(
  groups: ReadonlyMap<string, PortGroup>,
  change: (endpoint: Endpoint) => Endpoint,
): ReadonlyMap<string, PortGroup> {
  return new Map(
    [...groups].map(([key, group]) => [key, { ...group, endpoints: group.endpoints.map((one) => change(one)) }]),
  );
}
