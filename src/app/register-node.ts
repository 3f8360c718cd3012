import { registerNode } from "../controllers/index.ts";
import { hasCode, pause } from "../core/index.ts";

/** Milliseconds between attempts to reach an API that does not listen yet. */
const unreachableRetryMs = 20;

/**
 * Registers a node, and waits for an API that is not there yet or just now away: an agent outlives it. Rejects as `registerNode` does
 * when the API refuses.
 */
export async function registerWhenReachable(...registration: Parameters<typeof registerNode>): Promise<void> {
  const [, , clock] = registration;
  for (;;) {
    try {
      await registerNode(...registration);
      return;
    } catch (error) {
      if (!hasCode(error, "Unreachable")) throw error;
      await pause(clock, unreachableRetryMs);
    }
  }
}
