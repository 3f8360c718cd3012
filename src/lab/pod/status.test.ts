import { describe, expect, it } from "vitest";
import { ip } from "../../core/index.ts";
import type { Pod } from "../../objects/index.ts";
import { podStatus } from "./status.ts";
import type { ContainerFacts, PodFacts } from "./status.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n", uid: "u" },
  spec: { containers: [{ name: "a", image: "x:1" }], initContainers: [{ name: "i", image: "y" }] },
  status: {
    phase: "Pending",
    qosClass: "BestEffort",
    conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
  },
};

const facts = (container: Partial<ContainerFacts> = {}): PodFacts => ({
  podIP: ip("10.244.1.2"),
  hostIP: ip("192.168.100.11"),
  startTimeMs: Date.UTC(2026, 0, 2),
  containers: [
    { name: "a", ready: true, started: true, restartCount: 0, startedAtMs: Date.UTC(2026, 0, 2), ...container },
  ],
  standIn: true,
});
const now = Date.UTC(2026, 0, 3);
const conditions = (status: ReturnType<typeof podStatus>) =>
  Object.fromEntries((status.conditions ?? []).map((condition) => [condition.type, condition]));

describe("podStatus()", () => {
  it("says that a pod runs, is ready and is a stand-in, and keeps what others wrote", () => {
    const status = podStatus(pod, facts(), now);
    expect(status).toMatchObject({
      phase: "Running",
      qosClass: "BestEffort",
      podIP: "10.244.1.2",
      podIPs: [{ ip: "10.244.1.2" }],
      hostIP: "192.168.100.11",
      startTime: "2026-01-02T00:00:00Z",
    });
    expect(conditions(status)).toMatchObject({
      PodScheduled: { status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" },
      Initialized: { status: "True" },
      ContainersReady: { status: "True" },
      Ready: { status: "True", lastTransitionTime: "2026-01-03T00:00:00Z" },
      PodReadyToStartContainers: { status: "True" },
      "sealane.dev/stand-in": { status: "True" },
    });
    expect(status.initContainerStatuses?.[0]?.state).toMatchObject({
      terminated: { reason: "Completed", exitCode: 0 },
    });
    expect(status.containerStatuses?.[0]).toMatchObject({ imageID: "stand-in://x:1", containerID: "sealane://u/a/0" });
  });

  it("gives the same status again when nothing changed, however late", () => {
    const status = podStatus(pod, facts(), now);
    expect(podStatus({ ...pod, status }, facts(), now + 99_000)).toEqual(status);
  });

  it("names unready containers and notes when readiness turned", () => {
    const status = podStatus(pod, facts(), now);
    const later = conditions(podStatus({ ...pod, status }, facts({ ready: false }), now + 60_000));
    expect(later["Ready"]).toEqual({
      type: "Ready",
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [a]",
      lastTransitionTime: "2026-01-03T00:01:00Z",
    });
    expect(later["Initialized"]?.lastTransitionTime).toBe("2026-01-03T00:00:00Z");
  });

  it("waits for readiness gates", () => {
    const gated: Pod = { ...pod, spec: { ...pod.spec, readinessGates: [{ conditionType: "x/y" }] } };
    expect(conditions(podStatus(gated, facts(), now))).toMatchObject({
      ContainersReady: { status: "True" },
      Ready: { status: "False", reason: "ReadinessGatesNotReady" },
    });
    const open: Pod = { ...gated, status: { conditions: [{ type: "x/y", status: "True" }] } };
    expect(conditions(podStatus(open, facts(), now))).toMatchObject({
      Ready: { status: "True" },
      "x/y": { status: "True" },
    });
  });

  it("shows restarts and back-off", () => {
    const lastEnd = { startedAtMs: now, finishedAtMs: now + 1000 };
    const waiting = { reason: "CrashLoopBackOff", message: "back-off 10s" };
    const [status] =
      podStatus(pod, facts({ restartCount: 2, lastEnd, waiting, ready: false }), now).containerStatuses ?? [];
    expect(status).toMatchObject({
      restartCount: 2,
      containerID: "sealane://u/a/2",
      state: { waiting },
      lastState: { terminated: { exitCode: 137, containerID: "sealane://u/a/1" } },
    });
  });
});
