export { ObjectStore } from "./object-store.ts";
export type { StoreOptions, StoreWatch, WatchQuery } from "./object-store.ts";
export type { Change, Expectation, Write } from "./change.ts";
export type { Listing, ListQuery } from "./listing.ts";
export { memoryPersistence } from "./persistence.ts";
export type { PersistedBatch, PersistedState, Persistence, RemovedObject, StoredObject } from "./persistence.ts";
export type { IndexBy } from "./table.ts";
export type { WatchReceiver } from "./watcher.ts";
