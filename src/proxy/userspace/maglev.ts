import { commonDivisor, fnv1a, maglevTable, spread } from "../../core/index.ts";
import type { Backend } from "./backend.ts";
import type { Picker } from "./picker.ts";

/** The kernel's choice of table sizes (net/netfilter/ipvs/ip_vs_mh.c); primes, so that every step visits all slots. */
const primes = [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071] as const;

/** Slots for each backend, so that shares differ by a few percent at most (Maglev paper, section 5.3). */
const slotsForEach = 100;

/**
 * `mh`: Maglev hashing of the client's address. Equal backends give equal tables on every node and after a restart, and one
 * that goes moves few clients of the others (Eisenbud et al., NSDI 2016; net/netfilter/ipvs/ip_vs_mh.c).
 */
export function maglev(): Picker {
  let known: readonly Backend[] | undefined;
  let table: Uint32Array = new Uint32Array();
  return (backends, { client, isUsable }) => {
    if (backends.length === 0) return undefined;
    if (backends !== known) {
      known = backends;
      table = maglevSlots(backends);
    }
    const hash = spread(fnv1a(client));
    // One that cannot be used is replaced by that of another slot, different for each client.
    for (let step = 0; step < table.length; step++) {
      const backend =
        backends[table[step === 0 ? hash % table.length : (hash + spread(hash + step)) % table.length] ?? 0];
      if (backend !== undefined && isUsable(backend)) return backend;
    }
    return backends.find(isUsable);
  };
}

/** For each slot the index of its backend; weights decide how many a backend has. */
export function maglevSlots(backends: readonly Backend[]): Uint32Array {
  const weights = backends.map(({ weight }) => weight);
  const divisor = commonDivisor(weights);
  const turns = weights.map((weight) => weight / divisor);
  const wanted = turns.reduce((sum, turn) => sum + turn, 0) * slotsForEach;
  const names = backends.map(({ key }) => key);
  return maglevTable(names, turns, primes.find((prime) => prime >= wanted) ?? 131071);
}
