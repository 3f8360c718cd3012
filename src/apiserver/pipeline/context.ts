import type { Clock, Random } from "../../core/index.ts";
import { formatTime } from "../../objects/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { PortRange } from "../services/pools.ts";

/** What every step of the pipeline may use. */
export interface PipelineContext {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly uid: () => string;
  readonly nodePorts: PortRange;
}

/** How a write is meant. */
export interface WriteOptions {
  /** Everything but the store write is done, and nothing is given away. */
  readonly dryRun?: boolean;
}

/** The present time as objects carry it. */
export function timestamp(context: PipelineContext): string {
  return formatTime(context.clock.now());
}
