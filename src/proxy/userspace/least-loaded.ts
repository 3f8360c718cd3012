import type { Backend } from "./backend.ts";
import { inactiveConnections } from "./backend.ts";
import type { Picker, PickRequest } from "./picker.ts";

/** An open connection counts as much as this many that have ended (ip_vs_dest_conn_overhead in include/net/ip_vs.h). */
const activeFactor = 256;

/** `lc`: the fewest connections, whatever the weights (net/netfilter/ipvs/ip_vs_lc.c). */
export const leastConnections: Picker = (backends, request) =>
  least(backends, request, (backend) => load(backend, request.now));

/** `wlc`: the fewest connections for its weight (net/netfilter/ipvs/ip_vs_wlc.c). */
export const weightedLeastConnections: Picker = (backends, request) =>
  least(backends, request, (backend) => load(backend, request.now) / backend.weight);

/** `sed`: the shortest expected delay, as if the new connection were there already (net/netfilter/ipvs/ip_vs_sed.c). */
export const shortestExpectedDelay: Picker = (backends, request) =>
  least(backends, request, ({ active, weight }) => (active + 1) / weight);

/** `nq`: never queue: one that has nothing to do, or else as `sed` (net/netfilter/ipvs/ip_vs_nq.c). */
export const neverQueue: Picker = (backends, request) =>
  backends.find((backend) => backend.active === 0 && request.isUsable(backend)) ??
  shortestExpectedDelay(backends, request);

function load(backend: Backend, now: number): number {
  return backend.active * activeFactor + inactiveConnections(backend, now);
}

/** The one with the smallest cost; the first of equals. */
function least(
  backends: readonly Backend[],
  { isUsable }: PickRequest,
  cost: (backend: Backend) => number,
): Backend | undefined {
  let best: Backend | undefined;
  let bestCost = Infinity;
  for (const backend of backends) {
    if (!isUsable(backend)) continue;
    const own = cost(backend);
    if (own < bestCost) {
      best = backend;
      bestCost = own;
    }
  }
  return best;
}
