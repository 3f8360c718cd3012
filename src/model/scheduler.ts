import type { Service } from "../objects/index.ts";

/**
 * Ways to pick an endpoint for a new connection. `random` is what nftables and iptables do by themselves; the others have
 * the names of the kernel's IPVS schedulers.
 */
export const schedulers = [
  "random",
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "sh",
  "dh",
  "sed",
  "nq",
  "mh",
  "fo",
  "ovf",
] as const;

export type Scheduler = (typeof schedulers)[number];

/** Annotation of a Service: how its endpoints are picked. */
export const schedulerAnnotation = "sealane.dev/scheduler";

/** Reads the name of a scheduler; `undefined` for one that does not exist. */
export function parseScheduler(text: string): Scheduler | undefined {
  return schedulers.find((name) => name === text);
}

/** What the Service asks for: a scheduler, nothing, or a text that names none, with what is wrong. */
export function schedulerOf({ metadata }: Service): { readonly scheduler?: Scheduler; readonly problem?: string } {
  const text = metadata.annotations?.[schedulerAnnotation];
  if (text === undefined) return {};
  const scheduler = parseScheduler(text);
  if (scheduler !== undefined) return { scheduler };
  return {
    problem: `annotation ${schedulerAnnotation}: there is no scheduler ${JSON.stringify(text)}, the node's default is used; use one of ${schedulers.join(", ")}`,
  };
}
