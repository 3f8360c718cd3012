import type { Cancel, Clock } from "../core/index.ts";

/** The longest pause between two full writes that others' changes ask for, in milliseconds. */
const longestGapMs = 60_000;

/** What a kernel watch asks and does. */
export interface KernelWatchOptions {
  readonly clock: Clock;
  /** How often to look, in milliseconds. */
  readonly everyMs: number;
  /** Whether somebody else has changed the rules since the last look. */
  readonly othersChanged: () => boolean;
  readonly resync: () => void;
}

/**
 * Looks now and then whether others changed the kernel's rules, and has them written again. Programs that change their
 * own tables all the time must not make this one write all the time: the pauses grow. Returns how to stop.
 */
export function watchKernel({ clock, everyMs, othersChanged, resync }: KernelWatchOptions): Cancel {
  let cancel: Cancel = () => undefined;
  let last = -Infinity;
  let gapMs = 0;
  const look = (): void => {
    cancel = clock.schedule(everyMs, look);
    if (!othersChanged()) return;
    const now = clock.monotonic();
    if (now - last > 2 * longestGapMs) gapMs = 0;
    if (now - last >= gapMs) return act();
    cancel();
    cancel = clock.schedule(last + gapMs - now, act);
  };
  const act = (): void => {
    cancel();
    cancel = clock.schedule(everyMs, look);
    last = clock.monotonic();
    gapMs = Math.min(longestGapMs, Math.max(everyMs, gapMs * 2));
    resync();
  };
  cancel = clock.schedule(everyMs, look);
  return () => cancel();
}
