import { fnv1a } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { isNodeReady } from "../objects/index.ts";
import type { EndpointSlice, Node, TrafficPolicy } from "../objects/index.ts";

/** Nodes with this label, whatever its value, take no LoadBalancer traffic. */
export const excludeLoadBalancersLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/** Whether the node may announce addresses: it is ready, on the network and not excluded. */
export function mayAnnounce(node: Node): boolean {
  const offNetwork = node.status?.conditions?.some(
    ({ type, status }) => type === "NetworkUnavailable" && status === "True",
  );
  return isNodeReady(node) && offNetwork !== true && node.metadata.labels?.[excludeLoadBalancersLabel] === undefined;
}

/** What an election is about: one address of a Service and who could serve it. */
export interface Candidacy {
  readonly address: Ip;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** Names of the nodes that may announce at all, in any order. */
  readonly nodes: Iterable<string>;
  readonly slices: readonly EndpointSlice[];
}

/**
 * The node that announces the address; `undefined` when no endpoint can serve or no node may announce. Every node
 * computes this for itself from the same objects, so there is nothing to agree on: the lowest rank wins, which means
 * that a node that comes or goes moves only the addresses that it wins or held.
 */
export function electAnnouncer(candidacy: Candidacy): string | undefined {
  const serving = servingNodes(candidacy.slices);
  if (!serving.any) return undefined;
  let winner: string | undefined;
  let best = 0;
  for (const node of candidacy.nodes) {
    if (candidacy.externalTrafficPolicy === "Local" && !serving.names.has(node)) continue;
    const rank = announcerRank(node, candidacy.address);
    if (winner === undefined || rank < best || (rank === best && node < winner)) {
      winner = node;
      best = rank;
    }
  }
  return winner;
}

/** The place of a node in the election for an address: an unsigned 32-bit number, the lowest wins. */
export function announcerRank(node: string, address: Ip): number {
  // FNV alone ranks names that differ in one digit almost alike for every address; the finisher of murmur3 spreads.
  let hash = fnv1a(`${node}#${address}`);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Like MetalLB: an endpoint serves when it is ready, or still serving while it terminates. */
function servingNodes(slices: readonly EndpointSlice[]): { readonly any: boolean; readonly names: Set<string> } {
  const names = new Set<string>();
  let any = false;
  for (const { endpoints } of slices) {
    for (const { conditions, nodeName } of endpoints) {
      if (conditions?.ready === false && conditions.serving !== true) continue;
      any = true;
      if (nodeName !== undefined) names.add(nodeName);
    }
  }
  return { any, names };
}
