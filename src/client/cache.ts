import { messageOf, silentLogger } from "../core/index.ts";
import type { Cancel, Clock, Logger, Random } from "../core/index.ts";
import { apiVersionOf, isGone, isNotFound, objectKey } from "../objects/index.ts";
import type {
  Cache,
  ChangeHandler,
  ClusterApi,
  Indexers,
  KubeObject,
  ListOptions,
  Resource,
  Watch,
  WatchEvent,
  WantedFields,
} from "../objects/index.ts";
import { IndexedObjects } from "./indexed-objects.ts";
import { listPages } from "./list-pages.ts";

export interface CacheOptions<T extends KubeObject> {
  readonly clock: Clock;
  readonly indexers?: Indexers<T>;
  /** Namespace and selectors of what to keep. */
  readonly listOptions?: ListOptions;
  readonly log?: Logger;
  /** Makes each object smaller before it is kept; name, namespace, uid and resourceVersion must stay. */
  readonly slim?: (object: T) => T;
  /** What anybody looks at, `slim` included: the rest is left out of lists before they are parsed, where that saves time. */
  readonly fields?: WantedFields;
  /** The API may not have this kind, as a custom resource. Then there are no objects, and it is asked again from time to time. */
  readonly mayBeMissing?: boolean;
  /** Spreads retries of many clients in time. */
  readonly random?: Random;
}

/** A cache that can be ended; it keeps its last state and reports nothing more. */
export interface RunningCache<T extends KubeObject> extends Cache<T> {
  /** Whether a watch is running, or there is nothing to watch; while it is not, the copy may be old. */
  readonly connected: boolean;
  /** When the server was last heard of, by the monotonic clock in milliseconds; undefined before the first list. */
  readonly heardAt: number | undefined;
  /** Why the last list or watch failed; undefined after one that did not. */
  readonly problem: string | undefined;
  stop(): void;
}

/** Objects in one answer to a list: its text and what is left out of its objects are soon forgotten. */
const pageSize = 250;
/** The same where most of an object is left out before it is parsed. */
const pageSizeOfFields = 500;
const firstRetryMs = 50;
const longestRetryMs = 10_000;
/** How long until a kind that the API does not have is asked for again. */
const missingRetryMs = 30_000;
/** A watch that ended sooner than this without a single event counts as a failure. */
const shortWatchMs = 1_000;

/**
 * Keeps a copy of the objects of one kind: lists them, then watches from that version on. When the server no longer
 * has the history (410) it lists again and reports the difference; when the connection breaks it goes on from where
 * it was, with growing delays. Handlers run in the order of subscription, for each change once.
 */
