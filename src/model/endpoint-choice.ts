import type { TrafficPolicy } from "../objects/index.ts";
import type { Endpoint } from "./endpoints.ts";

/** Where a choice is made: hints and Local policies depend on it. */
export interface NodePlace {
  readonly nodeName: string;
  /** The node's zone label; without one, zone hints are not used. */
  readonly zone?: string;
}

/** What of a Service decides which of its endpoints are used. */
export interface ChoicePolicy {
  /** Default Cluster. */
  readonly internalTrafficPolicy?: TrafficPolicy;
  /** Default Cluster; matters only when the port is externally accessible. */
  readonly externalTrafficPolicy?: TrafficPolicy;
  /** Whether the port has a node port, a LoadBalancer address or an external IP. */
  readonly externallyAccessible?: boolean;
}

/** Which endpoints a node uses for a port, by policy. */
export interface EndpointChoice {
  /** For traffic under policy Cluster: after topology hints, or those that terminate when none is ready. */
  readonly cluster: readonly Endpoint[];
  /** For traffic under policy Local: those on this node, or those of them that terminate when none is ready. */
  readonly local: readonly Endpoint[];
  /** Whether any node has a usable endpoint. An empty list is then a drop (Local policy), else a reject. */
  readonly anywhere: boolean;
}

/**
 * Chooses the endpoints of one port as kube-proxy v1.36 does: ready ones, by topology hints for policy Cluster; when
 * there are none, those that are serving and terminating. A list that no policy of the port uses is empty.
 */
export function chooseEndpoints(
  endpoints: readonly Endpoint[],
  place: NodePlace,
  policy: ChoicePolicy = {},
): EndpointChoice {
  const { internalTrafficPolicy = "Cluster", externalTrafficPolicy = "Cluster", externallyAccessible = false } = policy;
  const usesCluster = internalTrafficPolicy === "Cluster" || externallyAccessible;
  const usesLocal = internalTrafficPolicy === "Local" || (externalTrafficPolicy === "Local" && externallyAccessible);
  // Weight 0 takes no new connections, as in IPVS: such an endpoint counts like one that is not ready.
  const willing = endpoints.some(({ weight }) => weight === 0)
    ? endpoints.filter(({ weight }) => weight !== 0)
    : endpoints;
  const usable = readyOrElseTerminating(willing);
  return {
    cluster: usesCluster ? (usable[0]?.ready === true ? byTopology(usable, place) : usable) : [],
    local: usesLocal ? readyOrElseTerminating(willing.filter(({ nodeName }) => nodeName === place.nodeName)) : [],
    anywhere: usable.length > 0,
  };
}

/** The ready endpoints; when there are none, those that still serve while they terminate. */
function readyOrElseTerminating(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (endpoints.every((endpoint) => endpoint.ready)) return endpoints;
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return ready.length > 0 ? ready : endpoints.filter(({ serving, terminating }) => serving && terminating);
}

/** Hints count only when every endpoint has one and at least one is meant for this place: node first, then zone. */
function byTopology(ready: readonly Endpoint[], { nodeName, zone }: NodePlace): readonly Endpoint[] {
  if (ready.every(({ hints }) => hints.nodes.length > 0)) {
    const sameNode = ready.filter(({ hints }) => hints.nodes.includes(nodeName));
    if (sameNode.length > 0) return sameNode;
  }
  if (zone !== undefined && ready.every(({ hints }) => hints.zones.length > 0)) {
    const sameZone = ready.filter(({ hints }) => hints.zones.includes(zone));
    if (sameZone.length > 0) return sameZone;
  }
  return ready;
}
