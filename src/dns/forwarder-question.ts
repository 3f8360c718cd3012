import type { Cancel, Clock } from "../core/index.ts";
import type { Reply } from "./resolver.ts";

/** One server that may be asked, as the question sees it. */
export interface Candidate {
  /** Asks it; `done` gets its reply, or `undefined` when there was none. Returns how to stop waiting for it. */
  ask(timeoutMs: number, done: (reply: Reply | undefined) => void): Cancel;
}

/** How one question is asked. Times are in milliseconds. */
export interface QuestionOptions {
  readonly clock: Clock;
  /** How long one server's reply is waited for. */
  readonly attemptTimeoutMs: number;
  /** After how long another one is asked, too; `undefined` for never. */
  readonly hedgeMs: number | undefined;
  /** After that nobody is asked any more. */
  readonly totalTimeoutMs: number;
  /** Attempts in all; a server that does not answer gets another one after all others had theirs. */
  readonly maxAttempts: number;
  /** Whether asking another server would be pointless: this one knows. */
  readonly isFinal: (rcode: number) => boolean;
}

/**
 * Asks one server after the other until one knows. `done` is called once: with the first good reply, else with the last
 * bad one, else with `undefined`. Never after the returned function was called.
 */
export function askInTurn(
  candidates: readonly Candidate[],
  { clock, attemptTimeoutMs, hedgeMs, totalTimeoutMs, maxAttempts, isFinal }: QuestionOptions,
  done: (reply: Reply | undefined) => void,
): Cancel {
  const deadline = clock.monotonic() + totalTimeoutMs;
  const queue = [...candidates];
  const running = new Map<Candidate, Cancel>();
  let attempts = 0;
  let last: Reply | undefined;
  let isOver = false;
  let isStarting = false;
  let cancelHedge: Cancel = () => undefined;

  const cancel = () => {
    isOver = true;
    cancelDeadline();
    cancelHedge();
    for (const stop of running.values()) stop();
    running.clear();
  };
  const finish = (reply: Reply | undefined) => {
    if (isOver) return;
    cancel();
    done(reply);
  };

  const answered = (candidate: Candidate, reply: Reply | undefined) => {
    running.delete(candidate);
    if (isOver) return;
    if (reply !== undefined && isFinal(reply.rcode)) return finish(reply);
    if (reply === undefined) queue.push(candidate);
    else last = reply;
    if (running.size === 0) startNext();
  };

  const start = (candidate: Candidate) => {
    attempts++;
    const timeoutMs = Math.min(attemptTimeoutMs, deadline - clock.monotonic());
    let isAnswered = false;
    const stop = candidate.ask(timeoutMs, (reply) => {
      isAnswered = true;
      answered(candidate, reply);
    });
    if (isAnswered || isOver) return;
    running.set(candidate, stop);
    cancelHedge();
    // Two at a time at most: when two servers are slow, the third will be, too.
    if (hedgeMs !== undefined && running.size === 1) cancelHedge = clock.schedule(hedgeMs, () => startNext());
  };

  /** A loop and no recursion, because attempts can fail before they have begun. */
  const startNext = () => {
    if (isStarting) return;
    isStarting = true;
    const before = running.size;
    while (running.size === before) {
      if (isOver) break;
      const candidate = attempts >= maxAttempts || clock.monotonic() >= deadline ? undefined : queue.shift();
      if (candidate === undefined) {
        if (running.size === 0) finish(last);
        break;
      }
      start(candidate);
    }
    isStarting = false;
  };

  const cancelDeadline = clock.schedule(totalTimeoutMs, () => finish(last));
  startNext();
  return cancel;
}
