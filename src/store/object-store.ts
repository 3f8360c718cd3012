import { CodedError } from "../core/index.ts";
import { keyOf } from "../objects/index.ts";
import type { KubeObject } from "../objects/index.ts";
import { atVersion } from "./change.ts";
import type { Change, Expectation, Write } from "./change.ts";
import { listTable } from "./listing.ts";
import type { Listing, ListQuery } from "./listing.ts";
import { memoryPersistence } from "./persistence.ts";
import type { PersistedBatch, Persistence, RemovedObject, StoredObject } from "./persistence.ts";
import { Table } from "./table.ts";
import type { IndexBy } from "./table.ts";
import { Watcher } from "./watcher.ts";
import type { WatchFilter, WatchReceiver } from "./watcher.ts";

/** What a store needs. */
export interface StoreOptions {
  readonly persistence?: Persistence;
  /** How many changes each table remembers for watches and paged lists. */
  readonly historyLimit?: number;
}

/** What to watch, and from where. */
export interface WatchQuery extends WatchFilter {
  /** Changes after this version; when absent, the present objects come first as ADDED. */
  readonly since?: number | undefined;
}

/** A running watch. */
export interface StoreWatch {
  close(): void;
  /** Calls `run` after everything committed so far was delivered, with the version reached. */
  afterPending(run: (version: number) => void): void;
}

