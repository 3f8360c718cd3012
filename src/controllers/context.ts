import type { Clock, Logger, Random } from "../core/index.ts";
import type { ClusterApi, EventRecorder } from "../objects/index.ts";
import type { ControllerCaches } from "./cache-specs.ts";
import { createWorkQueue } from "./work-queue.ts";
import type { ReconcileResult, WorkQueue } from "./work-queue.ts";

/** What every controller is given. */
export interface ControllerContext {
  readonly api: ClusterApi;
  readonly caches: ControllerCaches;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
}

/** A controller at work. After `stop` it writes nothing more. */
export interface RunningController {
  stop(): void;
}

export interface ControllerLoop {
  readonly name: string;
  readonly concurrency?: number;
  /** See `WorkQueueOptions`. */
  readonly restMs?: number;
  /** The caches whose first list must have come before anything is decided. */
  readonly needs: readonly { whenSynced(): Promise<void> }[];
  /** Subscribes to what matters and adds keys; returns how to unsubscribe. Called when the caches are there. */
  readonly watch: (queue: WorkQueue) => readonly (() => void)[];
  readonly reconcile: (key: string) => Promise<ReconcileResult>;
}

/** Runs a controller's loop: wait for the caches, subscribe, reconcile key by key. */
export function runController(context: ControllerContext, loop: ControllerLoop): RunningController {
  const { name, reconcile, concurrency, restMs } = loop;
  const queue = createWorkQueue({
    name,
    reconcile,
    clock: context.clock,
    log: context.log,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(restMs === undefined ? {} : { restMs }),
  });
  let subscriptions: readonly (() => void)[] = [];
  let stopped = false;
  const begin = (): void => {
    if (stopped) return;
    subscriptions = loop.watch(queue);
    queue.start();
  };
  Promise.all(loop.needs.map((cache) => cache.whenSynced())).then(begin, (error: unknown) =>
    context.log.error("a controller could not start", { controller: name, error }),
  );
  return {
    stop() {
      stopped = true;
      queue.stop();
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
