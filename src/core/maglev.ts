import { fnv1a, spread } from "./hash.ts";

/**
 * A table for Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): for each of its `size` slots, a prime number, the index
 * of the name that has it. Each name fills slots in an order of its own, so that one that goes leaves nearly all others where
 * they are; `turns` are the slots that it takes in each round. The order of the names does not matter to who gets which slot.
 */
export function maglevTable(names: readonly string[], turns: readonly number[], size: number): Uint32Array {
  if (names.length === 0) return new Uint32Array();
  const order = names.map((_, index) => index).sort((a, b) => ((names[a] ?? "") < (names[b] ?? "") ? -1 : 1));
  // FNV spreads the last characters of a text badly; addresses differ in little else.
  const next = names.map((name) => spread(fnv1a(`offset ${name}`)) % size);
  const skips = names.map((name) => (spread(fnv1a(`skip ${name}`)) % (size - 1)) + 1);
  const table = new Uint32Array(size);
  const isTaken = new Uint8Array(size);
  for (let filled = 0; ;) {
    for (const index of order) {
      const skip = skips[index] ?? 1;
      for (let turn = turns[index] ?? 1; turn > 0; turn--) {
        let slot = next[index] ?? 0;
        while (isTaken[slot] === 1) slot = (slot + skip) % size;
        isTaken[slot] = 1;
        table[slot] = index;
        next[index] = (slot + skip) % size;
        filled++;
        if (filled === size) return table;
      }
    }
  }
}
