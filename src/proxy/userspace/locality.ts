import type { Ip } from "../../core/index.ts";
import type { Backend } from "./backend.ts";
import { inactiveConnections } from "./backend.ts";
import { weightedLeastConnections } from "./least-loaded.ts";
import type { Picker } from "./picker.ts";

/**
 * `lblc`: all clients of one destination address share a backend, until it is overloaded while another one idles
 * (net/netfilter/ipvs/ip_vs_lblc.c). A new one is chosen as by `wlc`.
 */
export function localityLeastConnections(): Picker {
  const homes = new Map<Ip, Backend>();
  return (backends, request) => {
    const home = homes.get(request.destination);
    if (home !== undefined && backends.includes(home) && request.isUsable(home) && !isOverloaded(home, backends)) {
      return home;
    }
    const found = weightedLeastConnections(backends, request);
    if (found !== undefined) homes.set(request.destination, found);
    return found;
  };
}

/** After this long without a change a set loses its busiest backend (the kernel's `lblcr_expiration`). */
const setExpirationMs = 24 * 60 * 60 * 1000;

/**
 * `lblcr`: the same with a set of backends for each destination: the least loaded of the set serves, and an overloaded set
 * gets one more (net/netfilter/ipvs/ip_vs_lblcr.c).
 */
export function localityWithReplication(): Picker {
  const sets = new Map<Ip, { members: readonly Backend[]; changedAt: number }>();
  return (backends, request) => {
    const { destination, now } = request;
    const set = sets.get(destination) ?? { members: [], changedAt: now };
    sets.set(destination, set);
    set.members = set.members.filter((member) => backends.includes(member));
    const found = weightedLeastConnections(set.members, request);
    if (set.members.length > 1 && now - set.changedAt > setExpirationMs) {
      const busiest = set.members.reduce((one, other) => (loadOf(other, now) > loadOf(one, now) ? other : one));
      set.members = set.members.filter((member) => member !== busiest);
      set.changedAt = now;
    }
    if (found !== undefined && !isOverloaded(found, backends)) return found;
    const added = weightedLeastConnections(backends, request);
    if (added !== undefined && !set.members.includes(added)) {
      set.members = [...set.members, added];
      set.changedAt = now;
    }
    return added;
  };
}

/** More connections than its weight, while another one has less than half of its own. */
function isOverloaded(backend: Backend, backends: readonly Backend[]): boolean {
  return backend.active > backend.weight && backends.some(({ active, weight }) => active * 2 < weight);
}

function loadOf(backend: Backend, now: number): number {
  return (backend.active * 256 + inactiveConnections(backend, now)) / backend.weight;
}
