import { describe, expect, it } from "vitest";
import type { Pod, StatefulSet } from "../../objects/index.ts";
import { ordinalOf, planStatefulSet } from "./plan.ts";

function set(spec: Partial<StatefulSet["spec"]> = {}): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default", uid: "s" },
    spec: { replicas: 3, selector: { matchLabels: {} }, template: { spec: { containers: [] } }, ...spec },
  };
}

/** `2` is a ready pod with that ordinal, `2!` one that is not ready, `2-` a terminating one, `2x` one that failed, `2o` one of the old revision. */
function pods(text: string): readonly Pod[] {
  return text
    .split(" ")
    .filter((part) => part !== "")
    .map((part) => {
      const ordinal = Number.parseInt(part, 10);
      const flags = part.slice(String(ordinal).length);
      const status = flags.includes("!") ? "False" : "True";
      return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name: `db-${ordinal}`,
          labels: { "controller-revision-hash": flags.includes("o") ? "old" : "new" },
          ...(flags.includes("-") ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
        },
        spec: { containers: [] },
        status: {
          phase: flags.includes("x") ? ("Failed" as const) : ("Running" as const),
          conditions: [{ type: "Ready", status }],
        },
      };
    });
}

function steps(of: StatefulSet, text: string): readonly string[] {
  const view = { set: of, pods: pods(text), currentRevision: "old", updateRevision: "new" };
  return planStatefulSet(view, 0).map((step) =>
    step.kind === "create" ? `+${step.ordinal} ${step.revision}` : `-${step.pod.metadata.name.slice(3)}`,
  );
}

describe("planStatefulSet()", () => {
  const parallel = { podManagementPolicy: "Parallel" } as const;
  const partition = (value: number) => ({ updateStrategy: { rollingUpdate: { partition: value } } });
  const cases: readonly (readonly [string, StatefulSet, string, readonly string[]])[] = [
    ["the first pod", set(), "", ["+0 new"]],
    ["the next one after it is ready", set(), "0", ["+1 new"]],
    ["nothing while one is not ready", set(), "0 1!", []],
    ["nothing while one terminates", set(), "0- 1", []],
    ["all at once when parallel", set(parallel), "", ["+0 new", "+1 new", "+2 new"]],
    ["a pod again that failed", set(), "0 1x", ["-1"]],
    ["a gap first", set(), "0 2", ["+1 new"]],
    ["the highest down", set(), "0 1 2 3 4", ["-4"]],
    ["nothing more while that terminates", set(), "0 1 2 3 4-", []],
    ["all surplus when parallel", set(parallel), "0 1 2 3 4", ["-4", "-3"]],
    ["from the ordinal where it starts", set({ ordinals: { start: 5 } }), "5 6", ["+7 new"]],
    ["below the start down", set({ ordinals: { start: 2 }, replicas: 1 }), "0 2", ["-0"]],
    ["the update from the highest ordinal", set(), "0o 1o 2o", ["-2"]],
    ["the next of the update when the last is ready", set(), "0o 1o 2", ["-1"]],
    ["nothing while an updated pod is not ready", set(), "0o 1o 2!", []],
    ["a broken old pod after its successor", set(parallel), "0o 1o! 2", ["-1"]],
    ["no update below the partition", set(partition(2)), "0o 1o 2", []],
    ["an old pod again below the partition", set(partition(2)), "0o 2", ["+1 old"]],
    ["a new pod at the partition", set(partition(1)), "0o", ["+1 new"]],
    ["no update with OnDelete", set({ updateStrategy: { type: "OnDelete" } }), "0o 1o 2o", []],
    [
      "as many at a time as may be missing",
      set({ ...parallel, updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } }),
      "0o 1o 2o",
      ["-2", "-1"],
    ],
  ];
  it.each(cases)("takes %s", (_what, of, text, expected) => expect(steps(of, text)).toEqual(expected));

  it("knows its pods by their names", () => {
    const [pod] = pods("7");
    expect(pod === undefined ? undefined : ordinalOf(set(), pod)).toBe(7);
    for (const name of ["db", "db-", "db-07", "db-x", "dbx-1", "db-1-2"]) {
      const other = { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: { containers: [] } };
      expect(ordinalOf(set(), other)).toBeUndefined();
    }
  });
});
