import { keyOf, objectKey } from "../objects/index.ts";
import type { Cache, ChangeHandler, KubeObject } from "../objects/index.ts";

/** A cache filled by hand: for tests, benchmarks and clusters that are a file. */
export class MemoryCache<T extends KubeObject> implements Cache<T> {
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #waiting: (() => void)[] = [];
  synced: boolean;

  constructor(objects: readonly T[] = [], synced = true) {
    this.synced = synced;
    for (const object of objects) this.set(object);
  }

  /** Adds an object or replaces the one of the same name. */
  set(object: T): void {
    const before = this.#objects.get(objectKey(object));
    this.#objects.set(objectKey(object), object);
    for (const handler of this.#handlers) handler(object, before);
  }

  delete(namespace: string | undefined, name: string): void {
    const before = this.#objects.get(keyOf(namespace, name));
    if (before === undefined || !this.#objects.delete(keyOf(namespace, name))) return;
    for (const handler of this.#handlers) handler(undefined, before);
  }

  /** Says that everything is there now. */
  markSynced(): void {
    this.synced = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  list(namespace?: string): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  indexed(index: string): readonly T[] {
    throw new TypeError(`This cache has no index ${JSON.stringify(index)}`);
  }

  whenSynced(): Promise<void> {
    return this.synced ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push(resolve));
  }

  subscribe(handler: ChangeHandler<T>): () => void {
    for (const object of this.#objects.values()) handler(object, undefined);
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }
}
