import { isPodFinished, isPodReady } from "../objects/index.ts";
import type { Pod } from "../objects/index.ts";
import { findCondition } from "./conditions.ts";

/** Whether the pod runs or will: neither finished nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

/** When the pod became ready, in milliseconds; undefined when it is not. */
export function readySince(pod: Pod): number | undefined {
  if (!isPodReady(pod)) return undefined;
  return Date.parse(findCondition(pod.status?.conditions, "Ready")?.lastTransitionTime ?? "") || 0;
}

/** Milliseconds until a ready pod has been so for `minReadySeconds`; 0 = available; undefined = not ready. */
export function untilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const since = readySince(pod);
  if (since === undefined) return undefined;
  return minReadySeconds === 0 ? 0 : Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

/** Whether the pod has been ready for long enough. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  return untilAvailable(pod, minReadySeconds, nowMs) === 0;
}

/** The shortest time until another of these pods becomes available; undefined when none will by waiting. */
export function nextAvailability(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number | undefined {
  let next: number | undefined;
  for (const pod of pods) {
    const wait = untilAvailable(pod, minReadySeconds, nowMs);
    if (wait !== undefined && wait > 0 && (next === undefined || wait < next)) next = wait;
  }
  return next;
}
