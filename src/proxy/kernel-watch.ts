import type { Cancel, Clock } from "../core/index.ts";
import type { Notice } from "./engine.ts";

/** The longest pause between two full writes that others' changes ask for, in milliseconds. */
const longestGapMs = 60_000;

/** What a kernel watch asks and does. */
export interface KernelWatchOptions {
  readonly clock: Clock;
  /** How often to look, in milliseconds. */
  readonly everyMs: number;
  /** What somebody else has done since the last look. */
  readonly look: () => Notice;
  readonly resync: (why: Exclude<Notice, "nothing">) => void;
}

/**
 * Looks now and then whether others changed the kernel's rules, and has them written again. What is seen to be lost is
 * written at once. Programs that change their own tables all the time must not make this one write all the time: changes
 * that may have touched nothing of ours wait for pauses that grow. Returns how to stop.
 */
export function watchKernel({ clock, everyMs, look, resync }: KernelWatchOptions): Cancel {
  let lastChange = -Infinity;
  let gapMs = 0;
  let isWaiting = false;
  let cancel = clock.schedule(everyMs, again);
  return () => cancel();

  function again(): void {
    cancel = clock.schedule(everyMs, again);
    const notice = look();
    if (notice === "damage") {
      isWaiting = false;
      return resync("damage");
    }
    const now = clock.monotonic();
    if (notice === "changes" && !isWaiting) {
      isWaiting = true;
      if (now - lastChange > 2 * longestGapMs) gapMs = 0;
    }
    if (!isWaiting || now - lastChange < gapMs) return;
    isWaiting = false;
    lastChange = now;
    gapMs = Math.min(longestGapMs, Math.max(everyMs, gapMs * 2));
    resync("changes");
  }
}
