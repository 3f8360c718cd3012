import type { Condition, Node, Pod, Taint } from "../../objects/index.ts";
import { formatTime } from "../../objects/index.ts";
import { findCondition, withCondition } from "../conditions.ts";
import { tolerates } from "../node-match.ts";

/** The taint of nodes that nobody hears from. */
export const unreachableTaint = "node.kubernetes.io/unreachable";
const lostReason = "NodeStatusUnknown";
const lostMessage = "Kubelet stopped posting node status.";
/** Marks pods that this controller made unready, so that it makes only those ready again. */
const podReason = "NodeNotReady";

/** The node as it is when its heartbeat stopped; the same object when it says so already. */
export function lostNode(node: Node, nowMs: number): Node {
  const conditions = (node.status?.conditions ?? []).reduce<readonly Condition[]>(
    (list, { type, lastHeartbeatTime }) =>
      withCondition(
        list,
        {
          type,
          status: "Unknown",
          reason: lostReason,
          message: lostMessage,
          ...(lastHeartbeatTime === undefined ? {} : { lastHeartbeatTime }),
        },
        nowMs,
      ),
    node.status?.conditions ?? [],
  );
  const ready = withCondition(
    conditions,
    { type: "Ready", status: "Unknown", reason: lostReason, message: lostMessage },
    nowMs,
  );
  const kept = findCondition(conditions, "Ready") === undefined ? ready : conditions;
  return kept === node.status?.conditions ? node : { ...node, status: { ...node.status, conditions: kept } };
}

/** Whether this controller has declared the node lost. */
export function isLost(node: Node): boolean {
  const ready = findCondition(node.status?.conditions, "Ready");
  return ready?.status === "Unknown" && ready.reason === lostReason;
}

/** The node's taints with or without those of an unreachable node; undefined when they are right. */
export function planTaints(node: Node, lost: boolean, nowMs: number): readonly Taint[] | undefined {
  const taints = node.spec.taints ?? [];
  const ours = taints.filter(({ key }) => key === unreachableTaint);
  if (lost ? ours.length === 2 : ours.length === 0) return undefined;
  const others = taints.filter(({ key }) => key !== unreachableTaint);
  if (!lost) return others;
  const timeAdded = formatTime(nowMs);
  return [
    ...others,
    { key: unreachableTaint, effect: "NoSchedule", timeAdded },
    { key: unreachableTaint, effect: "NoExecute", timeAdded },
  ];
}

/** The pod's conditions for a lost or a returned node; undefined when nothing is to change. */
export function planPodConditions(pod: Pod, lost: boolean, nowMs: number): readonly Condition[] | undefined {
  const { conditions } = pod.status ?? {};
  const ready = findCondition(conditions, "Ready");
  if (ready === undefined) return undefined;
  if (lost) {
    if (ready.status !== "True") return undefined;
    return withCondition(conditions, { type: "Ready", status: "False", reason: podReason }, nowMs);
  }
  // The agent's own word on the containers still stands.
  if (ready.status !== "False" || ready.reason !== podReason) return undefined;
  if (findCondition(conditions, "ContainersReady")?.status === "False") return undefined;
  return withCondition(conditions, { type: "Ready", status: "True" }, nowMs);
}

/** What the API server lets every pod tolerate that says nothing itself (admission DefaultTolerationSeconds). */
const admittedSeconds = 300;

/**
 * Milliseconds after which a pod leaves a lost node: what it tolerates; `defaultMs` when it says nothing or has what
 * every pod is given; undefined when it stays for ever, as daemons do.
 */
export function evictionDelayMs(pod: Pod, defaultMs: number): number | undefined {
  const taint: Taint = { key: unreachableTaint, effect: "NoExecute" };
  const covering = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  if (covering.length === 0) return defaultMs;
  const limited = covering.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
  if (limited.length === 0) return undefined;
  const seconds = Math.max(0, Math.min(...limited));
  return seconds === admittedSeconds ? defaultMs : seconds * 1000;
}
