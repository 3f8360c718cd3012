import { ApiError, apiVersionOf, keyOf, matchesLabels, resources } from "../../src/objects/index.ts";
import type {
  ClusterApi,
  KubeObject,
  ListOptions,
  ObjectMeta,
  Patch,
  Resource,
  Status,
  WatchEvent,
  WatchHandlers,
} from "../../src/objects/index.ts";

interface Watcher {
  readonly table: string;
  readonly options: ListOptions;
  readonly handlers: WatchHandlers<KubeObject>;
}

/** How the fake behaves beyond the contract. */
export interface FakeApiOptions {
  /** Delivers watch events; the default does in a microtask, a test may delay them to make caches stale. */
  readonly deliver?: (run: () => void) => void;
  readonly now?: () => number;
}

/**
 * A `ClusterApi` in memory with what controllers rely on: versions and conflicts, generated names, generations,
 * finalizers, graceful deletion of bound pods. It neither defaults nor validates.
 */
export class FakeApi implements ClusterApi {
  /** Every write, as `verb plural/namespace/name`, for tests that count them. */
  readonly writes: string[] = [];
  readonly #tables = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<Watcher>();
  #history: { readonly version: number; readonly table: string; readonly event: WatchEvent<KubeObject> }[] = [];
  #version = 100;
  #names = 0;
  readonly #deliver: (run: () => void) => void;
  readonly #now: () => number;
  /** Called before each write; throwing makes it fail. */
  beforeWrite: (verb: string, plural: string, object: KubeObject) => void = () => undefined;

  constructor(options: FakeApiOptions = {}) {
    this.#deliver = options.deliver ?? queueMicrotask;
    this.#now = options.now ?? (() => 1_700_000_000_000);
  }

  /** The objects of one kind, as they are now. */
  all<T extends KubeObject>(resource: Resource<T>): T[] {
    return [...this.#table(resource).values()] as T[];
  }

  // The contract is asynchronous, so that failures are rejections.
  async get<T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string): Promise<T> {
    return structuredClone(this.#existing(resource, namespace, name));
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}) {
    const items = this.all(resource).filter((object) => selected(object, options));
    return { resourceVersion: String(this.#version), items: structuredClone(items) };
  }

  watch<T extends KubeObject>(resource: Resource<T>, options: ListOptions, handlers: WatchHandlers<T>) {
    const table = resource.plural;
    const watcher = { table, options, handlers: handlers as unknown as WatchHandlers<KubeObject> };
    const since = options.resourceVersion === undefined ? undefined : Number(options.resourceVersion);
    const missed: WatchEvent<KubeObject>[] =
      since === undefined
        ? this.all(resource).map((object) => ({ type: "ADDED", object }))
        : this.#history.filter((entry) => entry.table === table && entry.version > since).map(({ event }) => event);
    for (const event of missed) this.#send(watcher, event);
    this.#watchers.add(watcher);
    return { close: () => void this.#watchers.delete(watcher) };
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const name =
      object.metadata.name || `${object.metadata.generateName ?? ""}${(this.#names++).toString(36).padStart(5, "x")}`;
    const { namespace } = object.metadata;
    this.#note("create", resource, { ...object, metadata: { ...object.metadata, name } });
    if (this.#table(resource).has(keyOf(namespace, name))) {
      throw refusal(409, "AlreadyExists", `${resource.plural} "${name}" already exists`);
    }
    const created: T = {
      ...structuredClone(object),
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: {
        ...object.metadata,
        name,
        uid: `uid-${this.#version}`,
        generation: 1,
        creationTimestamp:
          object.metadata.creationTimestamp ?? new Date(this.#now()).toISOString().replace(/\.\d+/, ""),
      },
    };
    return this.#store(resource, created, "ADDED");
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    this.#note("update", resource, object);
    const old = this.#unchanged(resource, object);
    const generation = (old.metadata.generation ?? 1) + (sameSpec(old, object) ? 0 : 1);
    const { uid, creationTimestamp, deletionTimestamp } = old.metadata;
    const metadata: ObjectMeta = {
      ...object.metadata,
      generation,
      ...(uid === undefined ? {} : { uid }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    };
    const status = "status" in old ? { status: old.status } : {};
    return this.#storeOrFinish(resource, { ...structuredClone(object), ...status, metadata });
  }

  async updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    this.#note("status", resource, object);
    const old = this.#unchanged(resource, object);
    const status = "status" in object ? { status: structuredClone(object.status) } : {};
    // Finalizing a namespace.
    const spec = resource.plural === "namespaces" && "spec" in object ? { spec: object.spec } : {};
    const finalizers = object.metadata.finalizers;
    const metadata = finalizers === undefined ? old.metadata : { ...old.metadata, finalizers };
    return this.#storeOrFinish(resource, { ...old, ...spec, ...status, metadata });
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    patch: Patch,
    subresource?: "status" | "scale",
  ): Promise<T> {
    if (patch.type === "json") throw new Error("The fake knows no JSON patches");
    const old = this.#existing(resource, namespace, name);
    const merged = mergePatch(old, patch.body) as T;
    if (merged.metadata.uid !== old.metadata.uid) throw refusal(409, "Conflict", `${name} has another uid`);
    return subresource === "status" ? this.updateStatus(resource, merged) : this.update(resource, merged);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    options: { uid?: string; gracePeriodSeconds?: number; propagationPolicy?: string } = {},
  ): Promise<void> {
    const old = this.#existing(resource, namespace, name);
    this.#note("delete", resource, old);
    if (options.uid !== undefined && options.uid !== old.metadata.uid) {
      throw refusal(409, "Conflict", `${resource.plural} "${name}" has another uid`);
    }
    const extra =
      options.propagationPolicy === "Foreground"
        ? ["foregroundDeletion"]
        : options.propagationPolicy === "Orphan"
          ? ["orphan"]
          : [];
    const finalizers = [...new Set([...(old.metadata.finalizers ?? []), ...extra])];
    const bound = resource.plural === "pods" && (old as unknown as { spec: { nodeName?: string } }).spec.nodeName;
    const graceful = Boolean(bound) && (options.gracePeriodSeconds ?? 30) > 0;
    const namespaceHeld =
      resource.plural === "namespaces" &&
      ((old as unknown as { spec?: { finalizers?: string[] } }).spec?.finalizers ?? []).length > 0;
    if (finalizers.length === 0 && !graceful && !namespaceHeld) {
      this.#table(resource).delete(keyOf(namespace, name));
      this.#emit(resource, { type: "DELETED", object: this.#versioned(old) });
      return;
    }
    if (old.metadata.deletionTimestamp !== undefined && finalizers.length === (old.metadata.finalizers ?? []).length) {
      if (graceful || options.gracePeriodSeconds !== 0 || finalizers.length > 0) return;
    }
    const deletionTimestamp = new Date(this.#now()).toISOString().replace(/\.\d+/, "");
    const phase = resource.plural === "namespaces" ? { status: { phase: "Terminating" } } : {};
    const metadata: ObjectMeta = {
      ...old.metadata,
      deletionTimestamp,
      generation: (old.metadata.generation ?? 1) + 1,
      ...(finalizers.length > 0 ? { finalizers } : {}),
    };
    this.#store(resource, { ...old, ...phase, metadata }, "MODIFIED");
  }

  #storeOrFinish<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const { metadata } = object;
    const key = keyOf(metadata.namespace, metadata.name);
    const held =
      resource.plural === "namespaces"
        ? ((object as unknown as { spec?: { finalizers?: string[] } }).spec?.finalizers ?? []).length > 0
        : resource.plural === "pods" && !hadFinalizers(this.#table(resource).get(key));
    if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0 && !held) {
      const gone = this.#versioned(object);
      this.#table(resource).delete(key);
      this.#emit(resource, { type: "DELETED", object: gone });
      return gone;
    }
    return this.#store(resource, object, "MODIFIED");
  }

  #store<T extends KubeObject>(resource: Resource<T>, object: T, type: "ADDED" | "MODIFIED"): T {
    const stored = this.#versioned(object);
    this.#table(resource).set(keyOf(object.metadata.namespace, object.metadata.name), stored);
    this.#emit(resource, { type, object: stored });
    return stored;
  }

  #versioned<T extends KubeObject>(object: T): T {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
  }

  #emit(resource: Resource<KubeObject>, event: WatchEvent<KubeObject>): void {
    this.#history.push({ version: this.#version, table: resource.plural, event });
    for (const watcher of this.#watchers) if (watcher.table === resource.plural) this.#send(watcher, event);
  }

  #send(watcher: Watcher, event: WatchEvent<KubeObject>): void {
    this.#deliver(() => {
      if (this.#watchers.has(watcher) && selected(event.object, watcher.options)) watcher.handlers.event(event);
    });
  }

