import { formatTime } from "../../objects/index.ts";
import type { DeleteOptions, KubeObject, ObjectMeta } from "../../objects/index.ts";
import type { Kind } from "../../kinds/index.ts";
import type { Write } from "../../store/index.ts";
import { conflict } from "../errors.ts";
import type { PipelineContext, WriteOptions } from "./context.ts";
import { rulesOf } from "./rules.ts";
import { storageOf } from "./storage.ts";

/** What a deletion may ask for. */
export interface DeleteRequest extends DeleteOptions, WriteOptions {
  /** Delete only this version. */
  readonly resourceVersion?: string;
}

/** What became of a deletion: `removed` is false while the object waits for finalizers or its grace period. */
export interface Deletion {
  readonly object: KubeObject;
  readonly removed: boolean;
}

const foreground = "foregroundDeletion";
const orphan = "orphan";

/** Deletes an object that is in the store, or begins to; the result is in its stored form. Throws `ApiError`. */
export function deleteObject(context: PipelineContext, kind: Kind, old: KubeObject, request: DeleteRequest): Deletion {
  const { table } = storageOf(kind);
  const rules = rulesOf(table);
  checkPreconditions(kind, old, request);
  rules.checkDelete?.(old);
  const finalizers = withPolicy(old.metadata.finalizers ?? [], request.propagationPolicy);
  const grace = rules.gracePeriod?.(old, request.gracePeriodSeconds) ?? 0;
  const waits = finalizers.length > 0 || grace > 0 || rules.holdsDeletion?.(old) === true;
  if (!waits) {
    if (request.dryRun === true) return { object: old, removed: true };
    const [removed] = context.store.commit(removal(context, table, old));
    return { object: removed ?? old, removed: true };
  }
  const metadata = terminating(context, old.metadata, finalizers, grace);
  if (metadata === old.metadata) return { object: old, removed: false };
  const marked = { ...old, metadata };
  const object =
    old.metadata.deletionTimestamp === undefined ? (rules.onDeletionStart?.(marked, context) ?? marked) : marked;
  if (request.dryRun === true) return { object, removed: false };
  const [stored] = context.store.commit([{ kind: "put", table, object, expect: { kind: "any" } }]);
  return { object: stored ?? object, removed: false };
}

/** Whether nothing holds an object whose deletion was asked for. */
export function mayLeave(table: string, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0 || finalizers.length > 0) return false;
  return rulesOf(table).holdsDeletion?.(object) !== true;
}

/** The writes that take an object out of the store, with what hangs on it. */
export function removal(context: PipelineContext, table: string, object: KubeObject): readonly Write[] {
  const { namespace, name } = object.metadata;
  const sideWrites = rulesOf(table).onRemove?.(object, context) ?? [];
  return [{ kind: "delete", table, namespace, name, expect: { kind: "any" } }, ...sideWrites];
}

function checkPreconditions({ resource }: Kind, old: KubeObject, { uid, resourceVersion }: DeleteRequest): void {
  const { name, uid: oldUid = "", resourceVersion: oldVersion = "" } = old.metadata;
  if (uid !== undefined && uid !== oldUid) {
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${oldUid}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== oldVersion) {
    const reason = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${oldVersion}`;
    throw conflict(resource, name, reason);
  }
}

function withPolicy(finalizers: readonly string[], policy: DeleteOptions["propagationPolicy"]): readonly string[] {
  if (policy === undefined) return finalizers;
  const others = finalizers.filter((finalizer) => finalizer !== foreground && finalizer !== orphan);
  if (policy === "Background") return others;
  return [...others, policy === "Foreground" ? foreground : orphan];
}

/** The metadata of an object whose deletion began: a second request may only shorten the grace period. */
function terminating(
  context: PipelineContext,
  old: ObjectMeta,
  finalizers: readonly string[],
  grace: number,
): ObjectMeta {
  const sameFinalizers = finalizers.join() === (old.finalizers ?? []).join();
  const shorter = grace < (old.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY);
  if (old.deletionTimestamp !== undefined && sameFinalizers && !shorter) return old;
  const { finalizers: _before, ...metadata } = old;
  const deletionTimestamp = formatTime(context.clock.now() + grace * 1000);
  return {
    ...metadata,
    ...(finalizers.length === 0 ? {} : { finalizers }),
    ...(old.deletionTimestamp === undefined && old.generation !== undefined ? { generation: old.generation + 1 } : {}),
    ...(shorter ? { deletionTimestamp, deletionGracePeriodSeconds: grace } : {}),
  };
}
