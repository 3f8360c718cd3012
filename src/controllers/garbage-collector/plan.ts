import type { KubeObject, OwnerReference } from "../../objects/index.ts";

const foreground = "foregroundDeletion";
const orphan = "orphan";

/** What is known of an owner: there, being deleted with its dependents first, or gone. */
export type OwnerState = "present" | "foreground" | "absent" | "unknown";

/** What to do with an object because of its owners and finalizers. */
export type GarbageAction =
  | { readonly kind: "keep" }
  | { readonly kind: "delete"; readonly propagationPolicy: "Background" | "Foreground" }
  /** Owners that are gone are taken from the list because another one is left. */
  | { readonly kind: "drop-owners"; readonly uids: readonly string[] }
  /** `foregroundDeletion`: the dependents first, then this finalizer. */
  | { readonly kind: "delete-dependents"; readonly dependents: readonly KubeObject[] }
  /** `orphan`: the dependents lose this owner, then this finalizer. */
  | { readonly kind: "orphan-dependents"; readonly dependents: readonly KubeObject[] }
  | { readonly kind: "remove-finalizer"; readonly finalizer: string };

/** Decides for one object. `dependents` are all objects that name it as an owner. */
export function planGarbage(
  object: KubeObject,
  stateOf: (owner: OwnerReference) => OwnerState,
  dependents: readonly KubeObject[],
): GarbageAction {
  const { deletionTimestamp, finalizers = [], uid = "" } = object.metadata;
  if (deletionTimestamp !== undefined) {
    if (finalizers.includes(orphan)) {
      return dependents.length > 0
        ? { kind: "orphan-dependents", dependents }
        : { kind: "remove-finalizer", finalizer: orphan };
    }
    if (finalizers.includes(foreground)) {
      const blocking = dependents.filter(({ metadata }) =>
        metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
      );
      if (blocking.length === 0) return { kind: "remove-finalizer", finalizer: foreground };
      const remaining = dependents.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      return remaining.length === 0 ? { kind: "keep" } : { kind: "delete-dependents", dependents: remaining };
    }
    return { kind: "keep" };
  }
  return planByOwners(object, stateOf, dependents);
}

function planByOwners(
  object: KubeObject,
  stateOf: (owner: OwnerReference) => OwnerState,
  dependents: readonly KubeObject[],
): GarbageAction {
  const owners = object.metadata.ownerReferences ?? [];
  if (owners.length === 0) return { kind: "keep" };
  const states = owners.map((owner) => ({ owner, state: stateOf(owner) }));
  const absent = states.filter(({ state }) => state === "absent");
  const waiting = states.filter(({ owner, state }) => state === "foreground" && owner.blockOwnerDeletion === true);
  const solid = states.filter(
    ({ state, owner }) => !absent.some((entry) => entry.owner === owner) && state !== "foreground",
  );
  if (solid.length > 0) {
    const uids = [...absent, ...waiting].map(({ owner }) => owner.uid);
    return uids.length === 0 ? { kind: "keep" } : { kind: "drop-owners", uids };
  }
  if (waiting.length > 0 && dependents.length > 0) return { kind: "delete", propagationPolicy: "Foreground" };
  return absent.length + waiting.length === 0 ? { kind: "keep" } : { kind: "delete", propagationPolicy: "Background" };
}
