import { describe, expect, it } from "vitest";
import type { KubeObject, ObjectMeta } from "../../objects/index.ts";
import { planGarbage } from "./plan.ts";
import type { OwnerState } from "./plan.ts";

function object(metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "o", uid: "o", ...metadata } };
}

/** An object owned by `owners`; those with `!` block their owner's deletion. */
function owned(owners: string, extra: Partial<ObjectMeta> = {}): KubeObject {
  const ownerReferences = owners.split(" ").map((text) => ({
    apiVersion: "v1",
    kind: "Owner",
    name: text.replace("!", ""),
    uid: text.replace("!", ""),
    blockOwnerDeletion: text.endsWith("!"),
  }));
  return object({ ownerReferences, ...extra });
}

const gone = { deletionTimestamp: "2026-01-01T00:00:00Z" };

describe("planGarbage()", () => {
  const states: Readonly<Record<string, OwnerState>> = {
    there: "present",
    away: "absent",
    leaving: "foreground",
    strange: "unknown",
  };
  const dependent = owned("o!", { name: "dependent", uid: "dependent" });
  const cases: readonly (readonly [string, KubeObject, readonly KubeObject[], object])[] = [
    ["keeps what has no owner", object(), [], { kind: "keep" }],
    ["keeps what has an owner", owned("there"), [], { kind: "keep" }],
    ["keeps what has an owner of an unknown kind", owned("strange"), [], { kind: "keep" }],
    ["deletes what has lost its owner", owned("away"), [], { kind: "delete", propagationPolicy: "Background" }],
    ["only forgets a lost owner beside another", owned("there away"), [], { kind: "drop-owners", uids: ["away"] }],
    [
      "deletes with an owner that waits for it",
      owned("leaving!"),
      [],
      { kind: "delete", propagationPolicy: "Background" },
    ],
    [
      "deletes its own dependents first then",
      owned("leaving!"),
      [dependent],
      { kind: "delete", propagationPolicy: "Foreground" },
    ],
    ["leaves what is being deleted already", owned("away", gone), [], { kind: "keep" }],
    [
      "waits for dependents in a foreground deletion",
      object({ ...gone, finalizers: ["foregroundDeletion"] }),
      [dependent],
      { kind: "delete-dependents", dependents: [dependent] },
    ],
    [
      "waits on while they end",
      object({ ...gone, finalizers: ["foregroundDeletion"] }),
      [owned("o!", gone)],
      { kind: "keep" },
    ],
    [
      "ends a foreground deletion when none blocks it",
      object({ ...gone, finalizers: ["foregroundDeletion"] }),
      [owned("o")],
      { kind: "remove-finalizer", finalizer: "foregroundDeletion" },
    ],
    [
      "frees dependents of an orphaning deletion",
      object({ ...gone, finalizers: ["orphan"] }),
      [dependent],
      { kind: "orphan-dependents", dependents: [dependent] },
    ],
    [
      "ends an orphaning deletion",
      object({ ...gone, finalizers: ["orphan"] }),
      [],
      { kind: "remove-finalizer", finalizer: "orphan" },
    ],
    [
      "leaves other finalizers to others",
      object({ ...gone, finalizers: ["example.com/x"] }),
      [dependent],
      { kind: "keep" },
    ],
  ];
  it.each(cases)("%s", (_what, one, dependents, expected) => {
    expect(planGarbage(one, ({ uid }) => states[uid] ?? "present", dependents)).toEqual(expected);
  });
});
