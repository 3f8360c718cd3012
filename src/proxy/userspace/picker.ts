import type { Ip } from "../../core/index.ts";
import type { Backend } from "./backend.ts";

/** What a choice may depend on. */
export interface PickRequest {
  readonly client: Ip;
  /** The address that the client connected to. */
  readonly destination: Ip;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** False for backends that are out of the question, such as those that were tried already. */
  readonly isUsable: (backend: Backend) => boolean;
}

/**
 * A way to choose. It may remember things from one call to the next; `backends` is the same array as long as endpoints and
 * weights are the same. `undefined`: the scheduler lets no backend take the connection.
 */
export type Picker = (backends: readonly Backend[], request: PickRequest) => Backend | undefined;
