import { parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import type { EndpointSlice } from "../objects/index.ts";

/**
 * Annotation of an EndpointSlice: the weights of its endpoints as JSON from address to number, such as
 * `{"10.244.1.5":5}`. An address without one has weight 1.
 */
export const weightsAnnotation = "sealane.dev/weights";

/** The biggest weight; the smallest is 0: no new connections. */
export const biggestWeight = 1000;

const none: ReadonlyMap<Ip, number> = new Map();

/** Whether a number can be a weight: a whole one from 0 to 1000. */
export function isWeight(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= biggestWeight;
}

/** The weights that a slice carries; what is no address or no weight is passed over. */
export function sliceWeights({ metadata }: EndpointSlice): ReadonlyMap<Ip, number> {
  const text = metadata.annotations?.[weightsAnnotation];
  if (text === undefined) return none;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return none;
  }
  if (typeof value !== "object" || value === null) return none;
  const weights = new Map<Ip, number>();
  for (const [address, weight] of Object.entries(value)) {
    const ip = parseIp(address);
    if (ip !== undefined && isWeight(weight)) weights.set(ip, weight);
  }
  return weights;
}
