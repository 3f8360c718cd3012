import { weightsAnnotation } from "../../model/index.ts";
import type { EndpointSlice } from "../../objects/index.ts";
import type { SlicePlan } from "./plan.ts";

/**
 * Adds to a plan what makes every slice carry the weights of its endpoints. `kept` are the slices that are there;
 * `weights` has the addresses whose weight is not 1.
 */
export function withWeights(
  plan: SlicePlan,
  kept: readonly EndpointSlice[],
  weights: ReadonlyMap<string, number>,
): SlicePlan {
  const weighed = (slice: EndpointSlice): EndpointSlice => {
    const text = weightsText(slice, weights);
    if (slice.metadata.annotations?.[weightsAnnotation] === text) return slice;
    const { [weightsAnnotation]: _before, ...others } = slice.metadata.annotations ?? {};
    const { annotations: _all, ...metadata } = slice.metadata;
    const annotations = text === undefined ? others : { ...others, [weightsAnnotation]: text };
    return { ...slice, metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations } };
  };
  const planned = new Set([...plan.update, ...plan.remove].map(({ metadata }) => metadata.name));
  const changed = kept.flatMap((slice) => {
    if (planned.has(slice.metadata.name) || slice.metadata.deletionTimestamp !== undefined) return [];
    const now = weighed(slice);
    return now === slice ? [] : [now];
  });
  return { ...plan, create: plan.create.map(weighed), update: [...plan.update.map(weighed), ...changed] };
}

/** The annotation's text, in the order of the addresses; none when all endpoints weigh 1. */
function weightsText({ endpoints }: EndpointSlice, weights: ReadonlyMap<string, number>): string | undefined {
  if (weights.size === 0) return undefined;
  const found = (endpoints ?? []).flatMap(({ addresses: [address = ""] }) => {
    const weight = weights.get(address);
    return weight === undefined ? [] : [[address, weight] as const];
  });
  return found.length === 0
    ? undefined
    : JSON.stringify(Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1))));
}
