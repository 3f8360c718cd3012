import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNamespace } from "../../../src/kernel/index.ts";
import type { EngineUnderTest } from "./engines.ts";
import { FaultyCluster } from "./faulty-cluster.ts";
import { clusterIP } from "./targets.ts";

/** What is asked of a machine. */
export interface FaultsOptions {
  /** Services that change; another one stays as it is, with an open connection. */
  readonly services: number;
  readonly changesPerSecond: number;
  readonly convergenceMs: number;
  readonly apiAwayMs: number;
}

/** For longer the API is away in `api-away.test.ts`, where the modes wait together. */
const usual: FaultsOptions = { services: 119, changesPerSecond: 1000, convergenceMs: 30_000, apiAwayMs: 1500 };
/** For so many seconds changes are made. */
const changingSeconds = 10;

/** An agent as a process, an API, and what happens to them: afterwards the rules are right, and connections have lived on. */
export function describeFaults(engine: EngineUnderTest, options: FaultsOptions = usual): void {
  const { services, changesPerSecond, convergenceMs, apiAwayMs } = options;
  const cluster = new FaultyCluster(engine, services, convergenceMs);
  const timeoutMs = 4 * convergenceMs + apiAwayMs;

  beforeAll(() => cluster.start());
  afterAll(() => cluster.stop());

  describe("an agent that is killed while it writes", () => {
    it(
      "leaves nothing that its successor does not set right",
      async () => {
        const run = async (): Promise<void> => {
          let interrupted = 0;
          for (const [round, delayMs] of [0, 3, 8, 15, 30].entries()) {
            const [, isInterrupted] = await Promise.all([cluster.changeAll(round), cluster.killWritingAgent(delayMs)]);
            if (isInterrupted) interrupted++;
            // The next one writes everything, and does not come to the end of that either.
            if (await cluster.startAndKillAgent()) interrupted++;
            await cluster.startAgent();
            await cluster.converged();
          }
          expect(interrupted).toBeGreaterThan(0);
        };
        // Without a process in the way the rules carry on by themselves.
        await (engine.carriesWithoutAgent ? cluster.withoutLoss(run) : run());
      },
      2 * timeoutMs,
    );
  });

  describe("an API that goes away", () => {
    it(
      "leaves traffic alone, and what changes meanwhile is caught up with",
      () => cluster.withoutApiFor(apiAwayMs),
      timeoutMs,
    );
  });

  describe(`${changesPerSecond} changes a second, for ${changingSeconds} s`, () => {
    it(
      "are all in the kernel soon after the last one",
      async () => {
        await cluster.withoutLoss(async () => {
          const started = performance.now();
          const all = changingSeconds * changesPerSecond;
          for (let made = 0; made < all;) {
            // As many as are due by now; a machine that cannot keep up takes longer.
            const due = Math.ceil(((performance.now() - started) * changesPerSecond) / 1000);
            const batch = Array.from({ length: Math.min(due, all) - made }, (_, i) => made + i);
            await Promise.all(batch.map((n) => cluster.change(cluster.changing[n % services] ?? 0, n)));
            made += batch.length;
            await new Promise((resolve) => void setTimeout(resolve, 5));
          }
          await cluster.converged();
        });
      },
      timeoutMs,
    );
  });

  describe("what others do to the rules", () => {
    it.each([...engine.damages, ...(engine.harsherDamages ?? [])])(
      "is undone to the last bit: %s",
      async (_, damage) => {
        await cluster.converged();
        const before = await cluster.state();
        inNamespace(cluster.path, () => damage());
        await expect.poll(() => cluster.state(), { timeout: convergenceMs, interval: 50 }).toBe(before);
        expect(await cluster.senders.open("client", clusterIP(1), 5000)).toMatchObject({ kind: "answer" });
      },
    );
  });
}
