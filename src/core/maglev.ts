import { fnv1a, spread } from "./hash.ts";

/**
 * A table for Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): for each of its `size` slots, a prime number, the index
 * of the name that has it. Each name fills slots in an order of its own, so that one that goes leaves nearly all others where
 * they are. `weights` are in proportion to the slots: the heaviest name takes one in each round, the others one as often as is due to
 * them (as in the weighted tables of Envoy), and all of them one in the first. The order of the names does not matter to who gets which slot.
 */
export function maglevTable(names: readonly string[], weights: readonly number[], size: number): Uint32Array {
  if (names.length === 0) return new Uint32Array();
  const order = names.map((_, index) => index).sort((a, b) => ((names[a] ?? "") < (names[b] ?? "") ? -1 : 1));
  // FNV spreads the last characters of a text badly; addresses differ in little else.
  const next = names.map((name) => spread(fnv1a(`offset ${name}`)) % size);
  const skips = names.map((name) => (spread(fnv1a(`skip ${name}`)) % (size - 1)) + 1);
  const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 1);
  const taken = names.map(() => 0);
  const table = new Uint32Array(size);
  const isTaken = new Uint8Array(size);
  for (let round = 0, filled = 0; ; round++) {
    for (const index of order) {
      if ((taken[index] ?? 0) * heaviest > round * (weights[index] ?? 1)) continue;
      const skip = skips[index] ?? 1;
      let slot = next[index] ?? 0;
      while (isTaken[slot] === 1) slot = (slot + skip) % size;
      isTaken[slot] = 1;
      table[slot] = index;
      taken[index] = (taken[index] ?? 0) + 1;
      next[index] = (slot + skip) % size;
      filled++;
      if (filled === size) return table;
    }
  }
}
