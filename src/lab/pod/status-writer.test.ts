import { describe, expect, it } from "vitest";
import { FakeCluster } from "../../../test/lab/fake-cluster.ts";
import { CodedError, ManualClock, silentLogger } from "../../core/index.ts";
import type { ClusterApi, Pod, PodStatus } from "../../objects/index.ts";
import { StatusWriter } from "./status-writer.ts";

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function make(api: (cluster: FakeCluster) => ClusterApi = (cluster) => cluster.api) {
  const cluster = new FakeCluster();
  const clock = new ManualClock();
  const created = cluster.put<Pod>("pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [] },
  });
  let wanted: PodStatus = { phase: "Running" };
  const writer = new StatusWriter({
    api: api(cluster),
    clock,
    log: silentLogger,
    current: () => cluster.pod("p"),
    wanted: () => wanted,
  });
  const want = async (status: PodStatus) => {
    wanted = status;
    writer.update();
    await settle();
  };
  return { cluster, clock, created, want, writer };
}

describe("StatusWriter", () => {
  it("writes each change once and nothing when nothing changed", async () => {
    const { cluster, want } = make();
    await want({ phase: "Running" });
    await want({ phase: "Running" });
    expect(cluster.statusWrites).toBe(1);
    await want({ phase: "Running", podIP: "10.0.0.1" });
    expect([cluster.statusWrites, cluster.pod("p")?.status]).toEqual([2, { phase: "Running", podIP: "10.0.0.1" }]);
  });

  it("writes only the newest of changes that come together", async () => {
    const { cluster, want } = make();
    await Promise.all([want({ phase: "Pending" }), want({ phase: "Pending", podIP: "1" }), want({ phase: "Running" })]);
    expect([cluster.statusWrites, cluster.pod("p")?.status]).toEqual([2, { phase: "Running" }]);
  });

  it("reads the pod again after a conflict", async () => {
    const { cluster, want } = make();
    cluster.conflicts = 3;
    await want({ phase: "Running" });
    expect(cluster.pod("p")?.status).toEqual({ phase: "Running" });
  });

  it("tries again while the API is away", async () => {
    let away = true;
    const { cluster, clock, want } = make((cluster) => ({
      ...cluster.api,
      updateStatus: (resource, object) =>
        away
          ? Promise.reject(new CodedError("Unreachable", "nobody answers"))
          : cluster.api.updateStatus(resource, object),
    }));
    await want({ phase: "Running" });
    clock.advance(200);
    await settle();
    expect(cluster.statusWrites).toBe(0);
    away = false;
    clock.advance(200);
    await settle();
    expect(cluster.pod("p")?.status).toEqual({ phase: "Running" });
  });

  it("gives up a pod that is gone or was replaced", async () => {
    const { cluster, created, want } = make();
    cluster.remove("pods", created);
    await want({ phase: "Running" });
    cluster.put("pods", { ...created, metadata: { ...created.metadata, uid: "another" } });
    await settle();
    expect(cluster.statusWrites).toBe(0);
  });
});
