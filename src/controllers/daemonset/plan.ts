import { isPodFinished, isPodReady } from "../../objects/index.ts";
import type { DaemonSet, Node, Pod, PodSpec, Toleration } from "../../objects/index.ts";
import { resolveIntOrPercent } from "../int-or-percent.ts";
import { matchesNodeSelector, untoleratedTaint } from "../node-match.ts";
import { isPodAvailable } from "../pod-availability.ts";
import { revisionHashLabel } from "../revision-history.ts";

/** What a daemon's pods put up with on every node, beside their own tolerations. */
export const daemonTolerations: readonly Toleration[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];

/** Whether a node shall get a pod, and whether one that is there may stay. */
export function judgeNode(spec: PodSpec, node: Node): { readonly run: boolean; readonly stay: boolean } {
  if (spec.nodeName !== undefined && spec.nodeName !== "" && spec.nodeName !== node.metadata.name) {
    return { run: false, stay: false };
  }
  if (!matchesNodeSelector(spec, node)) return { run: false, stay: false };
  const network =
    spec.hostNetwork === true ? [{ key: "node.kubernetes.io/network-unavailable", operator: "Exists" }] : [];
  const tolerations = [...(spec.tolerations ?? []), ...daemonTolerations, ...network];
  if (untoleratedTaint(tolerations, node, ["NoExecute"]) !== undefined) return { run: false, stay: false };
  return { run: untoleratedTaint(tolerations, node, ["NoSchedule"]) === undefined, stay: true };
}

/** What the controller sees of one DaemonSet. `revision` is the value of the newest pods' revision label. */
export interface DaemonSetView {
  readonly set: DaemonSet;
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  readonly revision: string;
}

export interface DaemonSetPlan {
  /** Names of nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  readonly status: NonNullable<DaemonSet["status"]>;
}

/** One pod on every node that takes it; newer templates replace pods within the limits of the rolling update. */
export function planDaemonSet(view: DaemonSetView, nowMs: number): DaemonSetPlan {
  const { set, nodes, revision } = view;
  const minReady = set.spec.minReadySeconds ?? 0;
  const byNode = new Map<string, Pod[]>();
  for (const pod of view.pods) {
    const name = pod.spec.nodeName ?? "";
    byNode.set(name, [...(byNode.get(name) ?? []), pod]);
  }
  const create: string[] = [];
  const remove: Pod[] = [];
  const running: { readonly node: string; readonly pods: readonly Pod[] }[] = [];
  const counts = { current: 0, misscheduled: 0, desired: 0, ready: 0, available: 0, updated: 0 };
  for (const node of nodes) {
    const { name } = node.metadata;
    const present = (byNode.get(name) ?? []).sort(byAge);
    byNode.delete(name);
    const { run, stay } = judgeNode(set.spec.template.spec, node);
    const live = present.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const finished = live.filter(isPodFinished);
    const active = live.filter((pod) => !isPodFinished(pod));
    remove.push(...finished);
    if (run) {
      counts.desired++;
      if (active.length > 0) counts.current++;
      if (active.some(isPodReady)) counts.ready++;
      if (active.some((pod) => isPodAvailable(pod, minReady, nowMs))) counts.available++;
      if (active.some((pod) => isOf(pod, revision))) counts.updated++;
      if (present.length === 0) create.push(name);
      else running.push({ node: name, pods: active });
    } else {
      if (active.length > 0) counts.misscheduled++;
      if (!stay) remove.push(...active);
    }
  }
  const update = planUpdate(view, running, counts.desired, nowMs);
  return {
    create: [...create, ...update.create],
    remove: [...remove, ...update.remove],
    status: {
      ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
      currentNumberScheduled: counts.current,
      numberMisscheduled: counts.misscheduled,
      desiredNumberScheduled: counts.desired,
      numberReady: counts.ready,
      updatedNumberScheduled: counts.updated,
      numberAvailable: counts.available,
      numberUnavailable: counts.desired - counts.available,
      ...(set.status?.collisionCount === undefined ? {} : { collisionCount: set.status.collisionCount }),
      ...(set.status?.conditions === undefined ? {} : { conditions: set.status.conditions }),
    },
  };
}

function planUpdate(
  view: DaemonSetView,
  running: readonly { readonly node: string; readonly pods: readonly Pod[] }[],
  desired: number,
  nowMs: number,
): { readonly create: readonly string[]; readonly remove: readonly Pod[] } {
  const { set, revision } = view;
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  const create: string[] = [];
  const remove: Pod[] = [];
  const rolling = type !== "OnDelete";
  const maxSurge = rolling ? resolveIntOrPercent(rollingUpdate?.maxSurge ?? 0, desired, "up") : 0;
  const unavailable = resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, desired, "up");
  const serves = (pod: Pod): boolean => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs);
  let budget = maxSurge > 0 ? 0 : Math.max(1, unavailable);
  for (const { pods } of running) if (!pods.some(serves)) budget--;
  let surge = maxSurge - running.filter(({ pods }) => pods.length > 1).length;
  for (const { node, pods } of running) {
    const old = pods.filter((pod) => !isOf(pod, revision));
    const fresh = pods.filter((pod) => isOf(pod, revision));
    // Two of one template: the older one stays.
    remove.push(...fresh.slice(1), ...old.slice(1));
    const last = old[0];
    if (last === undefined || !rolling) continue;
    if (fresh.some(serves)) remove.push(last);
    else if (maxSurge > 0) {
      if (fresh.length > 0) continue;
      if (!serves(last)) remove.push(last);
      else if (surge-- > 0) create.push(node);
    } else if (!serves(last)) remove.push(last);
    else if (budget-- > 0) remove.push(last);
  }
  return { create, remove };
}

function isOf(pod: Pod, revision: string): boolean {
  return pod.metadata.labels?.[revisionHashLabel] === revision;
}

function byAge(a: Pod, b: Pod): number {
  return (a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? -1 : 1;
}