export function createCache<T extends KubeObject>(
  api: ClusterApi,
  resource: Resource<T>,
  options: CacheOptions<T>,
): RunningCache<T> {
  const { clock, listOptions = {}, log = silentLogger, random = () => 0.5, slim = (object) => object } = options;
  const { mayBeMissing = false } = options;
  const paging =
    options.fields === undefined ? { limit: pageSize } : { limit: pageSizeOfFields, fields: options.fields };
  const objects = new IndexedObjects<T>(options.indexers ?? {});
  let handlers: readonly ChangeHandler<T>[] = [];
  let synced = false;
  let stopped = false;
  let version: string | undefined;
  let failures = 0;
  let isMissing = false;
  let watch: Watch | undefined;
  let heardAt: number | undefined;
  let problem: string | undefined;
  let cancelRetry: Cancel = () => undefined;
  let announceSynced: () => void = () => undefined;
  const whenSynced = new Promise<void>((resolve) => (announceSynced = resolve));

  const notify = (now: T | undefined, before: T | undefined): void => {
    for (const handler of handlers) {
      try {
        handler(now, before);
      } catch (error) {
        log.error("a cache subscriber failed", { kind: resource.kind, error: messageOf(error) });
      }
    }
  };
  const put = (object: T): void => putSlim(slim(withoutManagedFields(object)));
  const putSlim = (object: T): void => {
    const key = objectKey(object);
    const known = objects.byKey(key);
    if (known !== undefined && known.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (known !== undefined && known.metadata.uid !== object.metadata.uid) remove(key);
    const before = objects.set(key, object);
    notify(object, before);
  };
  const remove = (key: string): void => {
    const before = objects.delete(key);
    if (before !== undefined) notify(undefined, before);
  };

  const retry = (error: unknown): void => {
    problem = messageOf(error);
    const delay = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 20)) * (0.5 + random());
    failures++;
    // A server that restarts is nothing to report; one that stays away is.
    if (failures === 5) log.warn("watching fails", { kind: resource.kind, error: problem });
    cancelRetry = clock.schedule(delay, proceed);
  };
  /** As an empty list: there can be no objects of a kind that the API does not have. */
  const lookAgainLater = (): void => {
    if (!isMissing) {
      const asked = `${resource.plural} of ${apiVersionOf(resource)}`;
      log.warn(`the API has no ${asked}; it is asked again every ${missingRetryMs / 1000} s`, { kind: resource.kind });
    }
    isMissing = true;
    version = undefined;
    failures = 0;
    arrived([]);
    cancelRetry = clock.schedule(missingRetryMs * (0.5 + random()), proceed);
  };
  const arrived = (items: readonly T[]): void => {
    heardAt = clock.monotonic();
    problem = undefined;
    if (objects.size > 0) {
      const present = new Set(items.map(objectKey));
      for (const key of objects.keys()) if (!present.has(key)) remove(key);
    }
    for (const item of items) putSlim(item);
    if (!synced) {
      synced = true;
      announceSynced();
    }
  };
  const proceed = (): void => {
    if (!stopped) void (version === undefined ? list() : startWatch(version));
  };
  const list = async (): Promise<void> => {
    try {
      const items: T[] = [];
      let resourceVersion = "";
      for await (const page of listPages(api, resource, { ...listOptions, ...paging })) {
        if (stopped) return;
        for (const item of page.items) items.push(slim(withoutManagedFields(item)));
        ({ resourceVersion } = page);
      }
      version = resourceVersion;
      if (isMissing) log.info("the API has it now", { kind: resource.kind });
      isMissing = false;
      arrived(items);
      if (!stopped) startWatch(resourceVersion);
    } catch (error) {
      if (stopped) return;
      if (mayBeMissing && isNotFound(error)) lookAgainLater();
      else retry(error);
    }
  };
  const startWatch = (from: string): void => {
    const started = clock.monotonic();
    let seen = false;
    const event = (change: WatchEvent<T>): void => {
      if (stopped) return;
      seen = true;
      failures = 0;
      problem = undefined;
      heardAt = clock.monotonic();
      if (change.type === "DELETED") remove(objectKey(change.object));
      else if (change.type !== "BOOKMARK") put(change.object);
      version = change.object.metadata.resourceVersion ?? version;
    };
    const closed = (error: Error | undefined): void => {
      watch = undefined;
      if (stopped) return;
      if (mayBeMissing && isNotFound(error)) return lookAgainLater();
      if (isGone(error)) {
        version = undefined;
        if (failures === 0) {
          failures++;
          return void list();
        }
        return retry(error);
      }
      if (error === undefined && (seen || clock.monotonic() - started >= shortWatchMs)) return proceed();
      retry(error ?? new Error("the server ended the watch at once"));
    };
    watch = api.watch(resource, { ...listOptions, resourceVersion: from }, { event, closed });
  };
  void list();

  return {
    get: (namespace, name) => objects.get(namespace, name),
    list: (namespace) => objects.list(namespace),
    indexed: (index, value) => objects.indexed(index, value),
    get synced() {
      return synced;
    },
    get connected() {
      return (watch !== undefined || isMissing) && failures === 0;
    },
    get heardAt() {
      return heardAt;
    },
    get problem() {
      return problem;
    },
    whenSynced: () => whenSynced,
    subscribe(handler) {
      // A new function for each subscription, so that one function may subscribe twice.
      const own: ChangeHandler<T> = (now, before) => handler(now, before);
      // Replaced, not changed: one who subscribes while others are being told must not be told twice.
      handlers = [...handlers, own];
      for (const object of objects.list()) own(object, undefined);
      return () => {
        handlers = handlers.filter((other) => other !== own);
      };
    },
    stop() {
      stopped = true;
      cancelRetry();
      watch?.close();
      watch = undefined;
    },
  };
}

/** Field ownership is often half of an object and nobody here reads it. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
