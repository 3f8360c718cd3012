import { isPodReady, matchesLabels } from "../../objects/index.ts";
import type { Condition, LabelSelector, Pod, PodTemplate } from "../../objects/index.ts";
import { withCondition, withoutCondition } from "../conditions.ts";
import { isPodActive, isPodAvailable, nextAvailability, readySince } from "../pod-availability.ts";

/** What a ReplicaSet and a ReplicationController have in common. */
export interface ReplicaSpec {
  readonly replicas: number;
  readonly selector: LabelSelector;
  readonly minReadySeconds: number;
  readonly template: PodTemplate;
}

export interface ReplicaStatus {
  readonly replicas: number;
  readonly fullyLabeledReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
}

/** How many pods to create, or which to delete. */
export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/**
 * Compares the pods that a set owns with the number it wants. `crowd` says how many pods of the same application
 * run on a node: the fullest nodes lose pods first.
 */
export function planReplicas(
  wanted: number,
  pods: readonly Pod[],
  crowd: (nodeName: string) => number = () => 0,
): ReplicaPlan {
  const active = pods.filter(isPodActive);
  if (active.length <= wanted) return { create: wanted - active.length, remove: [] };
  const ranked = active.sort((a, b) => compareForDeletion(a, b, crowd));
  return { create: 0, remove: ranked.slice(0, active.length - wanted) };
}

const phases: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const deletionCost = "controller.kubernetes.io/pod-deletion-cost";

/** Negative when `a` goes before `b`: the one that serves least, and of equals the youngest. */
function compareForDeletion(a: Pod, b: Pod, crowd: (nodeName: string) => number): number {
  const created = (pod: Pod): number => Date.parse(pod.metadata.creationTimestamp ?? "") || 0;
  const restarts = (pod: Pod): number =>
    (pod.status?.containerStatuses ?? []).reduce((most, { restartCount }) => Math.max(most, restartCount), 0);
  return (
    Number((a.spec.nodeName ?? "") !== "") - Number((b.spec.nodeName ?? "") !== "") ||
    (phases[a.status?.phase ?? "Pending"] ?? 0) - (phases[b.status?.phase ?? "Pending"] ?? 0) ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    cost(a) - cost(b) ||
    crowd(b.spec.nodeName ?? "") - crowd(a.spec.nodeName ?? "") ||
    (readySince(b) ?? 0) - (readySince(a) ?? 0) ||
    restarts(b) - restarts(a) ||
    created(b) - created(a) ||
    (a.metadata.name < b.metadata.name ? 1 : -1)
  );
}

function cost(pod: Pod): number {
  const value = Number(pod.metadata.annotations?.[deletionCost] ?? 0);
  return Number.isInteger(value) ? value : 0;
}

/** The status that these pods amount to. `failure` is why creating or deleting pods did not work just now. */
export function replicaStatus(
  spec: ReplicaSpec,
  generation: number | undefined,
  old: ReplicaStatus | undefined,
  pods: readonly Pod[],
  failure: { readonly reason: "FailedCreate" | "FailedDelete"; readonly message: string } | undefined,
  nowMs: number,
): ReplicaStatus {
  const active = pods.filter(isPodActive);
  const labels = spec.template.metadata?.labels ?? {};
  const conditions =
    failure === undefined
      ? withoutCondition(old?.conditions, "ReplicaFailure")
      : withCondition(old?.conditions, { type: "ReplicaFailure", status: "True", ...failure }, nowMs);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => matchesLabels(labels, pod.metadata.labels)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, spec.minReadySeconds, nowMs)).length,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** Milliseconds until the number of available pods rises by waiting alone; undefined when it does not. */
export function nextReplicaCheck(spec: ReplicaSpec, pods: readonly Pod[], nowMs: number): number | undefined {
  return spec.minReadySeconds === 0 ? undefined : nextAvailability(pods, spec.minReadySeconds, nowMs);
}
