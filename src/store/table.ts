import type { KubeObject } from "../objects/index.ts";
import type { Change } from "./change.ts";
import { History } from "./history.ts";

/** The values under which an object is filed in an index. */
export type IndexBy = (object: KubeObject) => readonly string[];

/** Objects of one resource, by namespace ("" for cluster-scoped kinds) and name. */
export class Table {
  readonly history: History;
  readonly #namespaces = new Map<string, Map<string, KubeObject>>();
  readonly #indexes = new Map<string, { readonly by: IndexBy; readonly filed: Map<string, Set<KubeObject>> }>();
  /** Names in order, made when a list needs them and dropped when a name comes or goes. */
  readonly #sortedNames = new Map<string, readonly string[]>();
  #sortedNamespaces: readonly string[] | undefined;
  #size = 0;

  constructor(historyLimit: number, startVersion: number) {
    this.history = new History(historyLimit, startVersion);
  }

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  /** Names of namespaces that hold objects, in order. */
  namespaces(): readonly string[] {
    this.#sortedNamespaces ??= [...this.#namespaces.keys()].sort();
    return this.#sortedNamespaces;
  }

  /** Names of the objects of a namespace, in order. */
  names(namespace: string): readonly string[] {
    const sorted = this.#sortedNames.get(namespace) ?? [...(this.#namespaces.get(namespace)?.keys() ?? [])].sort();
    this.#sortedNames.set(namespace, sorted);
    return sorted;
  }

  addIndex(name: string, by: IndexBy): void {
    const filed = new Map<string, Set<KubeObject>>();
    this.#indexes.set(name, { by, filed });
    for (const objects of this.#namespaces.values()) for (const object of objects.values()) file(filed, by, object);
  }

  /** The objects filed under `value`; throws `TypeError` for an unknown index. */
  indexed(index: string, value: string): ReadonlySet<KubeObject> {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new TypeError(`The table has no index ${index}`);
    return found.filed.get(value) ?? nothing;
  }

  /** Puts a change into effect and remembers it. */
  apply(change: Change): void {
    const { namespace, name, now, before } = change;
    if (now === undefined) this.#remove(namespace, name);
    else this.put(namespace, name, now);
    for (const { by, filed } of this.#indexes.values()) {
      if (before !== undefined) unfile(filed, by, before);
      if (now !== undefined) file(filed, by, now);
    }
    this.history.push(change);
  }

  /** Puts an object without history or indexes: for loading. */
  put(namespace: string, name: string, object: KubeObject): void {
    let objects = this.#namespaces.get(namespace);
    if (objects === undefined) {
      objects = new Map();
      this.#namespaces.set(namespace, objects);
      this.#sortedNamespaces = undefined;
    }
    if (!objects.has(name)) {
      this.#size++;
      this.#sortedNames.delete(namespace);
    }
    objects.set(name, object);
  }

  #remove(namespace: string, name: string): void {
    const objects = this.#namespaces.get(namespace);
    if (objects === undefined || !objects.delete(name)) return;
    this.#size--;
    this.#sortedNames.delete(namespace);
    if (objects.size > 0) return;
    this.#namespaces.delete(namespace);
    this.#sortedNamespaces = undefined;
  }
}

const nothing: ReadonlySet<KubeObject> = new Set();

function file(filed: Map<string, Set<KubeObject>>, by: IndexBy, object: KubeObject): void {
  for (const value of by(object)) {
    const objects = filed.get(value);
    if (objects === undefined) filed.set(value, new Set([object]));
    else objects.add(object);
  }
}

function unfile(filed: Map<string, Set<KubeObject>>, by: IndexBy, object: KubeObject): void {
  for (const value of by(object)) {
    const objects = filed.get(value);
    if (objects?.delete(object) === true && objects.size === 0) filed.delete(value);
  }
}
