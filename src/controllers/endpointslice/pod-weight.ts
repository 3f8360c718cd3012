import { biggestWeight, isWeight } from "../../model/index.ts";
import type { Pod } from "../../objects/index.ts";
import { milliCpu } from "../milli-cpu.ts";

/** Annotation of a pod: its share of new connections relative to the other pods' of a Service, 0 to 1000. */
export const weightAnnotation = "sealane.dev/weight";

/** Annotation of a pod: what its weight is taken from; `requests.cpu` is all that there is. */
export const weightFromAnnotation = "sealane.dev/weight-from";

/** A pod's weight, and what is wrong with what it says of it. */
export interface PodWeight {
  readonly weight: number;
  readonly problem?: string;
}

/**
 * Reads a pod's weight; 1 when it says nothing or nothing sensible. From CPU requests, 10m count as 1, so that half a
 * CPU is 50; what a pod says itself goes before that.
 */
export function podWeight({ metadata, spec }: Pod): PodWeight {
  const { [weightAnnotation]: own, [weightFromAnnotation]: from } = metadata.annotations ?? {};
  const say = (text: string): PodWeight => ({
    weight: 1,
    problem: `pod ${metadata.name} counts with weight 1: ${text}`,
  });
  if (own !== undefined) {
    const weight = /^\d+$/.test(own) ? Number(own) : undefined;
    if (isWeight(weight)) return { weight };
    return say(
      `annotation ${weightAnnotation} must be a whole number from 0 to ${biggestWeight}, not ${JSON.stringify(own)}`,
    );
  }
  if (from === undefined) return { weight: 1 };
  if (from !== "requests.cpu") {
    return say(`annotation ${weightFromAnnotation} must be "requests.cpu", not ${JSON.stringify(from)}`);
  }
  const requested = spec.containers.reduce(
    (sum, { resources }) => sum + (milliCpu(resources?.requests?.["cpu"]) ?? 0),
    0,
  );
  if (requested === 0) return say(`annotation ${weightFromAnnotation} is requests.cpu, but no container requests CPU`);
  return { weight: Math.min(biggestWeight, Math.max(1, Math.round(requested / 10))) };
}

/** Whether a change of a pod may have changed its weight: containers of a running pod do not change. */
export function sameWeight(a: Pod, b: Pod): boolean {
  return [weightAnnotation, weightFromAnnotation].every(
    (key) => a.metadata.annotations?.[key] === b.metadata.annotations?.[key],
  );
}
