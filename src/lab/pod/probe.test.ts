import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Container, Probe } from "../../objects/index.ts";
import { afterResult, initialProgress, mustRestart, planProbe, restartDelayMs } from "./probe.ts";
import type { ProbeKind } from "./probe.ts";

const container: Container = { name: "web", ports: [{ name: "http", containerPort: 8080 }] };

describe("planProbe()", () => {
  it("fills in the defaults", () =>
    expect(planProbe("readiness", { httpGet: { port: "http" } }, container)).toEqual({
      kind: "readiness",
      action: { kind: "http", port: 8080, path: "/", host: undefined, headers: [] },
      initialDelayMs: 0,
      periodMs: 10_000,
      timeoutMs: 1000,
      successThreshold: 1,
      failureThreshold: 3,
    }));

  const actions: readonly (readonly [Probe, object])[] = [
    [{ httpGet: { path: "ready", port: "9090" } }, { kind: "http", port: 9090, path: "/ready" }],
    [{ httpGet: { port: 8443, scheme: "HTTPS" } }, { kind: "tcp", port: 8443 }],
    [{ tcpSocket: { port: 5432 } }, { kind: "tcp", port: 5432 }],
    [{ exec: { command: ["true"] } }, { kind: "assumed" }],
    [{ grpc: { port: 50051 } }, { kind: "assumed" }],
    [{ tcpSocket: { port: "sql" } }, { kind: "impossible", reason: 'container web has no port named "sql"' }],
  ];
  it.each(actions)("reads %j", (probe, action) =>
    expect(planProbe("liveness", probe, container).action).toMatchObject(action),
  );
});

describe("afterResult()", () => {
  const verdicts = (kind: ProbeKind, probe: Probe, results: string) => {
    const plan = planProbe(kind, { tcpSocket: { port: 80 }, ...probe }, container);
    let progress = initialProgress(kind);
    return Array.from(results)
      .map((result) => {
        progress = afterResult(plan, progress, result === "+");
        return mustRestart(plan, progress) ? "!" : progress.passing ? "+" : "-";
      })
      .join("");
  };
  const table: readonly (readonly [ProbeKind, Probe, string, string])[] = [
    ["readiness", {}, "+", "+"],
    ["readiness", {}, "-+", "-+"],
    ["readiness", {}, "+---+", "+++-+"],
    ["readiness", { failureThreshold: 1 }, "+-+", "+-+"],
    ["readiness", { successThreshold: 2 }, "+-++", "---+"],
    ["liveness", { failureThreshold: 2 }, "-+--", "+++!"],
    ["startup", { failureThreshold: 3 }, "--+", "--+"],
    ["startup", { failureThreshold: 3 }, "---", "--!"],
  ];
  it.each(table)("%s %j: %s gives %s", (kind, probe, results, expected) =>
    expect(verdicts(kind, probe, results)).toBe(expected),
  );

  it("turns only after as many equal results in a row as the threshold says", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 4 }), (results, failureThreshold) => {
        const plan = planProbe("readiness", { tcpSocket: { port: 1 }, failureThreshold }, container);
        const end = results.reduce(
          (progress, result) => afterResult(plan, progress, result),
          initialProgress("readiness"),
        );
        const lastPass = results.lastIndexOf(true);
        expect(end.passing).toBe(lastPass >= 0 && results.length - 1 - lastPass < failureThreshold);
      }),
    );
  });
});

describe("restartDelayMs()", () => {
  it("restarts at once, then backs off up to 5 minutes", () =>
    expect([0, 1, 2, 3, 20].map(restartDelayMs)).toEqual([0, 10_000, 20_000, 40_000, 300_000]));
});
