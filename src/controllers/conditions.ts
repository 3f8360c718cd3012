import { formatTime } from "../objects/index.ts";
import type { Condition } from "../objects/index.ts";

/** The condition of this type, if there is one. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * `conditions` with `next` in place of the one of its type. The transition time moves only when the status changes;
 * the same list comes back when nothing differs.
 */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, "lastTransitionTime">,
  nowMs: number,
): readonly Condition[] {
  const list = conditions ?? [];
  const old = findCondition(list, next.type);
  if (old?.status === next.status && old.reason === next.reason && old.message === next.message) return list;
  const since = old !== undefined && old.status === next.status ? old.lastTransitionTime : undefined;
  const condition: Condition = { ...next, lastTransitionTime: since ?? formatTime(nowMs) };
  return old === undefined ? [...list, condition] : list.map((other) => (other === old ? condition : other));
}

/** `conditions` without the one of this type. */
export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): readonly Condition[] {
  const list = conditions ?? [];
  return list.some((condition) => condition.type === type) ? list.filter((other) => other.type !== type) : list;
}
