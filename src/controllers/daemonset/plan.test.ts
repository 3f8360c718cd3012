import { describe, expect, it } from "vitest";
import type { DaemonSet, Node, Pod } from "../../objects/index.ts";
import { judgeNode, planDaemonSet } from "./plan.ts";

function set(updateStrategy?: DaemonSet["spec"]["updateStrategy"]): DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "agent", namespace: "default", uid: "s" },
    spec: {
      selector: { matchLabels: {} },
      template: { spec: { containers: [] } },
      ...(updateStrategy === undefined ? {} : { updateStrategy }),
    },
  };
}

function node(name: string, spec: Node["spec"] = {}): Node {
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels: { name } }, spec };
}

function pod(nodeName: string, revision = "new", ready = true, extra: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${nodeName}-${revision}`, labels: { "controller-revision-hash": revision }, ...extra },
    spec: { nodeName, containers: [] },
    status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

const three = [node("n1"), node("n2"), node("n3")];
const plan = (of: DaemonSet, pods: readonly Pod[], nodes: readonly Node[] = three) => {
  const { create, remove, status } = planDaemonSet({ set: of, pods, nodes, revision: "new" }, 0);
  return { create, remove: remove.map(({ metadata }) => metadata.name), status };
};
const all = (revision: string, ready = true): readonly Pod[] =>
  three.map(({ metadata }) => pod(metadata.name, revision, ready));

describe("judgeNode()", () => {
  const taint = (key: string, effect: "NoSchedule" | "NoExecute") => node("n", { taints: [{ key, effect }] });
  it.each([
    [{}, node("n"), { run: true, stay: true }],
    [{}, taint("k", "NoSchedule"), { run: false, stay: true }],
    [{}, taint("k", "NoExecute"), { run: false, stay: false }],
    [{}, taint("node.kubernetes.io/unreachable", "NoExecute"), { run: true, stay: true }],
    [{}, taint("node.kubernetes.io/unschedulable", "NoSchedule"), { run: true, stay: true }],
    [{ tolerations: [{ operator: "Exists" }] }, taint("k", "NoExecute"), { run: true, stay: true }],
    [{ nodeSelector: { name: "other" } }, node("n"), { run: false, stay: false }],
    [{ nodeName: "other" }, node("n"), { run: false, stay: false }],
  ])("of pods with %j", (spec, one, expected) => expect(judgeNode({ containers: [], ...spec }, one)).toEqual(expected));
});

describe("planDaemonSet()", () => {
  it("creates a pod for every node that has none, and removes those of nodes that refuse them", () => {
    const nodes = [...three, node("n4", { taints: [{ key: "k", effect: "NoExecute" }] })];
    expect(plan(set(), [pod("n1"), pod("n4")], nodes)).toMatchObject({
      create: ["n2", "n3"],
      remove: ["n4-new"],
      status: { desiredNumberScheduled: 3, currentNumberScheduled: 1, numberMisscheduled: 1, numberAvailable: 1 },
    });
  });

  it("waits for a terminating pod before it makes the next one", () => {
    expect(plan(set(), [pod("n1", "new", true, { deletionTimestamp: "x" })], [node("n1")]).create).toEqual([]);
  });

  const updates: readonly (readonly [
    string,
    DaemonSet["spec"]["updateStrategy"],
    readonly Pod[],
    readonly string[],
    readonly string[],
  ])[] = [
    ["replaces one at a time", undefined, all("old"), [], ["n1-old"]],
    [
      "replaces as many as may be missing",
      { rollingUpdate: { maxUnavailable: 2 } },
      all("old"),
      [],
      ["n1-old", "n2-old"],
    ],
    ["waits for the new one", undefined, [pod("n1", "new", false), pod("n2", "old"), pod("n3", "old")], [], []],
    ["replaces what does not serve at once", undefined, all("old", false), [], ["n1-old", "n2-old", "n3-old"]],
    ["leaves old pods with OnDelete", { type: "OnDelete" }, all("old"), [], []],
    [
      "adds the new one first with surge",
      { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      all("old"),
      ["n1"],
      [],
    ],
    [
      "drops the old one when the new one serves",
      { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      [...all("old"), pod("n1")],
      [],
      ["n1-old"],
    ],
  ];
  it.each(updates)("%s", (_what, strategy, pods, create, remove) => {
    expect(plan(set(strategy), pods)).toMatchObject({ create, remove });
  });
});
