import { commonDivisor } from "../../core/index.ts";
import type { Random } from "../../core/index.ts";
import type { Backend } from "./backend.ts";
import type { Picker } from "./picker.ts";

/** `random`: each with a probability that is its share of the weights, as nftables and iptables choose. */
export function randomPicker(random: Random): Picker {
  return (backends, { isUsable }) => {
    let sum = 0;
    for (const backend of backends) if (isUsable(backend)) sum += backend.weight;
    let rest = random() * sum;
    let last: Backend | undefined;
    for (const backend of backends) {
      if (!isUsable(backend)) continue;
      last = backend;
      rest -= backend.weight;
      if (rest < 0) return backend;
    }
    return last;
  };
}

/** `rr`: one after the other, whatever their weights (net/netfilter/ipvs/ip_vs_rr.c). */
export function roundRobin(): Picker {
  const place = placeInList();
  return (backends, { isUsable }) => {
    const start = place.in(backends);
    for (let step = 1; step <= backends.length; step++) {
      const index = (start + step) % backends.length;
      const backend = backends[index];
      if (backend !== undefined && isUsable(backend)) return place.take(index, backend);
    }
    return undefined;
  };
}

/**
 * `wrr`: in rounds of a falling threshold; in each round those whose weight reaches it get one
 * (net/netfilter/ipvs/ip_vs_wrr.c). So heavy ones are spread over the turn, and equal weights give `rr`.
 */
export function weightedRoundRobin(): Picker {
  const place = placeInList();
  let known: readonly Backend[] | undefined;
  let biggest = 0;
  let divisor = 1;
  let threshold = 0;
  return (backends, { isUsable }) => {
    if (backends !== known) {
      known = backends;
      biggest = backends.reduce((max, { weight }) => Math.max(max, weight), 0);
      divisor = commonDivisor(backends.map(({ weight }) => weight));
      if (threshold === 0 || threshold > biggest) threshold = biggest;
      threshold = Math.ceil(threshold / divisor) * divisor;
    }
    if (!backends.some(isUsable)) return undefined;
    for (let index = place.in(backends) + 1; ; index++) {
      if (index >= backends.length) {
        index = 0;
        threshold -= divisor;
        if (threshold <= 0) threshold = biggest;
      }
      const backend = backends[index];
      if (backend !== undefined && backend.weight >= threshold && isUsable(backend)) return place.take(index, backend);
    }
  };
}

/** Where in a list the last choice was. When the list changes, the turn goes on after the same backend. */
function placeInList(): {
  readonly in: (backends: readonly Backend[]) => number;
  readonly take: (index: number, backend: Backend) => Backend;
} {
  let known: readonly Backend[] | undefined;
  let last: Backend | undefined;
  let place = -1;
  return {
    in(backends) {
      if (backends !== known) {
        const found = last === undefined ? -1 : backends.indexOf(last);
        place = found >= 0 ? found : Math.min(place, backends.length) - 1;
        if (place < -1) place = -1;
        known = backends;
      }
      return place;
    },
    take(index, backend) {
      place = index;
      last = backend;
      return backend;
    },
  };
}
