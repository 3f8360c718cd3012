import { controllerOf, isNodeReady, matchesSelector } from "../../objects/index.ts";
import type { Node, Pod, TopologySpreadConstraint } from "../../objects/index.ts";
import { matchesNodeSelector, untoleratedTaint } from "../node-match.ts";

/** A node that could take a pod, with the pods that are or will be on it. */
export interface NodeLoad {
  readonly node: Node;
  readonly pods: readonly Pod[];
}

/** Where a pod goes, or why it cannot. */
export type Placement =
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "none"; readonly message: string };

/**
 * Chooses a node: those that are ready and that the pod may use; of these the one that spreads best by its
 * constraints, then with the fewest pods of the same owner, then with the fewest pods, then the first by name.
 */
export function placePod(pod: Pod, loads: readonly NodeLoad[]): Placement {
  const refused = new Map<string, number>();
  const refuse = (reason: string): void => void refused.set(reason, (refused.get(reason) ?? 0) + 1);
  const feasible = loads.filter(({ node }) => {
    const reason = whyNot(pod, node);
    if (reason !== undefined) refuse(reason);
    return reason === undefined;
  });
  const hard = constraintsOf(pod, "DoNotSchedule");
  const spread = feasible.filter((load) => {
    const violated = hard.find((constraint) => !keepsSkew(pod, constraint, load, feasible));
    if (violated === undefined) return true;
    const missing = load.node.metadata.labels?.[violated.topologyKey] === undefined;
    refuse(
      missing
        ? "node(s) didn't match pod topology spread constraints (missing required label)"
        : "node(s) didn't match pod topology spread constraints",
    );
    return false;
  });
  const best = choose(pod, spread, feasible);
  if (best !== undefined) return { kind: "node", name: best.node.metadata.name };
  const reasons = [...refused].map(([reason, count]) => `${count} ${reason}`).sort();
  const summary = loads.length === 0 ? "no nodes available to schedule pods" : `${reasons.join(", ")}.`;
  return {
    kind: "none",
    message: loads.length === 0 ? summary : `0/${loads.length} nodes are available: ${summary}`,
  };
}

/** Why a node cannot take the pod at all, in the scheduler's words. */
function whyNot(pod: Pod, node: Node): string | undefined {
  if (node.metadata.deletionTimestamp !== undefined) return "node(s) were being deleted";
  if (node.spec.unschedulable === true && !toleratesUnschedulable(pod)) return "node(s) were unschedulable";
  const taint = untoleratedTaint(pod.spec.tolerations, node, ["NoSchedule", "NoExecute"]);
  if (taint !== undefined) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
  if (!isNodeReady(node)) return "node(s) were not ready";
  if (!matchesNodeSelector(pod.spec, node)) return "node(s) didn't match Pod's node affinity/selector";
  return undefined;
}

function toleratesUnschedulable(pod: Pod): boolean {
  const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" } as const;
  const cordoned: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "" }, spec: { taints: [taint] } };
  return untoleratedTaint(pod.spec.tolerations, cordoned, ["NoSchedule"]) === undefined;
}

function constraintsOf(pod: Pod, when: string): readonly TopologySpreadConstraint[] {
  return (pod.spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when);
}

/** How many pods that the constraint counts each domain has. */
function countByDomain(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  loads: readonly NodeLoad[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { node, pods } of loads) {
    const domain = node.metadata.labels?.[constraint.topologyKey];
    if (domain === undefined) continue;
    const counted = pods.filter(
      (other) =>
        other.metadata.namespace === pod.metadata.namespace &&
        other.metadata.deletionTimestamp === undefined &&
        matchesSelector(constraint.labelSelector, other.metadata.labels),
    );
    counts.set(domain, (counts.get(domain) ?? 0) + counted.length);
  }
  return counts;
}

function keepsSkew(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  load: NodeLoad,
  loads: readonly NodeLoad[],
): boolean {
  const domain = load.node.metadata.labels?.[constraint.topologyKey];
  if (domain === undefined) return false;
  const counts = countByDomain(pod, constraint, loads);
  const own = matchesSelector(constraint.labelSelector, pod.metadata.labels) ? 1 : 0;
  return (counts.get(domain) ?? 0) + own - Math.min(...counts.values()) <= constraint.maxSkew;
}

function choose(pod: Pod, candidates: readonly NodeLoad[], all: readonly NodeLoad[]): NodeLoad | undefined {
  const soft = (pod.spec.topologySpreadConstraints ?? []).map((constraint) => ({
    constraint,
    counts: countByDomain(pod, constraint, all),
  }));
  const owner = controllerOf(pod)?.uid;
  const score = (load: NodeLoad): readonly number[] => {
    const inDomains = soft.map(({ constraint, counts }) => {
      const domain = load.node.metadata.labels?.[constraint.topologyKey];
      return domain === undefined ? Infinity : (counts.get(domain) ?? 0);
    });
    const live = load.pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const siblings = owner === undefined ? 0 : live.filter((other) => controllerOf(other)?.uid === owner).length;
    const soiled = untoleratedTaint(pod.spec.tolerations, load.node, ["PreferNoSchedule"]) === undefined ? 0 : 1;
    return [soiled, inDomains.reduce((sum, count) => sum + count, 0), siblings, load.pods.length];
  };
  const scored = candidates.map((load) => ({ load, score: score(load) }));
  scored.sort(
    (a, b) => compareScores(a.score, b.score) || (a.load.node.metadata.name < b.load.node.metadata.name ? -1 : 1),
  );
  return scored[0]?.load;
}

function compareScores(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    // Both may be infinite, whose difference is no number.
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}
