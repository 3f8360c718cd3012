import { ApiError, keyOf, objectKey } from "../../src/objects/index.ts";
import type { Cache, ChangeHandler, ClusterApi, KubeObject, Pod, Resource, Service } from "../../src/objects/index.ts";

/** A tiny API server in memory: enough of it to run a node's pods. */
export class FakeCluster {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #handlers = new Map<string, Set<ChangeHandler<KubeObject>>>();
  #version = 1;
  statusWrites = 0;
  /** Makes the next status write fail with Conflict. */
  conflicts = 0;

  readonly pods: Cache<Pod> = this.#cache("pods");
  readonly services: Cache<Service> = this.#cache("services");
  readonly events: string[] = [];
  readonly recorder = {
    record: (object: KubeObject, type: string, reason: string, message: string) =>
      void this.events.push(`${object.metadata.name} ${type} ${reason}: ${message}`),
  };

  readonly api: ClusterApi = {
    get: async (resource, namespace, name) => this.#find(resource, namespace, name),
    list: () => Promise.reject(new Error("not needed")),
    watch: () => {
      throw new Error("not needed");
    },
    create: async (resource, object) => this.put(resource.plural, object),
    update: async (resource, object) => this.put(resource.plural, object),
    updateStatus: async (resource, object) => {
      await Promise.resolve();
      const now = this.#find(resource, object.metadata.namespace, object.metadata.name);
      if (this.conflicts-- > 0 || object.metadata.resourceVersion !== now.metadata.resourceVersion) {
        this.conflicts = Math.max(0, this.conflicts);
        throw failure(409, "Conflict");
      }
      this.conflicts = 0;
      this.statusWrites++;
      return this.put(resource.plural, { ...now, ...pickStatus(object) });
    },
    patch: () => Promise.reject(new Error("not needed")),
    delete: async (resource, namespace, name, options = {}) => {
      const now = this.#find(resource, namespace, name);
      const grace = options.gracePeriodSeconds ?? 30;
      if (grace === 0) return this.remove(resource.plural, now);
      const deletionTimestamp = `${new Date(Date.now() + grace * 1000).toISOString().slice(0, 19)}Z`;
      const metadata = { ...now.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
      this.put(resource.plural, { ...now, metadata });
    },
  };

  put<T extends KubeObject>(plural: string, object: T): T {
    const all = this.#objects.get(plural) ?? new Map<string, KubeObject>();
    this.#objects.set(plural, all);
    const key = objectKey(object);
    const before = all.get(key);
    const uid = object.metadata.uid ?? crypto.randomUUID();
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: `${this.#version++}` } };
    all.set(key, stored);
    this.#handlers.get(plural)?.forEach((handler) => handler(stored, before));
    return stored;
  }

  remove(plural: string, object: KubeObject): void {
    const before = this.#objects.get(plural)?.get(objectKey(object));
    this.#objects.get(plural)?.delete(objectKey(object));
    if (before !== undefined) this.#handlers.get(plural)?.forEach((handler) => handler(undefined, before));
  }

  pod(name: string, namespace = "default"): Pod | undefined {
    return this.pods.get(namespace, name);
  }

  #find<T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string): T {
    const found = this.#objects.get(resource.plural)?.get(keyOf(namespace, name));
    if (found === undefined) throw failure(404, "NotFound");
    return found as T;
  }

  #cache<T extends KubeObject>(plural: string): Cache<T> {
    const list = (namespace?: string) =>
      [...(this.#objects.get(plural)?.values() ?? [])].filter(
        (object) => namespace === undefined || object.metadata.namespace === namespace,
      ) as unknown as readonly T[];
    return {
      get: (namespace, name) => this.#objects.get(plural)?.get(keyOf(namespace, name)) as T | undefined,
      list,
      indexed: () => {
        throw new TypeError("no indexes here");
      },
      synced: true,
      whenSynced: () => Promise.resolve(),
      subscribe: (handler) => {
        const handlers = this.#handlers.get(plural) ?? new Set();
        this.#handlers.set(plural, handlers);
        handlers.add(handler as ChangeHandler<KubeObject>);
        for (const object of list()) handler(object, undefined);
        return () => void handlers.delete(handler as ChangeHandler<KubeObject>);
      },
    };
  }
}

function pickStatus(object: KubeObject): object {
  return "status" in object ? { status: object.status } : {};
}

function failure(code: number, reason: string): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    reason,
    message: reason,
    code,
  });
}