/** Objects by table, under one version counter. Writes are synchronous and atomic; events follow in a microtask. */
export class ObjectStore {
  readonly #persistence: Persistence;
  readonly #historyLimit: number;
  readonly #tables = new Map<string, Table>();
  readonly #watchers = new Map<string, Set<Watcher>>();
  #version: number;
  #startVersion: number;
  #deliveries: (() => void)[] = [];
  #durable: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  private constructor(persistence: Persistence, historyLimit: number, version: number) {
    this.#persistence = persistence;
    this.#historyLimit = historyLimit;
    this.#version = version;
    this.#startVersion = version;
  }

  /** Opens a store with what its persistence holds. */
  static async open(options: StoreOptions = {}): Promise<ObjectStore> {
    const persistence = options.persistence ?? memoryPersistence;
    const state = await persistence.load();
    const store = new ObjectStore(persistence, options.historyLimit ?? 2048, state.version);
    for (const { table, object } of state.objects) {
      store.#table(table).put(object.metadata.namespace ?? "", object.metadata.name, object);
    }
    return store;
  }

  /** The version of the last write. */
  get version(): number {
    return this.#version;
  }

  get(table: string, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#tables.get(table)?.get(namespace ?? "", name);
  }

  size(table: string): number {
    return this.#tables.get(table)?.size ?? 0;
  }

  /** Throws `CodedError`: `Expired` when `query.at` is no longer known, `TooLarge` when it is yet to come. */
  list(table: string, query: ListQuery = {}): Listing {
    const { at } = query;
    const found = this.#table(table);
    if (at !== undefined && at > this.#version) {
      throw new CodedError("TooLarge", `Too large resource version: ${at}, current: ${this.#version}`);
    }
    if (at !== undefined && !found.history.reaches(at)) throw expired(at, this.#version);
    return listTable(found, this.#version, query);
  }

  /** Files the objects of a table under the values that `by` gives. */
  addIndex(table: string, name: string, by: IndexBy): void {
    this.#table(table).addIndex(name, by);
  }

  indexed(table: string, index: string, value: string): ReadonlySet<KubeObject> {
    return this.#table(table).indexed(index, value);
  }

  /**
   * Does all writes or none, and returns the objects as stored (for deletions: as they were, with the version of the
   * deletion). Throws `CodedError` `AlreadyExists`, `NotFound` or `Conflict` when an expectation does not hold, and
   * `StoreFailed` after persistence has failed.
   */
  commit(writes: readonly Write[]): readonly KubeObject[] {
    if (this.#failure !== undefined) {
      throw new CodedError("StoreFailed", `The state could not be saved: ${this.#failure.message}`);
    }
    for (const write of writes) this.#check(write);
    const stored = writes.map((write) => this.#apply(write));
    this.#persist(writes, stored);
    return stored;
  }

  /** Resolves when everything committed so far is durable; rejects when it is lost. */
  durable(): Promise<void> {
    return this.#durable;
  }

  /** Throws `CodedError` `Expired` when the changes since `query.since` are no longer known. */
  watch(table: string, query: WatchQuery, receiver: WatchReceiver): StoreWatch {
    const { history } = this.#table(table);
    const { since } = query;
    // A version from the future was given out by an earlier life of the server: the client must list again.
    if (since !== undefined && (since > this.#version || !history.reaches(since))) throw expired(since, this.#version);
    const watcher = new Watcher(query, receiver, this.#version);
    if (since === undefined) {
      const { items } = this.list(table, query);
      this.#deliver(() => items.forEach((object) => watcher.send({ type: "ADDED", object })));
    } else {
      const missed = history.after(since);
      if (missed.length > 0) this.#deliver(() => missed.forEach((change) => watcher.show(change)));
    }
    const watchers = this.#watchers.get(table) ?? new Set();
    this.#watchers.set(table, watchers.add(watcher));
    return {
      close: () => {
        watcher.stop();
        watchers.delete(watcher);
      },
      afterPending: (run) => this.#deliver(() => watcher.open && run(this.#version)),
    };
  }

  /** Ends all watches and closes the persistence once everything is durable. */
  async close(): Promise<void> {
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.close(undefined);
    this.#watchers.clear();
    await this.#durable.catch(() => undefined);
    await this.#persistence.close();
  }

  #table(name: string): Table {
    const found = this.#tables.get(name);
    if (found !== undefined) return found;
    const table = new Table(this.#historyLimit, this.#startVersion);
    this.#tables.set(name, table);
    return table;
  }

  #check(write: Write): void {
    const { namespace, name } = write.kind === "put" ? write.object.metadata : write;
    const current = this.get(write.table, namespace, name);
    const problem = unmet(write.expect, current, write.kind === "delete");
    if (problem !== undefined) throw new CodedError(problem, `${write.table} ${keyOf(namespace, name)}: ${problem}`);
  }

  #apply(write: Write): KubeObject {
    const { namespace = "", name } = write.kind === "put" ? write.object.metadata : write;
    const table = this.#table(write.table);
    const before = table.get(namespace, name);
    const version = ++this.#version;
    const now = write.kind === "put" ? atVersion(write.object, version) : undefined;
    const change: Change = { version, namespace, name, now, before };
    table.apply(change);
    const watchers = this.#watchers.get(write.table);
    if (watchers !== undefined && watchers.size > 0) {
      this.#deliver(() => watchers.forEach((watcher) => watcher.follow(change)));
    }
    if (now !== undefined) return now;
    if (before === undefined) throw new TypeError(`The deletion of ${write.table} ${name} was not checked`);
    return atVersion(before, version);
  }

  #persist(writes: readonly Write[], stored: readonly KubeObject[]): void {
    if (this.#persistence === memoryPersistence) return;
    const puts: StoredObject[] = [];
    const deletes: RemovedObject[] = [];
    for (const [i, write] of writes.entries()) {
      const object = stored[i];
      if (write.kind === "delete") deletes.push({ table: write.table, key: keyOf(write.namespace, write.name) });
      else if (object !== undefined) puts.push({ table: write.table, object });
    }
    const batch: PersistedBatch = { version: this.#version, puts, deletes };
    const committed = this.#persistence.commit(batch).catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw this.#failure;
    });
    this.#durable = Promise.all([this.#durable, committed]).then(() => undefined);
    this.#durable.catch(() => undefined);
  }

  /** Events go out in order, after the code that wrote: a receiver may write again without upsetting the order. */
  #deliver(run: () => void): void {
    this.#deliveries.push(run);
    if (this.#deliveries.length === 1) queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    for (let i = 0; i < this.#deliveries.length; i++) this.#deliveries[i]?.();
    this.#deliveries = [];
  }
}

function unmet(expect: Expectation, current: KubeObject | undefined, mustExist: boolean): string | undefined {
  if (expect.kind === "absent") return current === undefined ? undefined : "AlreadyExists";
  if (expect.kind === "any") return mustExist && current === undefined ? "NotFound" : undefined;
  if (current === undefined) return "NotFound";
  return current.metadata.resourceVersion === expect.resourceVersion ? undefined : "Conflict";
}

function expired(since: number, version: number): CodedError {
  return new CodedError("Expired", `too old resource version: ${since} (${version})`);
}
