import type { IpFamily } from "../../core/index.ts";
import { tables } from "./rule.ts";
import type { Table } from "./rule.ts";

/** Rules by table. */
export type TableCounts = Readonly<Record<Table, number>>;

/** How many rules of ours a table has, and how many of them the last transaction wrote. */
export interface TableRules {
  readonly family: IpFamily;
  readonly table: Table;
  readonly all: number;
  readonly last: number;
}

/** No rules. */
export const noRules: TableCounts = { mangle: 0, filter: 0, nat: 0 };

/** The number of rules in each table; those of `former` more. */
export function countByTable(rules: Iterable<{ readonly table: Table }>, former: TableCounts = noRules): TableCounts {
  const counts = { ...former };
  for (const { table } of rules) counts[table]++;
  return counts;
}

/** What each table has of both; `sign` -1 takes the second away. */
export function addCounts(a: TableCounts, b: TableCounts, sign: 1 | -1 = 1): TableCounts {
  return { mangle: a.mangle + sign * b.mangle, filter: a.filter + sign * b.filter, nat: a.nat + sign * b.nat };
}

/** Of all tables together. */
export function sumOf(counts: TableCounts): number {
  return tables.reduce((sum, table) => sum + counts[table], 0);
}
