import { describe, expect, it } from "vitest";
import { ManualClock, silentLogger } from "../core/index.ts";
import { refusal } from "../../test/cluster/fake-api.ts";
import { createWorkQueue } from "./work-queue.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

function queueOf(reconcile: (key: string) => Promise<void | { againAfterMs: number }>, concurrency = 8, restMs = 0) {
  const clock = new ManualClock();
  const queue = createWorkQueue({ name: "test", clock, log: silentLogger, concurrency, restMs, reconcile });
  return { clock, queue };
}

describe("createWorkQueue()", () => {
  it("does a key once for all changes of one tick, in order, and nothing before it is started", async () => {
    const done: string[] = [];
    const { queue } = queueOf(async (key) => void done.push(key));
    for (const key of ["a", "b", "a", "c", "b"]) queue.add(key);
    await settled();
    expect(done).toEqual([]);
    queue.start();
    await settled();
    expect(done).toEqual(["a", "b", "c"]);
  });

  it("never runs a key twice at the same time, but once more when it changed meanwhile", async () => {
    let release: () => void = () => undefined;
    const running: string[] = [];
    const { queue } = queueOf(async (key) => {
      running.push(key);
      await new Promise<void>((resolve) => (release = resolve));
    });
    queue.start();
    queue.add("a");
    await settled();
    queue.add("a");
    queue.add("a");
    await settled();
    expect(running).toEqual(["a"]);
    release();
    await settled();
    expect(running).toEqual(["a", "a"]);
    release();
    await settled();
    expect(running).toHaveLength(2);
  });

  it("does a lone change at once, and those that come while the key rests together", async () => {
    const done: string[] = [];
    const { queue, clock } = queueOf(async (key) => void done.push(key), 8, 20);
    queue.start();
    queue.add("a");
    await settled();
    expect(done).toEqual(["a"]);
    for (const key of ["a", "b", "a", "a"]) {
      queue.add(key);
      await settled();
    }
    expect(done).toEqual(["a", "b"]);
    clock.advance(20);
    await settled();
    expect(done).toEqual(["a", "b", "a"]);
    clock.advance(20);
    queue.add("a");
    await settled();
    expect(done).toEqual(["a", "b", "a", "a"]);
  });

  it("works on as many keys at a time as it may", async () => {
    let active = 0;
    let most = 0;
    const { queue } = queueOf(async () => {
      most = Math.max(most, ++active);
      await settled();
      active--;
    }, 3);
    for (let i = 0; i < 10; i++) queue.add(String(i));
    queue.start();
    for (let i = 0; i < 10; i++) await settled();
    expect(most).toBe(3);
  });

  it("tries a failing key again after 5, 10, 20 ms and forgets the failures after a success", async () => {
    const at: number[] = [];
    let fails = 3;
    const { queue, clock } = queueOf(async () => {
      at.push(clock.now());
      if (fails-- > 0) throw new Error("no");
    });
    queue.start();
    queue.add("a");
    for (let ms = 0; ms < 60; ms++) {
      await settled();
      clock.advance(1);
    }
    expect(at).toEqual([0, 5, 15, 35]);
  });

  it("does not try again what a terminating namespace refuses", async () => {
    let calls = 0;
    const error = refusal(403, "Forbidden", "being terminated");
    Object.assign(error, { status: { ...error.status, details: { causes: [{ reason: "NamespaceTerminating" }] } } });
    const { queue, clock } = queueOf(async () => {
      calls++;
      throw error;
    });
    queue.start();
    queue.add("a");
    await settled();
    clock.advance(100_000);
    await settled();
    expect(calls).toBe(1);
  });

  it("calls again when asked to, at the earliest time asked for", async () => {
    const at: number[] = [];
    const { queue, clock } = queueOf(async () => void at.push(clock.now()));
    queue.start();
    queue.addAfter("a", 100);
    queue.addAfter("a", 20);
    queue.addAfter("a", 50);
    for (let ms = 0; ms < 200; ms += 10) {
      clock.advance(10);
      await settled();
    }
    expect(at).toEqual([20]);
  });

  it("lets timers in when a key keeps adding itself", async () => {
    let calls = 0;
    const { queue } = queueOf(async () => {
      calls++;
      queue.add("a");
    });
    queue.start();
    queue.add("a");
    await settled();
    expect(calls).toBeLessThanOrEqual(64);
    queue.stop();
  });
});
