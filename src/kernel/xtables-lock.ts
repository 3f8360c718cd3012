import { closeSync, constants, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { libc } from "./libc.ts";

// sys/file.h
const exclusive = 2;
const notWaiting = 4;
/** Milliseconds between two looks whether the lock is free. */
const everyMs = 10;

/**
 * Runs something while no other program that respects it changes the legacy tables. Gives back "busy" when somebody
 * else has the lock for longer than `waitMs`, and "missing" when it cannot be used here; nothing was run then.
 */
export async function withXtablesLock<T>(waitMs: number, run: () => Promise<T>): Promise<T | "busy" | "missing"> {
  let file: number;
  try {
    // Made like the tool makes it.
    file = openSync(
      process.env["XTABLES_LOCKFILE"] ?? "/run/xtables.lock",
      constants.O_RDONLY | constants.O_CREAT,
      0o600,
    );
  } catch {
    return "missing";
  }
  try {
    const end = performance.now() + waitMs;
    while (libc().flock(file, exclusive | notWaiting) < 0) {
      if (performance.now() > end) return "busy";
      await sleep(everyMs);
    }
    return await run();
  } finally {
    closeSync(file);
  }
}
