import { describe, expect, it } from "vitest";
import { ip, ManualClock } from "../../core/index.ts";
import type { Container } from "../../objects/index.ts";
import { initialState } from "../stand-in/control.ts";
import { RunningContainer } from "./container.ts";

/** A container whose probes are exec probes: they pass unless the stand-in was told otherwise. */
function make(container: Partial<Container>, before?: { restartCount: number; startedAtMs: number; ready: boolean }) {
  const clock = new ManualClock(1_000_000);
  const log: string[] = [];
  let state = initialState;
  let changes = 0;
  const running = new RunningContainer({
    container: { name: "web", ...container },
    clock,
    target: { namespace: "/nowhere", address: ip("10.0.0.1"), clock },
    ...(before === undefined ? {} : { before }),
    state: () => state,
    changed: () => changes++,
    event: (_type, reason, message) => log.push(`${reason}: ${message}`),
    setRunning: (isRunning) => log.push(isRunning ? "start" : "stop"),
  });
  running.start();
  const tell = (change: Partial<typeof state>) => {
    state = { ...state, ...change };
  };
  return { clock, log, running, tell, changes: () => changes };
}

const exec = { exec: { command: ["true"] } };

describe("RunningContainer", () => {
  it("is ready at the start without probes, and follows what the stand-in is told", () => {
    const { running, tell } = make({});
    expect(running.facts).toMatchObject({ ready: true, started: true, restartCount: 0 });
    tell({ ready: false });
    running.review();
    expect(running.facts.ready).toBe(false);
  });

  it("waits for the initial delay of a readiness probe", () => {
    const { running, clock } = make({ readinessProbe: { ...exec, initialDelaySeconds: 5 } });
    expect([running.facts.ready, running.settled]).toEqual([false, true]);
    clock.advance(4999);
    expect(running.facts.ready).toBe(false);
    clock.advance(1);
    expect(running.facts.ready).toBe(true);
  });

  it("probes in whole periods and turns after the threshold", () => {
    const { running, clock, tell, log } = make({ readinessProbe: { ...exec, periodSeconds: 2, failureThreshold: 2 } });
    expect(running.facts.ready).toBe(true);
    tell({ ready: false });
    clock.advance(2000);
    expect(running.facts.ready).toBe(true);
    clock.advance(2000);
    expect(running.facts.ready).toBe(false);
    expect(log).toEqual(
      Array.from({ length: 2 }, () => "Unhealthy: Readiness probe failed: the stand-in was told to be unready"),
    );
    tell({ ready: true });
    clock.advance(2000);
    expect(running.facts.ready).toBe(true);
  });

  it("asks readiness at once when the stand-in is told something, and in whole periods from there", () => {
    const { running, clock, tell, log } = make({ readinessProbe: { ...exec, periodSeconds: 10, failureThreshold: 2 } });
    clock.advance(4000);
    tell({ ready: false });
    running.stateChanged();
    expect([running.facts.ready, log.length]).toEqual([true, 1]);
    clock.advance(9999);
    expect(running.facts.ready).toBe(true);
    clock.advance(1);
    expect([running.facts.ready, log.length]).toEqual([false, 2]);
    tell({ ready: true });
    running.stateChanged();
    expect(running.facts.ready).toBe(true);
  });

  it("starts again after liveness failures: at once, then with back-off", () => {
    const { running, clock, tell, log } = make({ livenessProbe: { ...exec, periodSeconds: 1, failureThreshold: 1 } });
    tell({ dead: true });
    clock.advance(1000);
    expect(log.slice(1)).toEqual([
      "Killing: Container web failed liveness probe, will be restarted",
      "stop",
      "start",
      "Started: Container started",
      "Unhealthy: Liveness probe failed: the stand-in was told to be dead",
      "Killing: Container web failed liveness probe, will be restarted",
      "stop",
      "BackOff: Back-off restarting failed container web",
    ]);
    expect(running.facts).toMatchObject({ restartCount: 1, ready: false, waiting: { reason: "CrashLoopBackOff" } });
    tell({ dead: false });
    clock.advance(9999);
    expect(running.facts.waiting).toBeDefined();
    clock.advance(1);
    expect(running.facts).toMatchObject({ restartCount: 2, ready: true });
    expect(running.facts.waiting).toBeUndefined();
    expect(running.facts.lastEnd).toBeDefined();
  });

  it("lets the startup probe pass before the others begin", () => {
    const startupProbe = { ...exec, initialDelaySeconds: 3 };
    const { running, clock, log, tell } = make({ startupProbe, readinessProbe: exec, livenessProbe: exec });
    tell({ ready: false });
    expect(running.facts).toMatchObject({ ready: false, started: false });
    clock.advance(2999);
    expect(log).toEqual([]);
    tell({ ready: true });
    clock.advance(1);
    expect(running.facts).toMatchObject({ ready: true, started: true });
  });

  it("keeps the verdict of an earlier agent until the first result, and its restarts", () => {
    const before = { restartCount: 4, startedAtMs: 0, ready: true };
    const { running } = make({ readinessProbe: { ...exec, initialDelaySeconds: 2_000 } }, before);
    expect(running.facts).toMatchObject({ ready: true, restartCount: 4 });
  });

  it("is unready while a port cannot be opened", () => {
    const { running, log } = make({});
    running.portProblem("80/TCP", "EADDRINUSE");
    running.portProblem("80/TCP", "EADDRINUSE");
    expect(running.facts.ready).toBe(false);
    expect(log).toEqual(["Failed: Port 80/TCP cannot be opened: EADDRINUSE"]);
    running.portProblem("80/TCP", undefined);
    expect(running.facts.ready).toBe(true);
  });

  it("fails probes of ports that do not exist", () => {
    const { running, log } = make({ readinessProbe: { tcpSocket: { port: "sql" } } });
    expect(running.facts.ready).toBe(false);
    expect(log).toEqual(['Unhealthy: Readiness probe failed: container web has no port named "sql"']);
  });

  it("is not started again once it terminates, and says nothing after stop()", () => {
    const { running, clock, tell, log, changes } = make({
      livenessProbe: { ...exec, periodSeconds: 1, failureThreshold: 1 },
    });
    running.terminate();
    tell({ dead: true });
    clock.advance(5000);
    expect(log).toEqual([]);
    running.stop();
    const before = changes();
    clock.advance(50_000);
    expect(changes()).toBe(before);
  });
});
