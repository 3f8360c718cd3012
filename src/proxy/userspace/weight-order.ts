import type { Backend } from "./backend.ts";
import type { Picker } from "./picker.ts";

/** `fo`: fail over: the one with the biggest weight takes everything as long as it works (net/netfilter/ipvs/ip_vs_fo.c). */
export const failOver: Picker = (backends, { isUsable }) => heaviest(backends, isUsable);

/**
 * `ovf`: overflow: the one with the biggest weight until it has as many connections as its weight, then the next; when
 * all are full, nobody (net/netfilter/ipvs/ip_vs_ovf.c).
 */
export const overflow: Picker = (backends, { isUsable }) =>
  heaviest(backends, (backend) => backend.active < backend.weight && isUsable(backend));

function heaviest(backends: readonly Backend[], isUsable: (backend: Backend) => boolean): Backend | undefined {
  let best: Backend | undefined;
  for (const backend of backends) {
    if (isUsable(backend) && (best === undefined || backend.weight > best.weight)) best = backend;
  }
  return best;
}
