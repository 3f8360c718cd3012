import { describe, expect, it } from "vitest";
import type { Pod } from "../../objects/index.ts";
import { planReplicas, replicaStatus } from "./plan.ts";

interface Traits {
  readonly node?: string;
  readonly phase?: "Pending" | "Running" | "Failed";
  readonly ready?: string;
  readonly created?: string;
  readonly cost?: string;
  readonly deleting?: boolean;
}

function pod(name: string, traits: Traits = {}): Pod {
  const {
    node = "n1",
    phase = "Running",
    ready = "2026-01-01T00:00:00Z",
    created = "2026-01-01T00:00:00Z",
    cost,
  } = traits;
  const condition = { type: "Ready", status: ready === "" ? "False" : "True", lastTransitionTime: ready } as const;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      creationTimestamp: created,
      labels: { app: "web" },
      ...(traits.deleting === true ? { deletionTimestamp: created } : {}),
      ...(cost === undefined ? {} : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
    },
    spec: { containers: [], ...(node === "" ? {} : { nodeName: node }) },
    status: { phase, conditions: [condition] },
  };
}

describe("planReplicas()", () => {
  it.each([
    [3, [], 3],
    [3, [pod("a")], 2],
    [1, [pod("a", { phase: "Failed" })], 1],
    [1, [pod("a", { deleting: true })], 1],
    [1, [pod("a")], 0],
  ])("creates what is missing to %i", (wanted, pods, create) => {
    expect(planReplicas(wanted, pods)).toEqual({ create, remove: [] });
  });

  const order: readonly (readonly [string, Pod, Pod])[] = [
    ["one without a node", pod("go", { node: "" }), pod("stay")],
    ["one that does not run yet", pod("go", { phase: "Pending" }), pod("stay")],
    ["one that is not ready", pod("go", { ready: "" }), pod("stay")],
    ["the cheaper one", pod("go", { cost: "-5" }), pod("stay")],
    ["the one on the fuller node", pod("go", { node: "full" }), pod("stay")],
    ["the one that became ready last", pod("go", { ready: "2026-01-02T00:00:00Z" }), pod("stay")],
    ["the youngest", pod("go", { created: "2026-01-02T00:00:00Z" }), pod("stay")],
  ];
  it.each(order)("deletes %s first", (_what, go, stay) => {
    const crowd = (node: string): number => (node === "full" ? 2 : 1);
    for (const pods of [
      [go, stay],
      [stay, go],
    ]) {
      expect(planReplicas(1, pods, crowd).remove.map(({ metadata }) => metadata.name)).toEqual(["go"]);
    }
  });
});

describe("replicaStatus()", () => {
  const spec = {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    minReadySeconds: 60,
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
  };
  const now = Date.parse("2026-01-01T00:01:30Z");

  it("counts what runs, is ready and has been ready for long enough", () => {
    const pods = [
      pod("a"),
      pod("b", { ready: "2026-01-01T00:01:00Z" }),
      pod("c", { ready: "" }),
      pod("d", { deleting: true }),
    ];
    expect(replicaStatus(spec, 7, undefined, pods, undefined, now)).toEqual({
      replicas: 3,
      fullyLabeledReplicas: 3,
      readyReplicas: 2,
      availableReplicas: 1,
      observedGeneration: 7,
    });
  });

  it("says why pods could not be made, and takes it back", () => {
    const failure = { reason: "FailedCreate", message: "quota" } as const;
    const failed = replicaStatus(spec, 1, undefined, [], failure, now);
    expect(failed.conditions).toMatchObject([{ type: "ReplicaFailure", status: "True", ...failure }]);
    expect(replicaStatus(spec, 1, failed, [], undefined, now)).not.toHaveProperty("conditions");
  });
});
