import { fnv1a } from "../../core/index.ts";

/** Sizes of tables; the first that has 25 slots for an endpoint is taken, the last when none has. 251 is what IPVS takes. */
const primes = [251, 1021, 4093, 16_381] as const;

/**
 * A table for Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): each name fills slots in an order of its own, so that
 * a name that goes leaves nearly all others where they are. `turns` are the slots that a name takes in each round.
 */
export function maglevTable(names: readonly string[], turns: readonly number[]): readonly string[] {
  if (names.length === 0) return [];
  const size = primes.find((prime) => prime >= names.length * 25) ?? primes[3];
  const table: (string | undefined)[] = Array.from({ length: size });
  // FNV spreads the last characters of a text badly; addresses differ in little else.
  const places = names.map((name) => ({
    name,
    next: mixed(fnv1a(`offset ${name}`)) % size,
    skip: (mixed(fnv1a(`skip ${name}`)) % (size - 1)) + 1,
  }));
  let filled = 0;
  for (;;) {
    for (const [i, place] of places.entries()) {
      for (let turn = 0; turn < (turns[i] ?? 1); turn++) {
        while (table[place.next] !== undefined) place.next = (place.next + place.skip) % size;
        table[place.next] = place.name;
        if (++filled === size) return table.map((name) => name ?? place.name);
      }
    }
  }
}

/** The last step of MurmurHash3: every bit of the input changes half of the result. */
function mixed(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
