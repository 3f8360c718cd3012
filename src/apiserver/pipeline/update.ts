import type { KubeObject } from "../../objects/index.ts";
import type { Kind, Subresource } from "../../kinds/index.ts";
import { conflict, invalid } from "../errors.ts";
import type { PipelineContext, WriteOptions } from "./context.ts";
import { equalObjects, keptMetadata, specChanged } from "./metadata.ts";
import { mayLeave, removal } from "./delete.ts";
import { rulesOf } from "./rules.ts";
import { storageOf } from "./storage.ts";

/** Which part of the object an update writes; undefined: all that an update may write. */
export type UpdateTarget = Subresource | "finalize" | undefined;

/** Replaces `old`, which is in the store, by what the client wants, and returns the result in its stored form. Throws `ApiError`. */
export function updateObject(
  context: PipelineContext,
  kind: Kind,
  old: KubeObject,
  wanted: KubeObject,
  target: UpdateTarget,
  options: WriteOptions,
): KubeObject {
  const { resource } = kind;
  const storage = storageOf(kind);
  const { table } = storage;
  const { name } = old.metadata;
  checkIdentity(kind, wanted, old);
  const identified = { ...wanted, metadata: keptMetadata(wanted.metadata, old.metadata) };
  const subresource = target === "finalize" ? "status" : target;
  const prepared = storage.kind.prepareForUpdate(storage.toStored(kind.applyDefaults(identified)), old, subresource);
  const draft = rulesOf(table).onUpdate?.(prepared, old, wanted, target, context) ?? {
    object: prepared,
    sideWrites: [],
  };
  const errors = kind.validateUpdate(storage.fromStored(draft.object), storage.fromStored(old), subresource);
  if (errors.length > 0) throw invalid(resource, name, errors);
  const changed = withGeneration(storage.kind, draft.object, old);
  if (equalObjects(changed, old) && draft.sideWrites.length === 0) return old;
  if (options.dryRun === true) return changed;
  const expect = { kind: "any" } as const;
  if (mayLeave(table, changed)) {
    // The last finalizer went: the deletion that was waiting for it happens now.
    context.store.commit([{ kind: "put", table, object: changed, expect }, ...draft.sideWrites]);
    context.store.commit(removal(context, table, changed));
    return changed;
  }
  const [stored] = context.store.commit([{ kind: "put", table, object: changed, expect }, ...draft.sideWrites]);
  return stored ?? changed;
}

function checkIdentity({ resource }: Kind, wanted: KubeObject, old: KubeObject): void {
  const { resourceVersion = "", uid = "" } = wanted.metadata;
  const { name } = old.metadata;
  if (uid !== "" && uid !== old.metadata.uid) {
    const reason = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid ?? ""}`;
    throw conflict(resource, name, reason);
  }
  if (resourceVersion !== "" && resourceVersion !== old.metadata.resourceVersion) throw conflict(resource, name);
}

function withGeneration(kind: Kind, object: KubeObject, old: KubeObject): KubeObject {
  if (!kind.hasGeneration || !specChanged(object, old)) return object;
  return { ...object, metadata: { ...object.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}
