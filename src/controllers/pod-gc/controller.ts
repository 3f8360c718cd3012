import { isPodFinished, objectKey, resources, splitKey } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { withCondition } from "../conditions.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { judgePod } from "./plan.ts";

/** Removes pods whose node is gone for `nodeGoneDelayMs`, and those that were deleted before they had a node. */
export function startPodGarbageCollector(
  context: ControllerContext,
  options: { readonly nodeGoneDelayMs?: number } = {},
): RunningController {
  const { api, caches, clock } = context;
  const { pods, nodes } = caches;
  const delay = options.nodeGoneDelayMs ?? 40_000;
  const goneSince = new Map<string, number>();
  const nodeExists = (name: string): boolean => nodes.get(undefined, name) !== undefined;

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(namespace, name);
    const judgement = pod === undefined ? "none" : judgePod(pod, nodeExists);
    if (pod === undefined || judgement === "none") return void goneSince.delete(key);
    if (judgement === "node-gone") {
      const since = goneSince.get(key) ?? clock.monotonic();
      goneSince.set(key, since);
      const left = since + delay - clock.monotonic();
      if (left > 0) return { againAfterMs: left };
      if (await nodeLives(pod.spec.nodeName ?? "")) return;
      await markFailed(pod);
    }
    goneSince.delete(key);
    await unlessGone(api.delete(resources.pods, namespace, name, { gracePeriodSeconds: 0 }));
  };

  const nodeLives = async (name: string): Promise<boolean> =>
    (await unlessGone(api.get(resources.nodes, undefined, name))) !== undefined;

  const markFailed = async (pod: Pod): Promise<void> => {
    if (isPodFinished(pod)) return;
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByPodGC",
      message: "PodGC: node no longer exists",
    } as const;
    const conditions = withCondition(pod.status?.conditions, condition, clock.now());
    await unlessGone(
      api.updateStatus(resources.pods, { ...pod, status: { ...pod.status, phase: "Failed", conditions } }),
    );
  };

  return runController(context, {
    name: "pod-gc",
    needs: [pods, nodes],
    reconcile,
    watch: (queue) => [
      pods.subscribe((now) => {
        if (now !== undefined && judgePod(now, nodeExists) !== "none") queue.add(objectKey(now));
      }),
      nodes.subscribe((now, before) => {
        if (now !== undefined || before === undefined) return;
        for (const pod of pods.indexed("node", before.metadata.name)) queue.add(objectKey(pod));
      }),
    ],
  });
}
