import { fnv1a } from "../../core/index.ts";
import type { Backend } from "./backend.ts";
import { mixed } from "./hash-table.ts";
import { commonDivisor } from "./picker.ts";
import type { Picker } from "./picker.ts";

/** The kernel's choice of table sizes (net/netfilter/ipvs/ip_vs_mh.c); primes, so that every step visits all places. */
const primes = [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071] as const;

/** Places for each backend, so that shares differ by a few percent at most (Maglev paper, section 5.3). */
const placesForEach = 100;

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
      table = maglevTable(backends);
    }
    const hash = mixed(fnv1a(client));
    // One that cannot be used is replaced by that of another place, different for each client.
    for (let step = 0; step < table.length; step++) {
      const backend =
        backends[table[step === 0 ? hash % table.length : (hash + mixed(hash + step)) % table.length] ?? 0];
      if (backend !== undefined && isUsable(backend)) return backend;
    }
    return backends.find(isUsable);
  };
}

/** For each place the index of its backend. The order of `backends` does not matter to who gets which place. */
export function maglevTable(backends: readonly Backend[]): Uint32Array {
  const divisor = commonDivisor(backends);
  const turns = backends.map(({ weight }) => weight / divisor);
  const wanted = turns.reduce((sum, turn) => sum + turn, 0) * placesForEach;
  const size = primes.find((prime) => prime >= wanted) ?? 131071;
  const order = backends
    .map((_, index) => index)
    .sort((a, b) => ((backends[a]?.key ?? "") < (backends[b]?.key ?? "") ? -1 : 1));
  const offsets = backends.map(({ key }) => mixed(fnv1a(key)) % size);
  const skips = backends.map(({ key }) => (mixed(fnv1a(`${key} skip`)) % (size - 1)) + 1);
  const table = new Uint32Array(size);
  const isTaken = new Uint8Array(size);
  for (let filled = 0; ;) {
    for (const index of order) {
      const skip = skips[index] ?? 1;
      for (let turn = turns[index] ?? 1; turn > 0; turn--) {
        let place = offsets[index] ?? 0;
        while (isTaken[place] === 1) place = (place + skip) % size;
        isTaken[place] = 1;
        table[place] = index;
        offsets[index] = (place + skip) % size;
        filled++;
        if (filled === size) return table;
      }
    }
  }
}
