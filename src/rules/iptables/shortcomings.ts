import type { ServicePlan } from "../../model/index.ts";

/** What of a plan iptables cannot do, and what it does instead; a sentence each. */
export function shortcomings({ scheduler }: ServicePlan): readonly string[] {
  if (scheduler === undefined) return [];
  switch (scheduler) {
    case "random":
    case "rr":
    case "fo":
      return [];
    case "wrr":
      return [
        "the iptables mode does not take turns by weight (wrr): endpoints are picked at random in proportion to their weights",
      ];
    case "lc":
    case "wlc":
    case "lblc":
    case "lblcr":
    case "sed":
    case "nq":
    case "ovf":
      return [insteadOf(scheduler, "it does not count connections")];
    case "sh":
    case "dh":
    case "mh":
      return [insteadOf(scheduler, "it does not hash addresses")];
  }
}

function insteadOf(scheduler: string, why: string): string {
  return `the iptables mode has no scheduler ${scheduler} (${why}): endpoints are picked at random in proportion to their weights`;
}
