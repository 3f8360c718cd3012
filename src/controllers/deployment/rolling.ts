import type { Deployment, ReplicaSet } from "../../objects/index.ts";
import { resolveIntOrPercent } from "../int-or-percent.ts";
import { byAge, maxAnnotation } from "./revision.ts";

/** How far a rollout may go beyond and below the wanted number of pods. */
export interface RollingLimits {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** Percentages of surge are rounded up, of unavailability down; both 0 would stand still. */
export function rollingLimits(deployment: Deployment): RollingLimits {
  const { strategy, replicas = 1 } = deployment.spec;
  if (strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: replicas };
  const { maxSurge = "25%", maxUnavailable = "25%" } = strategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge, replicas, "up");
  const unavailable = Math.min(replicas, resolveIntOrPercent(maxUnavailable, replicas, "down"));
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** A set that is to have another number of replicas. */
export interface Scaling {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/** Replicas that a set asks for. */
export function replicasOf(set: ReplicaSet): number {
  return set.spec.replicas ?? 1;
}

function sum(sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number {
  return sets.reduce((total, set) => total + count(set), 0);
}

function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

/** How many replicas the new set may have now: `present` are all pods asked for so far, `own` its part of them. */
export function newSetReplicas(deployment: Deployment, present: number, own: number): number {
  const { replicas = 1, strategy } = deployment.spec;
  if (strategy?.type === "Recreate") return replicas;
  const room = replicas + rollingLimits(deployment).maxSurge - present;
  return room <= 0 ? own : own + Math.min(room, replicas - own);
}

/**
 * Which old sets shrink now. Pods that do not serve go first, whatever the number; pods that serve only as far as
 * enough others do.
 */
export function planOldSets(
  deployment: Deployment,
  newSet: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly Scaling[] {
  const { replicas = 1 } = deployment.spec;
  const all = [...old, newSet];
  const minAvailable = replicas - rollingLimits(deployment).maxUnavailable;
  const newUnavailable = Math.max(0, replicasOf(newSet) - availableOf(newSet));
  let budget = sum(all, replicasOf) - minAvailable - newUnavailable;
  if (budget <= 0) return [];
  const sizes = new Map(old.map((set) => [set, replicasOf(set)]));
  const sorted = [...old].sort(byAge);
  for (const set of sorted) {
    const unhealthy = Math.min(budget, replicasOf(set) - availableOf(set));
    if (unhealthy <= 0) continue;
    sizes.set(set, replicasOf(set) - unhealthy);
    budget -= unhealthy;
  }
  let spare = sum(all, availableOf) - minAvailable;
  for (const set of sorted) {
    const size = sizes.get(set) ?? 0;
    const less = Math.min(size, Math.max(0, spare));
    sizes.set(set, size - less);
    spare -= less;
  }
  return sorted
    .map((set) => ({ set, replicas: sizes.get(set) ?? 0 }))
    .filter(({ set, replicas: size }) => size !== replicasOf(set));
}

/**
 * When the wanted number changes in the middle of a rollout, every set gets its share of the difference, so that the
 * risk stays as it was; what rounding leaves goes to the largest.
 */
export function planProportionalScaling(deployment: Deployment, sets: readonly ReplicaSet[]): readonly Scaling[] {
  const { replicas = 1 } = deployment.spec;
  const allowed = replicas > 0 ? replicas + rollingLimits(deployment).maxSurge : 0;
  const active = sets.filter((set) => replicasOf(set) > 0);
  let left = allowed - sum(active, replicasOf);
  const growing = left > 0;
  const largestFirst = active.sort((a, b) => replicasOf(b) - replicasOf(a) || (growing ? byAge(b, a) : byAge(a, b)));
  const planned = largestFirst.map((set) => {
    const before = Number(set.metadata.annotations?.[maxAnnotation]) || replicas;
    const share = before === 0 || left === 0 ? 0 : Math.round((replicasOf(set) * allowed) / before) - replicasOf(set);
    const change = growing ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
    left -= change;
    return { set, replicas: replicasOf(set) + change };
  });
  return planned.map((scaling, index) => ({
    set: scaling.set,
    replicas: index === 0 ? Math.max(0, scaling.replicas + left) : scaling.replicas,
  }));
}
