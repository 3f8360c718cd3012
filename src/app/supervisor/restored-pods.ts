import { formatTime, resources } from "../../objects/index.ts";
import type { ClusterApi, Condition, Pod } from "../../objects/index.ts";

/** The conditions that say that a pod answers. */
const readyTypes = ["Ready", "ContainersReady"];

/**
 * Takes back what an earlier life of the lab said of its pods: none of them runs yet. Their agents write it anew when they do, and
 * until then no Service leads to them.
 */
export async function forgetReadiness(api: ClusterApi, nowMs: number): Promise<void> {
  const { items } = await api.list(resources.pods);
  for (const pod of items) {
    const conditions = pod.status?.conditions ?? [];
    if (!conditions.some(saysReady)) continue;
    await api.updateStatus(resources.pods, {
      ...pod,
      status: { ...pod.status, conditions: withdrawn(conditions, nowMs) },
    } satisfies Pod);
  }
}

function saysReady({ type, status }: Condition): boolean {
  return status === "True" && readyTypes.includes(type);
}

function withdrawn(conditions: readonly Condition[], nowMs: number): readonly Condition[] {
  return conditions.map((condition) =>
    saysReady(condition)
      ? {
          ...condition,
          status: "False",
          reason: "LabRestarted",
          message: "the lab was started again",
          lastTransitionTime: formatTime(nowMs),
        }
      : condition,
  );
}
