/** Cancels a scheduled call; harmless after the call was made. */
export type Cancel = () => void;

/** Time as pure layers see it. The real one is `systemClock` in `net`; tests use `ManualClock`. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Monotonic time in milliseconds, for measuring and for deadlines. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` milliseconds (0 = as soon as possible, never synchronously). */
  schedule(delayMs: number, run: () => void): Cancel;
}

/** Resolves after `milliseconds` of a clock. */
export function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(milliseconds, resolve));
}

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that moves only when told to: for tests. */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #scheduled = new Set<Scheduled>();

  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#scheduled.add(entry);
    return () => void this.#scheduled.delete(entry);
  }

  /** Moves time forward by `ms`, running what falls due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#scheduled.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  #next(end: number): Scheduled | undefined {
    let first: Scheduled | undefined;
    for (const entry of this.#scheduled) {
      if (entry.at > end) continue;
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) {
        first = entry;
      }
    }
    return first;
  }
}
