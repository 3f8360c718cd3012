import { sameJson } from "../../core/index.ts";
import type { Deployment, ReplicaSet } from "../../objects/index.ts";
import { findCondition } from "../conditions.ts";
import { controllerReference } from "../pod-from-template.ts";
import { templateHash } from "../template-hash.ts";
import {
  byAge,
  desiredAnnotation,
  findNewReplicaSet,
  hashLabel,
  maxAnnotation,
  newSetAnnotations,
  revisionAnnotation,
  revisionOf,
} from "./revision.ts";
import { newSetReplicas, planOldSets, planProportionalScaling, replicasOf, rollingLimits } from "./rolling.ts";
import type { Scaling } from "./rolling.ts";
import { deploymentStatus, isComplete, untilDeadline } from "./status.ts";
import type { NewSetEvent } from "./status.ts";

/** What the controller sees of one Deployment. */
export interface DeploymentView {
  readonly deployment: Deployment;
  /** The sets that it controls. */
  readonly sets: readonly ReplicaSet[];
  /** Whether pods of old sets are still there: `Recreate` waits for them. */
  readonly oldPodsRun: (old: readonly ReplicaSet[]) => boolean;
}

/** One pass: at most one set is created; the rest are sets to write or delete, and the new status. */
export interface DeploymentPlan {
  readonly create: ReplicaSet | undefined;
  /** Sets with other replicas or annotations, beside what they were. */
  readonly update: readonly { readonly set: ReplicaSet; readonly from: number }[];
  readonly remove: readonly ReplicaSet[];
  /** The Deployment's own revision annotation. */
  readonly revision: string | undefined;
  readonly status: NonNullable<Deployment["status"]>;
  readonly againAfterMs: number | undefined;
}

/** Decides the next step of a Deployment. */
export function planDeployment(view: DeploymentView, nowMs: number): DeploymentPlan {
  const { deployment, sets } = view;
  const { spec } = deployment;
  const newSet = findNewReplicaSet(deployment, sets);
  const old = sets.filter((set) => set !== newSet);
  const leaves = deployment.metadata.deletionTimestamp !== undefined;
  const desired = spec.replicas ?? 1;
  const allowed = desired + (spec.strategy?.type === "Recreate" ? 0 : rollingLimits(deployment).maxSurge);
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;

  const steps: Steps = leaves
    ? nothing
    : spec.paused === true || isScalingEvent(deployment, sets)
      ? { create: undefined, scale: planScaling(deployment, newSet, old) }
      : planRollout(view, newSet, old, revision, allowed);
  const sizes = new Map(steps.scale.map(({ set, replicas }) => [set, replicas]));
  const update = leaves
    ? []
    : sets
        .map((set) => ({
          set: withSize(
            deployment,
            set,
            sizes.get(set) ?? replicasOf(set),
            set === newSet ? revision : undefined,
            allowed,
          ),
          was: set,
        }))
        .filter(({ set, was }) => set !== was)
        .map(({ set, was }) => ({ set, from: replicasOf(was) }));
  const happened: NewSetEvent =
    steps.create !== undefined
      ? { kind: "created", name: steps.create.metadata.name }
      : newSet === undefined
        ? { kind: "none" }
        : { kind: "present", name: newSet.metadata.name };
  const status = deploymentStatus(deployment, sets, newSet, happened, nowMs);
  const finished = !leaves && steps.create === undefined && update.length === 0 && isComplete(deployment, status);
  const current = newSet === undefined ? steps.create : newSet;
  return {
    create: steps.create,
    update,
    remove: finished || (spec.paused === true && !leaves) ? beyondHistory(deployment, old) : [],
    revision: current === undefined || leaves ? undefined : String(Math.max(revision, revisionOf(current))),
    status,
    againAfterMs: untilDeadline(deployment, findCondition(status.conditions, "Progressing"), nowMs),
  };
}

interface Steps {
  readonly create: ReplicaSet | undefined;
  readonly scale: readonly Scaling[];
}

const nothing: Steps = { create: undefined, scale: [] };

