import { maglevTable } from "../../core/index.ts";

/** Sizes of tables; the first that has enough slots is taken, the last when none has. 251 is what IPVS takes. */
const primes = [251, 1021, 4093, 16_381] as const;

/**
 * The addresses of a list in the order of a Maglev table, in proportion to their weights: 25 slots for an endpoint, and at least 10 for the
 * lightest, while there is room.
 */
export function maglevSlots(addresses: readonly string[], weights: readonly number[]): readonly string[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const lightest = weights.reduce((least, weight) => Math.min(least, weight), Infinity);
  const wanted = Math.max(addresses.length * 25, (total * 10) / lightest);
  const size = primes.find((prime) => prime >= wanted) ?? primes[3];
  return Array.from(maglevTable(addresses, weights, size), (index) => addresses[index] ?? "");
}
