import { sameJson } from "../../core/index.ts";
import { apiVersionOf, isConflict, isNotFound } from "../../objects/index.ts";
import type { Cache, KubeObject, OwnerReference, Resource } from "../../objects/index.ts";
import { controllerCacheSpecs } from "../cache-specs.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import type { WorkQueue } from "../work-queue.ts";
import { planGarbage } from "./plan.ts";
import type { OwnerState } from "./plan.ts";

/** One kind that is looked after. */
interface Kind {
  readonly resource: Resource<KubeObject>;
  readonly cache: Cache<KubeObject>;
}

/**
 * Deletes objects whose owners are gone, and carries out foreground and orphan deletion. `otherResources` are kinds
 * without a cache here that may be owners; whether such an owner exists is asked of the API.
 */
export function startGarbageCollector(
  context: ControllerContext,
  otherResources: readonly Resource<KubeObject>[] = [],
): RunningController {
  const { api, caches } = context;
  const names = Object.keys(controllerCacheSpecs) as (keyof typeof controllerCacheSpecs)[];
  const kinds: readonly Kind[] = names.map((name) => ({
    resource: controllerCacheSpecs[name].resource,
    cache: caches[name],
  }));
  const byPlural = new Map(kinds.map((kind) => [kind.resource.plural, kind]));
  const cached = new Map(kinds.map((kind) => [typeKey(apiVersionOf(kind.resource), kind.resource.kind), kind]));
  const others = new Map(otherResources.map((other) => [typeKey(apiVersionOf(other), other.kind), other]));

  const dependentsOf = (uid: string): readonly { readonly kind: Kind; readonly object: KubeObject }[] =>
    kinds.flatMap((kind) => kind.cache.indexed("owner", uid).map((object) => ({ kind, object })));

  const reconcile = async (key: string): Promise<void> => {
    const { kind, namespace, name } = parse(key);
    const object = kind?.cache.get(namespace, name);
    if (kind === undefined || object === undefined) return;
    const states = new Map<OwnerReference, OwnerState>();
    // An object that is being deleted is not judged by its owners.
    if (object.metadata.deletionTimestamp === undefined) {
      for (const owner of object.metadata.ownerReferences ?? []) states.set(owner, await lookUp(owner, object));
    }
    const uid = object.metadata.uid ?? "";
    const dependents = dependentsOf(uid);
    const plan = planGarbage(
      object,
      (owner) => states.get(owner) ?? "unknown",
      dependents.map((dependent) => dependent.object),
    );
    switch (plan.kind) {
      case "keep":
        return;
      case "delete":
        return remove(kind, object, plan.propagationPolicy);
      case "drop-owners":
        return dropOwners(kind, object, plan.uids);
      case "delete-dependents": {
        const chosen = dependents.filter((dependent) => plan.dependents.includes(dependent.object));
        await Promise.all(
          chosen.map((dependent) => {
            const blocked = dependentsOf(dependent.object.metadata.uid ?? "").length > 0;
            return remove(dependent.kind, dependent.object, blocked ? "Foreground" : "Background");
          }),
        );
        return;
      }
      case "orphan-dependents": {
        await Promise.all(dependents.map((dependent) => dropOwners(dependent.kind, dependent.object, [uid])));
        return removeFinalizer(kind, object, "orphan");
      }
      case "remove-finalizer":
        return removeFinalizer(kind, object, plan.finalizer);
    }
  };

  /** The cache may not have heard of an owner yet, so that only the API itself can say that one is gone. */
  const lookUp = async (owner: OwnerReference, dependent: KubeObject): Promise<OwnerState> => {
    const key = typeKey(owner.apiVersion, owner.kind);
    const kind = cached.get(key);
    const resource = kind?.resource ?? others.get(key);
    if (resource === undefined) return "unknown";
    const namespace = resource.namespaced ? dependent.metadata.namespace : undefined;
    const known = kind?.cache.get(namespace, owner.name);
    if (known !== undefined && known.metadata.uid === owner.uid) return stateOf(known);
    try {
      const live = await api.get(resource, namespace, owner.name);
      return live.metadata.uid === owner.uid ? stateOf(live) : "absent";
    } catch (error) {
      if (isNotFound(error)) return "absent";
      throw error;
    }
  };

  const remove = async (
    kind: Kind,
    object: KubeObject,
    propagationPolicy: "Background" | "Foreground",
  ): Promise<void> => {
    const { namespace, name, uid } = object.metadata;
    try {
      await api.delete(kind.resource, namespace, name, { propagationPolicy, ...(uid === undefined ? {} : { uid }) });
    } catch (error) {
      // Gone, or another object has the name now.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  };

  const change = async (kind: Kind, object: KubeObject, metadata: object): Promise<void> => {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, ...metadata } };
    try {
      await api.patch(kind.resource, namespace, name, { type: "merge", body });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  const dropOwners = (kind: Kind, object: KubeObject, uids: readonly string[]): Promise<void> => {
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
    return change(kind, object, { ownerReferences });
  };
  const removeFinalizer = (kind: Kind, object: KubeObject, finalizer: string): Promise<void> => {
    const finalizers = (object.metadata.finalizers ?? []).filter((other) => other !== finalizer);
    return change(kind, object, { finalizers });
  };

  const parse = (key: string) => {
    const [plural = "", namespace = "", name = ""] = key.split("/");
    return { kind: byPlural.get(plural), namespace: namespace === "" ? undefined : namespace, name };
  };

  const changed = (queue: WorkQueue, kind: Kind, now: KubeObject | undefined, before: KubeObject | undefined): void => {
    if (now === undefined) {
      if (before === undefined) return;
      for (const dependent of dependentsOf(before.metadata.uid ?? "")) {
        queue.add(keyFor(dependent.kind, dependent.object));
      }
      // A foreground deletion may have waited for this one.
      for (const owner of before.metadata.ownerReferences ?? []) addOwner(queue, owner, before);
      return;
    }
    if (now.metadata.deletionTimestamp !== undefined) {
      if ((now.metadata.finalizers ?? []).length === 0) return;
      queue.add(keyFor(kind, now));
      for (const dependent of dependentsOf(now.metadata.uid ?? "")) queue.add(keyFor(dependent.kind, dependent.object));
      return;
    }
    const owners = now.metadata.ownerReferences;
    if (owners === undefined || owners.length === 0 || sameJson(owners, before?.metadata.ownerReferences)) return;
    if (owners.some((owner) => !isKnown(owner, now))) queue.add(keyFor(kind, now));
  };
  const isKnown = (owner: OwnerReference, dependent: KubeObject): boolean => {
    const kind = cached.get(typeKey(owner.apiVersion, owner.kind));
    const namespace = kind?.resource.namespaced === true ? dependent.metadata.namespace : undefined;
    const known = kind?.cache.get(namespace, owner.name);
    return known?.metadata.uid === owner.uid && known.metadata.deletionTimestamp === undefined;
  };
  const addOwner = (queue: WorkQueue, owner: OwnerReference, dependent: KubeObject): void => {
    const kind = cached.get(typeKey(owner.apiVersion, owner.kind));
    if (kind === undefined) return;
    const namespace = kind.resource.namespaced ? dependent.metadata.namespace : undefined;
    const known = kind.cache.get(namespace, owner.name);
    if (known?.metadata.deletionTimestamp !== undefined) queue.add(keyFor(kind, known));
  };

  return runController(context, {
    name: "garbage-collector",
    concurrency: 16,
    needs: kinds.map(({ cache }) => cache),
    reconcile,
    watch: (queue) => kinds.map((kind) => kind.cache.subscribe((now, before) => changed(queue, kind, now, before))),
  });
}

function stateOf(owner: KubeObject): OwnerState {
  const { deletionTimestamp, finalizers = [] } = owner.metadata;
  return deletionTimestamp !== undefined && finalizers.includes("foregroundDeletion") ? "foreground" : "present";
}

function typeKey(apiVersion: string, kind: string): string {
  return `${apiVersion}/${kind}`;
}

function keyFor(kind: Kind, object: KubeObject): string {
  return `${kind.resource.plural}/${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
