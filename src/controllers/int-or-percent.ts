import type { IntOrString } from "../objects/index.ts";

/** A number, or a percentage of `total` rounded up or down. Unreadable text counts as 0: validation refuses it. */
export function resolveIntOrPercent(value: IntOrString, total: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const match = /^(\d+)%$/.exec(value);
  if (match === null) return 0;
  const exact = (Number(match[1]) * total) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}
