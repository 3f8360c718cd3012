import type { Random } from "../core/index.ts";
import type { UpstreamState } from "./upstream-health.ts";

/** In which order servers are asked: beginning with any, with the next one each time, or always with the first. */
export type UpstreamPolicy = "random" | "round_robin" | "sequential";

const ranks: Readonly<Record<UpstreamState, number>> = { healthy: 0, suspect: 1, down: 2 };

/**
 * The servers (by index) in the order to ask them. Those that failed lately come last, those that are down not at all;
 * when all are down it is one of them at random, because being sure of nothing is better than answering nobody.
 */
export function upstreamOrder(
  states: readonly UpstreamState[],
  policy: UpstreamPolicy,
  turn: number,
  random: Random,
): readonly number[] {
  const count = states.length;
  if (count === 0) return [];
  const start = policy === "sequential" ? 0 : policy === "round_robin" ? turn % count : Math.floor(random() * count);
  const turned = Array.from({ length: count }, (_, i) => (start + i) % count);
  const usable = turned.filter((index) => states[index] !== "down");
  if (usable.length === 0) return [Math.floor(random() * count)];
  const rank = (index: number) => ranks[states[index] ?? "down"];
  return usable.sort((a, b) => rank(a) - rank(b));
}
