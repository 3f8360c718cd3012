import { messageOf } from "../core/index.ts";
import type { Cancel, Clock, Logger } from "../core/index.ts";
import { ApiError, isConflict } from "../objects/index.ts";

/** What a reconcile asks for: nothing more, or to be called again after some milliseconds. */
export type ReconcileResult = void | { readonly againAfterMs: number };

export interface WorkQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Keys that are worked on at the same time, 8 by default. One key never runs twice at once. */
  readonly concurrency?: number;
  /**
   * Milliseconds that a key rests after it was done, 0 by default. A change that comes alone is worked on at once; a burst of them is
   * taken together when the rest ends.
   */
  readonly restMs?: number;
  readonly reconcile: (key: string) => Promise<ReconcileResult>;
}

/** Keys to reconcile. A key that is added while it waits is done once; while it runs, once more afterwards. */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key after `delayMs`; an earlier time for the same key wins. */
  addAfter(key: string, delayMs: number): void;
  /** Begins to work; what was added before waits until then. */
  start(): void;
  stop(): void;
}

const firstRetryMs = 5;
const longestRetryMs = 30_000;
/** Reconciles started in one turn before sockets and timers get theirs. */
const turn = 64;

/** Makes a queue. Work starts in a microtask, so that all changes of one tick are seen together. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, log, reconcile, concurrency = 8, restMs = 0 } = options;
  const waiting = new Set<string>();
  const running = new Set<string>();
  const resting = new Map<string, Cancel>();
  /** Keys that were added while they ran or rested. */
  const again = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, { readonly at: number; readonly cancel: Cancel }>();
  let open = false;
  let woken = false;
  let started = 0;
  let cancelTurn: Cancel = () => undefined;

  const wake = (): void => {
    if (woken || !open || waiting.size === 0 || running.size >= concurrency || started >= turn) return;
    woken = true;
    queueMicrotask(drain);
  };
  const drain = (): void => {
    woken = false;
    for (const key of waiting) {
      if (!open || running.size >= concurrency || started >= turn) break;
      // The first of a turn ends it: promises alone, however many, let no socket and no timer in.
      if (started++ === 0) cancelTurn = clock.schedule(0, nextTurn);
      waiting.delete(key);
      running.add(key);
      void run(key);
    }
  };
  const nextTurn = (): void => {
    started = 0;
    wake();
  };
  const run = async (key: string): Promise<void> => {
    try {
      const result = await reconcile(key);
      failures.delete(key);
      if (result !== undefined && open) addAfter(key, result.againAfterMs);
    } catch (error) {
      if (open) fail(key, error);
    }
    running.delete(key);
    if (restMs > 0 && open)
      resting.set(
        key,
        clock.schedule(restMs, () => rested(key)),
      );
    else rested(key);
  };
  const rested = (key: string): void => {
    resting.delete(key);
    if (again.delete(key)) waiting.add(key);
    wake();
  };
  const fail = (key: string, error: unknown): void => {
    if (isNamespaceTerminating(error)) return void failures.delete(key);
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    // A conflict only says that somebody else wrote first.
    const level = isConflict(error) || count < 3 ? "debug" : "warn";
    log[level]("reconcile failed", { controller: options.name, key, error: messageOf(error) });
    addAfter(key, Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(count, 20)));
  };
  const add = (key: string): void => {
    timers.get(key)?.cancel();
    timers.delete(key);
    if (running.has(key) || resting.has(key)) again.add(key);
    else waiting.add(key);
    wake();
  };
  const addAfter = (key: string, delayMs: number): void => {
    const at = clock.monotonic() + delayMs;
    const planned = timers.get(key);
    if (planned !== undefined && planned.at <= at) return;
    planned?.cancel();
    timers.set(key, { at, cancel: clock.schedule(delayMs, () => add(key)) });
  };

  return {
    add,
    addAfter,
    start() {
      open = true;
      wake();
    },
    stop() {
      open = false;
      cancelTurn();
      waiting.clear();
      for (const { cancel } of timers.values()) cancel();
      timers.clear();
      for (const cancel of resting.values()) cancel();
      resting.clear();
    },
  };
}

/** Nothing can be created in a namespace that goes away: not a failure, and no reason to try again. */
function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.status.details?.causes ?? []).some(({ reason }) => reason === "NamespaceTerminating")
  );
}
