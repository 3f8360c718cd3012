import { formatTime } from "../../objects/index.ts";
import type { Condition, Deployment, ReplicaSet } from "../../objects/index.ts";
import { findCondition } from "../conditions.ts";
import { replicasOf, rollingLimits } from "./rolling.ts";

type DeploymentStatus = NonNullable<Deployment["status"]>;

/** What happened to the new set in this pass, for the condition `Progressing`. */
export type NewSetEvent =
  | { readonly kind: "created"; readonly name: string }
  | { readonly kind: "present"; readonly name: string }
  | { readonly kind: "none" };

function sum(sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number {
  return sets.reduce((total, set) => total + count(set), 0);
}

/** Whether every pod is of the new template and available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const { replicas = 1 } = deployment.spec;
  return status.updatedReplicas === replicas && status.replicas === replicas && status.availableReplicas === replicas;
}

/** The status that these sets amount to. */
export function deploymentStatus(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  happened: NewSetEvent,
  nowMs: number,
): DeploymentStatus {
  const old = deployment.status ?? {};
  const available = sum(sets, ({ status }) => status?.availableReplicas ?? 0);
  const counts = {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    replicas: sum(sets, ({ status }) => status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, ({ status }) => status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, replicasOf) - available),
    ...(old.collisionCount === undefined ? {} : { collisionCount: old.collisionCount }),
  };
  const enough = available >= (deployment.spec.replicas ?? 1) - rollingLimits(deployment).maxUnavailable;
  const availability: Condition = enough
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  let conditions = put(old.conditions ?? [], availability, nowMs, false);
  const progress = progressCondition(deployment, old, counts, newSet, happened, nowMs);
  if (progress !== undefined) conditions = put(conditions, progress.condition, nowMs, progress.renew);
  const failure = sets.map(({ status }) => findCondition(status?.conditions, "ReplicaFailure")).find(Boolean);
  conditions =
    failure === undefined
      ? conditions.filter(({ type }) => type !== "ReplicaFailure")
      : put(conditions, { ...failure, type: "ReplicaFailure" }, nowMs, false);
  return { ...counts, conditions };
}

function progressCondition(
  deployment: Deployment,
  old: DeploymentStatus,
  counts: DeploymentStatus,
  newSet: ReplicaSet | undefined,
  happened: NewSetEvent,
  nowMs: number,
): { readonly condition: Condition; readonly renew: boolean } | undefined {
  const current = findCondition(old.conditions, "Progressing");
  const say = (reason: string, message: string, status: "True" | "False" | "Unknown" = "True", renew = true) => ({
    condition: { type: "Progressing", status, reason, message },
    renew,
  });
  if (deployment.spec.paused === true) {
    return current?.reason === "DeploymentPaused"
      ? undefined
      : say("DeploymentPaused", "Deployment is paused", "Unknown");
  }
  if (happened.kind === "created") {
    return say("NewReplicaSetCreated", `Created new replica set "${happened.name}"`);
  }
  if (current?.reason === "DeploymentPaused") return say("DeploymentResumed", "Deployment is resumed", "Unknown");
  const what =
    newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  if (isComplete(deployment, counts)) {
    if (current?.reason === "NewReplicaSetAvailable" && current.message?.startsWith(what) === true) return undefined;
    return say("NewReplicaSetAvailable", `${what} has successfully progressed.`);
  }
  const oldPods = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  const moved =
    (counts.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldPods(counts) < oldPods(old) ||
    (counts.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (counts.availableReplicas ?? 0) > (old.availableReplicas ?? 0);
  // Once complete, pods that fail later are no matter of progress.
  const finished = current?.reason === "NewReplicaSetAvailable" && counts.replicas === counts.updatedReplicas;
  if (moved && !finished) return say("ReplicaSetUpdated", `${what} is progressing.`);
  if (current === undefined) {
    return happened.kind === "present"
      ? say("FoundNewReplicaSet", `Found new replica set "${happened.name}"`)
      : undefined;
  }
  const left = untilDeadline(deployment, current, nowMs);
  if (!finished && left !== undefined && left <= 0 && current.status !== "False") {
    return say("ProgressDeadlineExceeded", `${what} has timed out progressing.`, "False");
  }
  return undefined;
}

/** Milliseconds until a rollout that shows no progress counts as failed; undefined when it never does. */
export function untilDeadline(
  deployment: Deployment,
  progressing: Condition | undefined,
  nowMs: number,
): number | undefined {
  const seconds = deployment.spec.progressDeadlineSeconds ?? 600;
  if (progressing?.lastUpdateTime === undefined || seconds === 2_147_483_647) return undefined;
  if (progressing.status !== "True" || progressing.reason === "NewReplicaSetAvailable") return undefined;
  return Date.parse(progressing.lastUpdateTime) + seconds * 1000 - nowMs;
}

/** `renew`: the same words again count as news and move the update time. */
function put(list: readonly Condition[], next: Condition, nowMs: number, renew: boolean): readonly Condition[] {
  const old = findCondition(list, next.type);
  const unchanged = old?.status === next.status && old.reason === next.reason;
  if (unchanged && !renew && old.message === next.message) return list;
  const now = formatTime(nowMs);
  const condition: Condition = {
    ...next,
    lastUpdateTime: now,
    lastTransitionTime: (old?.status === next.status ? old.lastTransitionTime : undefined) ?? now,
  };
  return old === undefined ? [...list, condition] : list.map((other) => (other === old ? condition : other));
}
