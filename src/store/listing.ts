import type { KubeObject } from "../objects/index.ts";
import type { Table } from "./table.ts";

/** Which objects a list gives, in which slice. */
export interface ListQuery {
  /** Only this namespace; all when absent. */
  readonly namespace?: string | undefined;
  /** As of this version; the present when absent. */
  readonly at?: number | undefined;
  /** Start after this object (the last one of the page before). */
  readonly after?: { readonly namespace: string; readonly name: string } | undefined;
  /** At most this many objects; 0 or absent: all. */
  readonly limit?: number | undefined;
  readonly matches?: ((object: KubeObject) => boolean) | undefined;
}

/** A consistent list. `more` says that the limit cut it off. */
export interface Listing {
  readonly version: number;
  readonly items: readonly KubeObject[];
  readonly more: boolean;
}

/** Lists a table in order of namespace and name. The caller has checked that history reaches `query.at`. */
export function listTable(table: Table, version: number, query: ListQuery): Listing {
  const { namespace, at, after, limit = 0, matches } = query;
  const undone = at === undefined || at >= version ? undefined : table.history.undoneTo(at);
  const items: KubeObject[] = [];
  const namespaces = namespace === undefined ? withNames(table.namespaces(), undone?.keys()) : [namespace];
  for (const space of namespaces) {
    if (after !== undefined && space < after.namespace) continue;
    const then = undone?.get(space);
    const names = withNames(table.names(space), then?.keys());
    const start = space === after?.namespace ? countUpTo(names, after.name) : 0;
    for (let i = start; i < names.length; i++) {
      const name = names[i] ?? "";
      const object = then?.has(name) === true ? then.get(name) : table.get(space, name);
      if (object === undefined || matches?.(object) === false) continue;
      if (limit > 0 && items.length === limit) return { version: at ?? version, items, more: true };
      items.push(object);
    }
  }
  return { version: at ?? version, items, more: false };
}

/** How many of the sorted `names` are `last` or before it. */
function countUpTo(names: readonly string[], last: string): number {
  let [from, to] = [0, names.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((names[middle] ?? "") <= last) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Sorted `names` joined with names that may be gone by now. */
function withNames(names: readonly string[], others: Iterable<string> | undefined): readonly string[] {
  if (others === undefined) return names;
  const known = new Set(names);
  const missing = [...others].filter((name) => !known.has(name));
  return missing.length === 0 ? names : [...names, ...missing].sort();
}