function planRollout(
  view: DeploymentView,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  revision: number,
  allowed: number,
): Steps {
  const { deployment } = view;
  const oldActive = old.filter((set) => replicasOf(set) > 0);
  const recreate = deployment.spec.strategy?.type === "Recreate";
  if (recreate && oldActive.length > 0)
    return { create: undefined, scale: oldActive.map((set) => ({ set, replicas: 0 })) };
  if (recreate && view.oldPodsRun(old)) return nothing;
  const present = oldActive.reduce((total, set) => total + replicasOf(set), 0);
  if (newSet === undefined) {
    return { create: newReplicaSet(deployment, newSetReplicas(deployment, present, 0), revision, allowed), scale: [] };
  }
  const own = replicasOf(newSet);
  const wanted =
    own > (deployment.spec.replicas ?? 1)
      ? (deployment.spec.replicas ?? 1)
      : newSetReplicas(deployment, present + own, own);
  // One direction at a time: the old sets shrink when the new one has grown as far as it may.
  if (wanted !== own) return { create: undefined, scale: [{ set: newSet, replicas: wanted }] };
  return { create: undefined, scale: planOldSets(deployment, newSet, oldActive) };
}

/** The wanted number changed since a set was last sized. */
function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = set.metadata.annotations?.[desiredAnnotation];
    return replicasOf(set) > 0 && desired !== undefined && Number(desired) !== (deployment.spec.replicas ?? 1);
  });
}

function planScaling(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly Scaling[] {
  const { replicas = 1, strategy } = deployment.spec;
  const active = [...old, ...(newSet === undefined ? [] : [newSet])].filter((set) => replicasOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? [...old].sort(byAge).at(-1);
    return only === undefined || replicasOf(only) === replicas ? [] : [{ set: only, replicas }];
  }
  const saturated =
    newSet !== undefined && replicasOf(newSet) === replicas && newSet.status?.availableReplicas === replicas;
  if (saturated) return active.filter((set) => set !== newSet).map((set) => ({ set, replicas: 0 }));
  return strategy?.type === "Recreate" ? [] : planProportionalScaling(deployment, active);
}

/** The set with its size and the annotations that go with it; the same object when nothing changes. */
function withSize(
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
  revision: number | undefined,
  allowed: number,
): ReplicaSet {
  const desired = deployment.spec.replicas ?? 1;
  const sized = replicas > 0 || replicas !== replicasOf(set);
  const annotations =
    revision !== undefined
      ? newSetAnnotations(deployment, set, revision, desired, allowed)
      : sized
        ? { ...set.metadata.annotations, [desiredAnnotation]: String(desired), [maxAnnotation]: String(allowed) }
        : set.metadata.annotations;
  const minReady = deployment.spec.minReadySeconds ?? 0;
  const keepsDelay = revision === undefined || (set.spec.minReadySeconds ?? 0) === minReady;
  if (replicas === replicasOf(set) && keepsDelay && sameJson(annotations ?? {}, set.metadata.annotations ?? {}))
    return set;
  return {
    ...set,
    metadata: { ...set.metadata, ...(annotations === undefined ? {} : { annotations }) },
    spec: { ...set.spec, replicas, ...(keepsDelay ? {} : { minReadySeconds: minReady }) },
  };
}

function newReplicaSet(deployment: Deployment, replicas: number, revision: number, allowed: number): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const { namespace } = deployment.metadata;
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      annotations: newSetAnnotations(deployment, undefined, revision, deployment.spec.replicas ?? 1, allowed),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** Old empty sets that no longer fit into the history; the oldest revisions go. */
function beyondHistory(deployment: Deployment, old: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const kept = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const empty = (set: ReplicaSet): boolean =>
    replicasOf(set) === 0 &&
    (set.status?.replicas ?? 0) === 0 &&
    (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0);
  return [...kept]
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, Math.max(0, kept.length - limit))
    .filter(empty);
}

/** Whether the Deployment says so already. */
export function hasRevision(deployment: Deployment, revision: string): boolean {
  return deployment.metadata.annotations?.[revisionAnnotation] === revision;
}
