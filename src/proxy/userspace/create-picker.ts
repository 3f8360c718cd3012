import type { Random } from "../../core/index.ts";
import type { Scheduler } from "../../model/index.ts";
import { destinationHash, sourceHash } from "./hash-table.ts";
import { leastConnections, neverQueue, shortestExpectedDelay, weightedLeastConnections } from "./least-loaded.ts";
import { localityLeastConnections, localityWithReplication } from "./locality.ts";
import { maglev } from "./maglev.ts";
import type { Picker } from "./picker.ts";
import { randomPicker, roundRobin, weightedRoundRobin } from "./round-robin.ts";
import { failOver, overflow } from "./weight-order.ts";

/** A picker that carries out a scheduler, with nothing remembered yet. */
export function createPicker(scheduler: Scheduler, random: Random): Picker {
  switch (scheduler) {
    case "random":
      return randomPicker(random);
    case "rr":
      return roundRobin();
    case "wrr":
      return weightedRoundRobin();
    case "lc":
      return leastConnections;
    case "wlc":
      return weightedLeastConnections;
    case "lblc":
      return localityLeastConnections();
    case "lblcr":
      return localityWithReplication();
    case "sh":
      return sourceHash();
    case "dh":
      return destinationHash();
    case "sed":
      return shortestExpectedDelay;
    case "nq":
      return neverQueue;
    case "mh":
      return maglev();
    case "fo":
      return failOver;
    case "ovf":
      return overflow;
  }
}
