import { describe, expect, it } from "vitest";
import type { Deployment, ReplicaSet } from "../../objects/index.ts";
import { planDeployment } from "./plan.ts";
import { rollingLimits } from "./rolling.ts";

const now = Date.parse("2026-01-01T01:00:00Z");

function deployment(spec: Partial<Deployment["spec"]> = {}, status?: Deployment["status"]): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", uid: "d", generation: 1 },
    spec: {
      replicas: 4,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "new" }] } },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** A set of an image, with its size, how many are available, and what its annotations say of size and maximum. */
function set(image: string, replicas: number, available: number, desired = 4, max = 5, revision = "1"): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `web-${image}`,
      namespace: "default",
      uid: image,
      generation: 1,
      creationTimestamp: `2026-01-01T00:0${revision}:00Z`,
      labels: { app: "web" },
      annotations: {
        "deployment.kubernetes.io/desired-replicas": String(desired),
        "deployment.kubernetes.io/max-replicas": String(max),
        "deployment.kubernetes.io/revision": revision,
      },
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web", "pod-template-hash": image } },
        spec: { containers: [{ name: "c", image }] },
      },
    },
    status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  };
}

const plan = (of: Deployment, sets: readonly ReplicaSet[], oldPodsRun = false) =>
  planDeployment({ deployment: of, sets, oldPodsRun: () => oldPodsRun }, now);
const sizes = (of: Deployment, sets: readonly ReplicaSet[]) =>
  Object.fromEntries(plan(of, sets).update.map(({ set: one }) => [one.metadata.uid, one.spec.replicas]));

describe("rollingLimits()", () => {
  it.each([
    [4, "25%", "25%", { maxSurge: 1, maxUnavailable: 1 }],
    [10, "25%", "25%", { maxSurge: 3, maxUnavailable: 2 }],
    [1, "25%", "25%", { maxSurge: 1, maxUnavailable: 0 }],
    [3, 0, 0, { maxSurge: 0, maxUnavailable: 1 }],
    [3, 0, "10%", { maxSurge: 0, maxUnavailable: 1 }],
    [3, "100%", 0, { maxSurge: 3, maxUnavailable: 0 }],
  ])("of %i replicas with surge %j and unavailable %j", (replicas, maxSurge, maxUnavailable, limits) => {
    expect(rollingLimits(deployment({ replicas, strategy: { rollingUpdate: { maxSurge, maxUnavailable } } }))).toEqual(
      limits,
    );
  });
});

describe("planDeployment()", () => {
  it("begins with a set that bears the template's hash in name, labels and selector", () => {
    const { create, revision, status } = plan(deployment(), []);
    const hash = create?.metadata.labels?.["pod-template-hash"];
    expect(create).toMatchObject({
      metadata: { name: `web-${hash}`, ownerReferences: [{ kind: "Deployment", uid: "d", controller: true }] },
      spec: { replicas: 4, selector: { matchLabels: { app: "web", "pod-template-hash": hash } } },
    });
    expect(create?.spec.template?.metadata?.labels).toEqual({ app: "web", "pod-template-hash": hash });
    expect(revision).toBe("1");
    expect(status.conditions).toMatchObject([
      { type: "Available", status: "False", reason: "MinimumReplicasUnavailable" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetCreated" },
    ]);
  });

  const rollouts: readonly (readonly [string, Deployment, readonly ReplicaSet[], Record<string, number>])[] = [
    [
      "grows the new set as far as the surge allows",
      deployment(),
      [set("old", 4, 4), set("new", 0, 0, 4, 5, "2")],
      { new: 1 },
    ],
    [
      "shrinks the old set by what may be missing",
      deployment(),
      [set("old", 4, 4), set("new", 1, 0, 4, 5, "2")],
      { old: 3 },
    ],
    ["waits while too few are available", deployment(), [set("old", 3, 3), set("new", 2, 0, 4, 5, "2")], {}],
    ["goes on when a new pod is available", deployment(), [set("old", 3, 3), set("new", 2, 1, 4, 5, "2")], { old: 2 }],
    ["drops pods that do not serve first", deployment(), [set("old", 4, 1), set("new", 1, 1, 4, 5, "2")], { old: 2 }],
    ["ends with the new set alone", deployment(), [set("old", 1, 1), set("new", 4, 4, 4, 5, "2")], { old: 0 }],
    ["does nothing when done", deployment(), [set("old", 0, 0), set("new", 4, 4, 4, 5, "2")], {}],
    ["scales the only set", deployment({ replicas: 6 }), [set("new", 4, 4)], { new: 6 }],
    [
      "scales in proportion in the middle of a rollout",
      deployment({ replicas: 8 }),
      [set("old", 3, 3), set("new", 2, 0, 4, 5, "2")],
      { old: 6, new: 4 },
    ],
    ["only scales while paused", deployment({ paused: true }), [set("old", 4, 4)], {}],
    [
      "empties old sets first with Recreate",
      deployment({ strategy: { type: "Recreate" } }),
      [set("old", 4, 4)],
      { old: 0 },
    ],
  ];
  it.each(rollouts)("%s", (_what, of, sets, expected) => expect(sizes(of, sets)).toEqual(expected));

  it("waits with Recreate until the old pods are gone", () => {
    const of = deployment({ strategy: { type: "Recreate" } });
    expect(plan(of, [set("old", 0, 0)], true).create).toBeUndefined();
    expect(plan(of, [set("old", 0, 0)], false).create?.spec.replicas).toBe(4);
  });

  it("gives an old template that is back the newest revision and remembers the former one", () => {
    const { update, revision } = plan(deployment(), [set("new", 4, 4, 4, 5, "1"), set("other", 0, 0, 4, 5, "2")]);
    expect(revision).toBe("3");
    expect(update[0]?.set.metadata.annotations).toMatchObject({
      "deployment.kubernetes.io/revision": "3",
      "deployment.kubernetes.io/revision-history": "1",
    });
  });

  it("removes the oldest empty sets beyond the history limit once the rollout is complete", () => {
    const sets = [set("a", 0, 0, 4, 5, "1"), set("b", 0, 0, 4, 5, "2"), set("new", 4, 4, 4, 5, "3")];
    const of = deployment({ revisionHistoryLimit: 1 });
    expect(plan(of, sets).remove.map(({ metadata }) => metadata.uid)).toEqual(["a"]);
    expect(plan(of, [...sets.slice(0, 2), set("new", 4, 3, 4, 5, "3")]).remove).toEqual([]);
  });

  it("says that it has timed out, and when to look again", () => {
    const progressing = (lastUpdateTime: string) => [
      { type: "Progressing", status: "True", reason: "ReplicaSetUpdated", lastUpdateTime } as const,
    ];
    const counts = { replicas: 4, updatedReplicas: 4, readyReplicas: 2, availableReplicas: 2 };
    const sets = [set("new", 4, 2)];
    const late = plan(deployment({}, { ...counts, conditions: progressing("2026-01-01T00:49:00Z") }), sets);
    expect(late.status.conditions).toContainEqual(
      expect.objectContaining({ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }),
    );
    expect(late.againAfterMs).toBeUndefined();
    const early = plan(deployment({}, { ...counts, conditions: progressing("2026-01-01T00:59:00Z") }), sets);
    expect(early.againAfterMs).toBe(540_000);
  });

  it("leaves everything to the garbage collector when it is being deleted", () => {
    const of = deployment();
    const leaving = { ...of, metadata: { ...of.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(plan(leaving, [set("old", 4, 4)])).toMatchObject({ create: undefined, update: [], remove: [] });
  });
});
