import { CodedError } from "../../core/index.ts";
import { isFields } from "../fields.ts";
import type { Fields } from "../fields.ts";

/** A list of objects, a patch for it, and how two of its objects merge. */
export interface ListMerge {
  /** The field, for messages. */
  readonly name: string;
  /** The field by which objects are the same. */
  readonly key: string;
  readonly target: readonly unknown[];
  readonly patch: readonly unknown[];
  /** `$setElementOrder`: objects that carry the key. */
  readonly order: readonly unknown[] | undefined;
  readonly merge: (old: Fields, change: Fields) => Fields;
}

/**
 * Merges a list of objects by key. Ports are a special case: their number is the key, but TCP and UDP may share it, so
 * the same protocol is preferred, no object takes two changes, and an order that names a number more often than the
 * list has it adds a port. (Upstream merges the two into one: kubernetes#39188.)
 */
export function mergeObjectLists({ name, key, target, patch, order, merge }: ListMerge): readonly Fields[] {
  const changes = patch.map((item) => requireFields(name, item));
  const replaces = changes.some((change) => change.$patch === "replace" && change[key] === undefined);
  const result: Fields[] = replaces ? [] : target.map((item) => requireFields(name, item));
  const wanted = order?.map((item) => keyValue(name, key, requireFields(name, item)));
  const changed = new Set<number>();
  for (const change of changes) {
    if (change.$patch === "replace" && change[key] === undefined) continue;
    const value = keyValue(name, key, change);
    if (change.$patch === "delete") {
      removeAll(result, (item) => item[key] === value && sameProtocolOrNone(item, change), changed);
      continue;
    }
    const index = findTarget(result, key, change, changed, wanted);
    if (index === undefined) {
      changed.add(result.length);
      result.push(merge({}, change));
    } else {
      changed.add(index);
      result[index] = merge(result[index] ?? {}, change);
    }
  }
  if (wanted === undefined) return result;
  return inOrder(
    result,
    wanted,
    (item) => item[key],
    target.filter(isFields).map((item) => item[key]),
  );
}

/** Merges lists of scalars as sets. */
export function mergeSets(
  target: readonly unknown[],
  patch: readonly unknown[],
  order: readonly unknown[] | undefined,
): readonly unknown[] {
  const result = [...new Set([...target, ...patch])];
  return order === undefined ? result : inOrder(result, order, (item) => item, target);
}

function findTarget(
  items: readonly Fields[],
  key: string,
  change: Fields,
  changed: ReadonlySet<number>,
  wanted: readonly unknown[] | undefined,
): number | undefined {
  const value = change[key];
  const same = [...items.keys()].filter((i) => items[i]?.[key] === value);
  if (change.protocol === undefined) return same[0];
  const exact = same.find((i) => protocolOf(items[i]) === protocolOf(change));
  if (exact !== undefined) return exact;
  if (wanted !== undefined && wanted.filter((other) => other === value).length > same.length) return undefined;
  return same.find((i) => !changed.has(i));
}

function sameProtocolOrNone(item: Fields, change: Fields): boolean {
  return change.protocol === undefined || protocolOf(item) === protocolOf(change);
}

function protocolOf(item: Fields | undefined): unknown {
  return item?.protocol ?? "TCP";
}

function removeAll(items: Fields[], matches: (item: Fields) => boolean, changed: Set<number>): void {
  const kept = items.flatMap((item, i) => (matches(item) ? [] : [{ item, wasChanged: changed.has(i) }]));
  changed.clear();
  for (const [i, { wasChanged }] of kept.entries()) if (wasChanged) changed.add(i);
  items.splice(0, items.length, ...kept.map(({ item }) => item));
}

/**
 * Brings items into the wanted order. Items that the order does not name stay before those that followed them in the
 * list as it was.
 */
function inOrder<T>(
  items: readonly T[],
  wanted: readonly unknown[],
  keyOf: (item: T) => unknown,
  before: readonly unknown[],
): readonly T[] {
  const others = items.filter((item) => !wanted.includes(keyOf(item)));
  const named = items
    .filter((item) => wanted.includes(keyOf(item)))
    .sort((a, b) => wanted.indexOf(keyOf(a)) - wanted.indexOf(keyOf(b)));
  const result: T[] = [];
  let next = 0;
  for (const item of named) {
    const place = before.indexOf(keyOf(item));
    for (; next < others.length; next++) {
      const other = others[next];
      const otherPlace = other === undefined ? -1 : before.indexOf(keyOf(other));
      if (other === undefined || otherPlace < 0 || otherPlace > place) break;
      result.push(other);
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

function requireFields(name: string, item: unknown): Fields {
  if (isFields(item)) return item;
  throw new CodedError("BadRequest", `error decoding patch: each item of ${name} must be an object`);
}

function keyValue(name: string, key: string, item: Fields): unknown {
  const value = item[key];
  if (value !== undefined && value !== null) return value;
  const message = `error decoding patch: an item of ${name} does not contain declared merge key: ${key}`;
  throw new CodedError("BadRequest", message);
}
