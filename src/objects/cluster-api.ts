import type { KubeObject } from "./meta.ts";
import type { Resource } from "./resources.ts";

/** Which objects to list or watch. Selectors are in kubectl's text form. */
export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  /** Lists: asks for this many objects at most. An API in the same process gives all of them. */
  readonly limit?: number;
  /** Lists: goes on where the list with this `continue` ended. Fails with 410 when that was too long ago. */
  readonly continue?: string;
  /** Lists: which fields of the objects are looked at. Others may be missing. */
  readonly fields?: WantedFields;
  /** Lists: told the `continue` of the answer when it is known before the answer is there, so that the rest can be asked for meanwhile. */
  readonly whenMore?: (continueToken: string) => void;
}

/** Fields by name: all of a value, or which fields of it; those of a list count for each of its items. */
export interface WantedFields {
  readonly [name: string]: true | WantedFields;
}

/** A consistent list: the objects as they were at `resourceVersion`. */
export interface ObjectList<T> {
  readonly resourceVersion: string;
  /** Present when the limit cut the list off: asks for the rest. */
  readonly continue?: string;
  readonly items: readonly T[];
}

/** One change. A BOOKMARK carries only a resource version. */
export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** Who receives a watch. `closed` is called exactly once, unless the receiver closed the watch itself. */
export interface WatchHandlers<T> {
  event(event: WatchEvent<T>): void;
  closed(error: Error | undefined): void;
}

/** A running watch; `close` stops events at once. */
export interface Watch {
  close(): void;
}

/** A patch as kubectl sends it. */
export interface Patch {
  readonly type: "merge" | "strategic" | "json";
  readonly body: unknown;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
}

/**
 * The Kubernetes API as controllers and agents use it: the embedded server's pipeline in the same process, or a
 * connection to any server. Every call rejects with `ApiError` when the API refuses, and with `CodedError` code
 * `Unreachable` when there is no answer. Namespaces are taken from the object; `namespace` is undefined for
 * cluster-scoped kinds. Objects handed out are shared: never change them.
 */
export interface ClusterApi {
  get<T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /** Starts after `options.resourceVersion`; without one, with the present objects as ADDED events. */
  watch<T extends KubeObject>(resource: Resource<T>, options: ListOptions, handlers: WatchHandlers<T>): Watch;
  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  /** With `metadata.resourceVersion` it fails with Conflict when the object changed since. */
  update<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  /** Writes `status` (and finalizers) only. */
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    patch: Patch,
    subresource?: "status" | "scale",
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): Promise<void>;
}

/** Told of each change. `now` is undefined after a deletion, `before` when the object is new. Never both. */
export type ChangeHandler<T> = (now: T | undefined, before: T | undefined) => void;

/** A local copy of the objects of one kind, kept current by list and watch. */
export interface Cache<T extends KubeObject> {
  get(namespace: string | undefined, name: string): T | undefined;
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** The objects under `value` in an index that the cache was made with. Throws `TypeError` for an unknown index. */
  indexed(index: string, value: string): readonly T[];
  /** Whether the first list has arrived. */
  readonly synced: boolean;
  /** Resolves when the first list has arrived. */
  whenSynced(): Promise<void>;
  /** Calls `handler` for every object that is there (as new) and every change from now on; returns how to stop. */
  subscribe(handler: ChangeHandler<T>): () => void;
}

/** How a cache finds objects by something else than their name: the values under which an object is filed. */
export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** Where controllers tell people about an object: becomes a core/v1 Event; repeats are counted. */
export interface EventRecorder {
  record(object: KubeObject, type: "Normal" | "Warning", reason: string, message: string): void;
}