  #note(verb: string, resource: Resource<KubeObject>, object: KubeObject): void {
    this.beforeWrite(verb, resource.plural, object);
    this.writes.push(`${verb} ${resource.plural}/${keyOf(object.metadata.namespace, object.metadata.name)}`);
  }

  #unchanged<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const old = this.#existing(resource, object.metadata.namespace, object.metadata.name);
    const { resourceVersion, uid } = object.metadata;
    const changed = resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion;
    if (changed || (uid !== undefined && uid !== old.metadata.uid)) {
      throw refusal(409, "Conflict", `${resource.plural} "${object.metadata.name}" was changed`);
    }
    return old;
  }

  #existing<T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string): T {
    const found = this.#table(resource).get(keyOf(namespace, name));
    if (found === undefined) throw refusal(404, "NotFound", `${resource.plural} "${name}" not found`);
    return found as T;
  }

  #table(resource: Resource<KubeObject>): Map<string, KubeObject> {
    const table = this.#tables.get(resource.plural) ?? new Map<string, KubeObject>();
    this.#tables.set(resource.plural, table);
    return table;
  }
}

function hadFinalizers(object: KubeObject | undefined): boolean {
  return (object?.metadata.finalizers ?? []).length > 0;
}

function selected(object: KubeObject, options: ListOptions): boolean {
  if (options.namespace !== undefined && object.metadata.namespace !== options.namespace) return false;
  if (options.labelSelector === undefined) return true;
  const pairs = options.labelSelector.split(",").map((pair) => pair.split("=") as [string, string]);
  return matchesLabels(Object.fromEntries(pairs), object.metadata.labels);
}

function sameSpec(a: KubeObject, b: KubeObject): boolean {
  const essence = (object: KubeObject) => JSON.stringify({ ...object, metadata: undefined, status: undefined });
  return essence(a) === essence(b);
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** The error of a request that the API refuses. */
export function refusal(code: number, reason: string, message: string): ApiError {
  const status: Status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", reason, message, code };
  return new ApiError(status);
}

/** The kinds whose objects a deleted namespace takes along, for controllers that are told. */
export const namespacedResources = Object.values(resources).filter(({ namespaced }) => namespaced);
