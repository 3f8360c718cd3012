import { describe, expect, it } from "vitest";
import { ip, ManualClock, silentLogger } from "../core/index.ts";
import type { ServicePlan } from "../model/index.ts";
import { endpointAt, planWith } from "../../test/support/service-plans.ts";
import { FlowCleaner } from "./flow-cleaner.ts";
import type { FlowQuery, TrackedFlow } from "./ports.ts";

/** A conntrack that takes 10 ms for every question, with a flow from a client to the Service for each of these endpoints. */
class SlowFlows {
  readonly asked: FlowQuery[] = [];
  readonly deleted: string[] = [];
  readonly #clock: ManualClock;
  readonly #answeredBy: readonly string[];

  constructor(clock: ManualClock, answeredBy: readonly string[]) {
    this.#clock = clock;
    this.#answeredBy = answeredBy;
  }

  flows(query: FlowQuery): readonly TrackedFlow[] {
    this.asked.push(query);
    this.#clock.advance(10);
    return this.#answeredBy
      .filter((address) => query.answeredBy === undefined || query.answeredBy.ip === address)
      .map((address) => ({
        family: "IPv4",
        protocol: "UDP",
        destination: ip("10.96.0.20"),
        destinationPort: 80,
        answeredBy: ip(address),
        answeredFrom: 8080,
        isReplied: true,
      }));
  }

  deleteFlow({ answeredBy }: TrackedFlow): void {
    this.deleted.push(answeredBy);
  }
}

const a = "10.244.1.2";
const b = "10.244.2.2";

function served(...by: readonly string[]): readonly ServicePlan[] {
  return [planWith({ protocol: "UDP", serving: by.map((address) => endpointAt(address, "node-1")) })];
}

function started(answeredBy: readonly string[]) {
  const clock = new ManualClock();
  const flows = new SlowFlows(clock, answeredBy);
  const cleaner = new FlowCleaner({
    flows,
    protocols: new Set(["UDP"] as const),
    clock,
    log: silentLogger,
    isOwn: () => false,
    removed: () => undefined,
  });
  return { clock, flows, cleaner };
}

describe("FlowCleaner.afterChanges()", () => {
  it("asks at once after a change alone", () => {
    const { flows, cleaner } = started([a, b]);
    cleaner.afterChanges([{ now: served(b), before: served(a, b) }]);
    expect(flows.deleted).toEqual([a]);
  });

  it("asks for a fifth of the time after changes without end, and judges by the last of them", () => {
    const { clock, flows, cleaner } = started([a, b]);
    while (clock.monotonic() < 30_000) {
      cleaner.afterChanges([{ now: served(b), before: served(a, b) }]);
      cleaner.afterChanges([{ now: served(a, b), before: served(b) }]);
      clock.advance(1);
    }
    const askedMs = 10 * flows.asked.length;
    expect(askedMs).toBeGreaterThan(7000);
    expect(askedMs).toBeLessThan(8500);
    flows.deleted.length = 0;
    cleaner.afterChanges([{ now: served(a), before: served(a, b) }]);
    expect(flows.deleted).toEqual([]);
    clock.advance(100);
    expect(flows.deleted).toEqual([b]);
  });

  it("asks nothing any more when it is stopped", () => {
    const { clock, flows, cleaner } = started([a, b]);
    let asked: number;
    do {
      asked = flows.asked.length;
      cleaner.afterChanges([{ now: served(b), before: served(a, b) }]);
    } while (flows.asked.length > asked);
    cleaner.stop();
    clock.advance(1000);
    expect(flows.asked).toHaveLength(asked);
  });
});
