import { sameJson } from "../../core/index.ts";
import { isNodeReady, isNotFound, isPodFinished, objectKey, resources, splitKey } from "../../objects/index.ts";
import type { Node, Pod } from "../../objects/index.ts";
import { withCondition } from "../conditions.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import type { WorkQueue } from "../work-queue.ts";
import { placePod } from "./plan.ts";

/** The scheduler that pods name when they name none. */
const schedulerName = "default-scheduler";

/** Gives pods a node. Decisions are made one after the other, each with those before it in mind. */
export function startScheduler(context: ControllerContext): RunningController {
  const { api, caches, recorder, clock } = context;
  const { pods, nodes } = caches;
  /** Pods with the node that was chosen, until the cache shows it. */
  const assumed = new Map<string, Pod>();
  const waiting = new Set<string>();

  const isOurs = (pod: Pod): boolean =>
    (pod.spec.nodeName ?? "") === "" &&
    !isPodFinished(pod) &&
    pod.metadata.deletionTimestamp === undefined &&
    (pod.spec.schedulerName ?? schedulerName) === schedulerName;

  const reconcile = async (key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(namespace, name);
    waiting.delete(key);
    if (pod === undefined || !isOurs(pod) || assumed.has(key)) return;
    const place = placePod(pod, loads());
    if (place.kind === "none") {
      waiting.add(key);
      recorder.record(pod, "Warning", "FailedScheduling", place.message);
      const reason = { reason: "Unschedulable", message: place.message };
      await writeCondition(pod, { type: "PodScheduled", status: "False", ...reason });
      return;
    }
    assumed.set(key, { ...pod, spec: { ...pod.spec, nodeName: place.name } });
    try {
      await bind(pod, place.name);
      recorder.record(pod, "Normal", "Scheduled", `Successfully assigned ${key} to ${place.name}`);
    } catch (error) {
      assumed.delete(key);
      if (!isNotFound(error)) throw error;
    }
  };

  /** The condition goes first: the node's agent then sees both in one change, and its own status meets no conflict. */
  const bind = async (pod: Pod, nodeName: string): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    await writeCondition(pod, { type: "PodScheduled", status: "True" });
    const body = { metadata: { uid }, spec: { nodeName } };
    await api.patch(resources.pods, namespace, name, { type: "merge", body });
  };

  const writeCondition = async (pod: Pod, condition: Parameters<typeof withCondition>[1]): Promise<void> => {
    const conditions = withCondition(pod.status?.conditions, condition, clock.now());
    if (sameJson(conditions, pod.status?.conditions)) return;
    await api.updateStatus(resources.pods, { ...pod, status: { ...pod.status, conditions } });
  };

  const loads = () => {
    const extra = [...assumed.values()];
    return nodes.list().map((node) => {
      const { name } = node.metadata;
      const live = pods.indexed("node", name).filter((pod) => !isPodFinished(pod) && !assumed.has(objectKey(pod)));
      return { node, pods: [...live, ...extra.filter(({ spec }) => spec.nodeName === name)] };
    });
  };

  const retryAll = (queue: WorkQueue): void => {
    for (const key of waiting) queue.add(key);
  };

  return runController(context, {
    name: "scheduler",
    // A decision is made and remembered without a pause; only the writing of it overlaps.
    concurrency: 8,
    needs: [pods, nodes],
    reconcile,
    watch: (queue) => [
      nodes.subscribe((now, before) => {
        if (now !== undefined && before !== undefined && sameForPlacement(now, before)) return;
        if (now !== undefined) retryAll(queue);
      }),
      pods.subscribe((now, before) => {
        const changed = now ?? before;
        if (changed === undefined) return;
        const key = objectKey(changed);
        const placed = now === undefined || (now.spec.nodeName ?? "") !== "";
        if (placed) {
          assumed.delete(key);
          waiting.delete(key);
        }
        if (now !== undefined && before === undefined && isOurs(now)) queue.add(key);
        // Room or another balance may satisfy those that wait.
        if (now === undefined && waiting.size > 0) retryAll(queue);
      }),
    ],
  });
}

function sameForPlacement(a: Node, b: Node): boolean {
  return (
    isNodeReady(a) === isNodeReady(b) && sameJson(a.spec, b.spec) && sameJson(a.metadata.labels, b.metadata.labels)
  );
}
