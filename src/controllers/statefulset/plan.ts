import { isPodFinished, isPodReady } from "../../objects/index.ts";
import type { Pod, StatefulSet } from "../../objects/index.ts";
import { resolveIntOrPercent } from "../int-or-percent.ts";
import { isPodActive, isPodAvailable } from "../pod-availability.ts";
import { revisionHashLabel } from "../revision-history.ts";

/** What the controller sees of one StatefulSet. Revisions are the values of the pods' revision label. */
export interface StatefulSetView {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly currentRevision: string;
  readonly updateRevision: string;
}

/** One change to the pods. */
export type StatefulSetStep =
  | { readonly kind: "create"; readonly ordinal: number; readonly revision: string }
  | { readonly kind: "delete"; readonly pod: Pod };

/** The ordinal in a pod's name, if it is one of the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const { name } = set.metadata;
  if (!pod.metadata.name.startsWith(`${name}-`)) return undefined;
  const text = pod.metadata.name.slice(name.length + 1);
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/**
 * The next steps. With `OrderedReady` pods come in ascending order, each after its predecessors are available, and
 * go in descending order, one at a time; with `Parallel` all at once. Updates go from the highest ordinal down to
 * the partition.
 */
export function planStatefulSet(view: StatefulSetView, nowMs: number): readonly StatefulSetStep[] {
  const { set, updateRevision } = view;
  const ordered = set.spec.podManagementPolicy !== "Parallel";
  const start = set.spec.ordinals?.start ?? 0;
  const end = start + (set.spec.replicas ?? 1);
  const byOrdinal = new Map<number, Pod>();
  for (const pod of view.pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const steps: StatefulSetStep[] = [];
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) {
      steps.push({ kind: "create", ordinal, revision: revisionFor(view, ordinal - start, ordinal) });
      if (ordered) return steps;
    } else if (pod.metadata.deletionTimestamp !== undefined) {
      if (ordered) return steps;
    } else if (isPodFinished(pod)) {
      // It comes back under the same name once it is gone.
      steps.push({ kind: "delete", pod });
      if (ordered) return steps;
    } else if (ordered && !isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)) return steps;
  }
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  for (const pod of condemned) {
    if (pod.metadata.deletionTimestamp === undefined) steps.push({ kind: "delete", pod });
    if (ordered) return steps;
  }
  if (steps.length > 0 || set.spec.updateStrategy?.type === "OnDelete") return steps;
  return planUpdate(set, byOrdinal, start, end, updateRevision, nowMs);
}

function planUpdate(
  set: StatefulSet,
  byOrdinal: ReadonlyMap<number, Pod>,
  start: number,
  end: number,
  updateRevision: string,
  nowMs: number,
): readonly StatefulSetStep[] {
  const { partition = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const allowed = Math.max(1, resolveIntOrPercent(maxUnavailable, set.spec.replicas ?? 1, "up"));
  const serves = (pod: Pod): boolean =>
    pod.metadata.deletionTimestamp === undefined && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
  let unavailable = 0;
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || !serves(pod)) unavailable++;
  }
  const steps: StatefulSetStep[] = [];
  for (let ordinal = end - 1; ordinal >= start + partition; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) {
      if (allowed === 1) return steps;
      continue;
    }
    if (podRevision(pod) !== updateRevision) {
      // A pod that does not serve may be replaced whatever the budget.
      if (serves(pod) && unavailable >= allowed) return steps;
      if (serves(pod)) unavailable++;
      steps.push({ kind: "delete", pod });
      if (allowed === 1) return steps;
    } else if (!serves(pod) && allowed === 1) return steps;
  }
  return steps;
}

/** A missing pod is made of the old template as long as the update has not come to its ordinal. */
function revisionFor(view: StatefulSetView, index: number, ordinal: number): string {
  const { set, currentRevision, updateRevision } = view;
  if (currentRevision === updateRevision || set.spec.updateStrategy?.type === "OnDelete") return updateRevision;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const start = set.spec.ordinals?.start ?? 0;
  // Counted now: the status is from before the pod that is missing was deleted for its update.
  const old = view.pods.filter((pod) => podRevision(pod) === currentRevision && isPodActive(pod)).length;
  const stays = partition > 0 ? ordinal < start + partition : index < old;
  return stays ? currentRevision : updateRevision;
}

/** The revision that a pod was made of. */
export function podRevision(pod: Pod): string | undefined {
  return pod.metadata.labels?.[revisionHashLabel];
}

/** The status that these pods amount to; `names` turns revision labels into names of ControllerRevisions. */
export function statefulSetStatus(
  view: StatefulSetView,
  names: { readonly current: string; readonly update: string },
  nowMs: number,
): NonNullable<StatefulSet["status"]> {
  const { set, pods, currentRevision, updateRevision } = view;
  const present = pods.filter((pod) => ordinalOf(set, pod) !== undefined);
  const live = present.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const ofRevision = (revision: string): number => live.filter((pod) => podRevision(pod) === revision).length;
  const ready = present.filter(isPodReady).length;
  const updated = ofRevision(updateRevision);
  const replicas = set.spec.replicas ?? 1;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const rolling = set.spec.updateStrategy?.type !== "OnDelete";
  const complete =
    rolling && partition === 0 && updated === present.length && ready === present.length && updated === replicas;
  const { collisionCount, conditions } = set.status ?? {};
  return {
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    replicas: present.length,
    readyReplicas: ready,
    availableReplicas: present.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)).length,
    currentReplicas: complete ? updated : ofRevision(currentRevision),
    updatedReplicas: updated,
    currentRevision: complete ? names.update : names.current,
    updateRevision: names.update,
    collisionCount: collisionCount ?? 0,
    ...(conditions === undefined ? {} : { conditions }),
  };
}
