import { commonDivisor, fnv1a, spread } from "../../core/index.ts";
import type { Backend } from "./backend.ts";
import type { Picker } from "./picker.ts";

/** `sh`: by the client's address, in proportion to the weights (net/netfilter/ipvs/ip_vs_sh.c). */
export function sourceHash(): Picker {
  return hashPicker("client", ({ weight }) => weight);
}

/** `dh`: by the address that the client connected to, without weights (net/netfilter/ipvs/ip_vs_dh.c). */
export function destinationHash(): Picker {
  return hashPicker("destination", () => 1);
}

/**
 * As in the kernel, a table of buckets that name backends in turn. When the bucket's backend cannot be used, the next
 * buckets are asked (the kernel's `sh-fallback`).
 */
function hashPicker(key: "client" | "destination", weightOf: (backend: Backend) => number): Picker {
  let known: readonly Backend[] | undefined;
  let table: Uint32Array = new Uint32Array();
  return (backends, request) => {
    if (backends.length === 0) return undefined;
    if (backends !== known) {
      known = backends;
      table = fillTable(backends, weightOf);
    }
    const start = spread(fnv1a(request[key]));
    for (let step = 0; step < table.length; step++) {
      const backend = backends[table[(start + step) % table.length] ?? 0];
      if (backend !== undefined && request.isUsable(backend)) return backend;
    }
    return undefined;
  };
}

/** The kernel's table has 256 buckets and leaves out what does not fit; this one grows with the backends. */
const smallestTable = 256;
const biggestTable = 65_536;

function fillTable(backends: readonly Backend[], weightOf: (backend: Backend) => number): Uint32Array {
  const divisor = commonDivisor(backends.map(({ weight }) => weight));
  const weights = backends.map((backend) => Math.max(1, weightOf(backend) / divisor));
  const turn = weights.reduce((sum, weight) => sum + weight, 0);
  let size = smallestTable;
  while (size < 4 * turn && size < biggestTable) size *= 2;
  const table = new Uint32Array(size);
  // A turn that is longer than the table is scaled down, and a shorter one repeated.
  const repeats = Math.max(1, Math.floor(size / turn));
  const total = turn * repeats;
  let filled = 0;
  let weighed = 0;
  for (let round = 0; round < repeats; round++) {
    for (const [index, weight] of weights.entries()) {
      weighed += weight;
      const end = Math.round((weighed / total) * size);
      while (filled < end) table[filled++] = index;
    }
  }
  return table;
}
