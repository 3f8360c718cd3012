import { keyOf } from "../objects/index.ts";
import type { Indexers, KubeObject } from "../objects/index.ts";

/** Usually one key; a set costs five times as much. */
type Keys = string | Set<string>;

/** Objects of one kind by key, filed under each index value as well. */
export class IndexedObjects<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  /** Made when somebody first asks for the objects of a namespace: many caches are never asked. */
  #namespaces: Map<string, Keys> | undefined;
  readonly #indexes = new Map<string, Map<string, Keys>>();
  readonly #indexers: Indexers<T>;

  constructor(indexers: Indexers<T>) {
    this.#indexers = indexers;
    for (const name of Object.keys(indexers)) this.#indexes.set(name, new Map());
  }

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  list(namespace?: string): readonly T[] {
    if (namespace === undefined) return [...this.#objects.values()];
    this.#namespaces ??= this.#byNamespace();
    return this.#resolve(this.#namespaces.get(namespace));
  }

  indexed(index: string, value: string): readonly T[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new TypeError(`The cache has no index ${JSON.stringify(index)}`);
    return this.#resolve(values.get(value));
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  byKey(key: string): T | undefined {
    return this.#objects.get(key);
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Files `object` under its key; returns what was there. */
  set(key: string, object: T): T | undefined {
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    if (before === undefined && this.#namespaces !== undefined)
      file(this.#namespaces, object.metadata.namespace ?? "", key);
    for (const [name, values] of this.#indexes) this.#move(name, values, key, object, before);
    return before;
  }

  /** Removes what is under `key`; returns it. */
  delete(key: string): T | undefined {
    const before = this.#objects.get(key);
    if (before === undefined) return undefined;
    this.#objects.delete(key);
    if (this.#namespaces !== undefined) unfile(this.#namespaces, before.metadata.namespace ?? "", key);
    for (const [name, values] of this.#indexes) this.#move(name, values, key, undefined, before);
    return before;
  }

  #byNamespace(): Map<string, Keys> {
    const namespaces = new Map<string, Keys>();
    for (const [key, { metadata }] of this.#objects) file(namespaces, metadata.namespace ?? "", key);
    return namespaces;
  }

  #move(name: string, values: Map<string, Keys>, key: string, now: T | undefined, before: T | undefined): void {
    const indexer = this.#indexers[name] ?? (() => []);
    const after = now === undefined ? [] : indexer(now);
    const old = before === undefined ? [] : indexer(before);
    for (const value of old) if (!after.includes(value)) unfile(values, value, key);
    for (const value of after) file(values, value, key);
  }

  #resolve(keys: Keys | undefined): readonly T[] {
    if (keys === undefined) return [];
    if (typeof keys === "string") {
      const object = this.#objects.get(keys);
      // Not pushed to a list, which would have room for 16 more: plans keep it.
      return object === undefined ? [] : [object];
    }
    const found: T[] = [];
    for (const key of keys) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }
}

function file(values: Map<string, Keys>, value: string, key: string): void {
  const keys = values.get(value);
  if (keys === undefined) values.set(value, key);
  else if (typeof keys !== "string") keys.add(key);
  else if (keys !== key) values.set(value, new Set([keys, key]));
}

function unfile(values: Map<string, Keys>, value: string, key: string): void {
  const keys = values.get(value);
  if (keys === key) values.delete(value);
  if (keys === undefined || typeof keys === "string") return;
  keys.delete(key);
  if (keys.size === 0) values.delete(value);
}
