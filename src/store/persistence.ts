import type { KubeObject } from "../objects/index.ts";

/** An object and the table it belongs to. */
export interface StoredObject {
  readonly table: string;
  readonly object: KubeObject;
}

/** A removed object, by table and `namespace/name` (just the name for cluster-scoped kinds). */
export interface RemovedObject {
  readonly table: string;
  readonly key: string;
}

/** The writes of one commit, which must become durable together. */
export interface PersistedBatch {
  /** The version counter after the batch. */
  readonly version: number;
  readonly puts: readonly StoredObject[];
  readonly deletes: readonly RemovedObject[];
}

/** Everything that was durable when the program stopped. */
export interface PersistedState {
  readonly version: number;
  readonly objects: Iterable<StoredObject>;
}

/** Where a store keeps its objects over restarts. */
export interface Persistence {
  /** Reads what earlier processes committed. Called once, before the first commit. */
  load(): Promise<PersistedState>;
  /**
   * Makes one batch durable; batches arrive in order and become durable in that order. Rejects when the batch is
   * lost; the store then refuses further writes.
   */
  commit(batch: PersistedBatch): Promise<void>;
  close(): Promise<void>;
}

const done = Promise.resolve();

/** Keeps nothing: objects live as long as the process. */
export const memoryPersistence: Persistence = {
  load: () => Promise.resolve({ version: 0, objects: [] }),
  commit: () => done,
  close: () => done,
};
