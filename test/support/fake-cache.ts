import { keyOf, objectKey } from "../../src/objects/index.ts";
import type { Cache, ChangeHandler, Indexers, KubeObject } from "../../src/objects/index.ts";

/** A `Cache` that a test fills by hand; changes reach the subscribers at once. */
export class FakeCache<T extends KubeObject> implements Cache<T> {
  synced = true;
  readonly #objects = new Map<string, T>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #indexers: Indexers<T>;

  constructor(objects: readonly T[] = [], indexers: Indexers<T> = {}) {
    this.#indexers = indexers;
    for (const object of objects) this.set(object);
  }

  set(object: T): void {
    const before = this.#objects.get(objectKey(object));
    this.#objects.set(objectKey(object), object);
    for (const handler of this.#handlers) handler(object, before);
  }

  delete(namespace: string | undefined, name: string): void {
    const before = this.get(namespace, name);
    this.#objects.delete(keyOf(namespace, name));
    if (before !== undefined) for (const handler of this.#handlers) handler(undefined, before);
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  list(namespace?: string): readonly T[] {
    return [...this.#objects.values()].filter(
      (object) => namespace === undefined || object.metadata.namespace === namespace,
    );
  }

  indexed(index: string, value: string): readonly T[] {
    const indexer = this.#indexers[index];
    if (indexer === undefined) throw new TypeError(`The cache has no index ${JSON.stringify(index)}`);
    return this.list().filter((object) => indexer(object).includes(value));
  }

  whenSynced(): Promise<void> {
    return Promise.resolve();
  }

  subscribe(handler: ChangeHandler<T>): () => void {
    const own: ChangeHandler<T> = (now, before) => handler(now, before);
    this.#handlers.add(own);
    for (const object of this.#objects.values()) own(object, undefined);
    return () => void this.#handlers.delete(own);
  }
}
