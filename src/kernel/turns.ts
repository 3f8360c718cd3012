import { setImmediate as turn } from "node:timers/promises";

/** Milliseconds of work at once, between which everything else of the process has its turn. */
const workMs = 5;

/** Runs what pauses, so that others of this process have their turns. */
export async function inTurns<T>(work: Generator<undefined, T>): Promise<T> {
  let until = performance.now() + workMs;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + workMs;
  }
}
