import type { AnyObject } from "../../objects/index.ts";
import type { Cell, Column } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, wideColumn } from "../printing/column.ts";

/** A column with how its cell is made. `Age` and the name have their fixed forms. */
export type StoredColumn =
  | { readonly kind: "cell"; readonly column: Column; readonly cell: (object: AnyObject, nowMs: number) => Cell }
  | { readonly kind: "age" };

/** Where the object's age stands among the columns. */
export const age: StoredColumn = { kind: "age" };

/** A column of text that `kubectl get` always shows. */
export function shown(name: string, cell: (object: AnyObject, nowMs: number) => Cell): StoredColumn {
  return { kind: "cell", column: column(name, name), cell };
}

/** A column for `-o wide`. */
export function wide(name: string, cell: (object: AnyObject, nowMs: number) => Cell): StoredColumn {
  return { kind: "cell", column: wideColumn(name, name), cell };
}

/** Columns and rows of a kind: its name, then these. */
export function storedTable(
  columns: readonly StoredColumn[],
  name: (object: AnyObject) => string = (object) => object.metadata.name,
): {
  readonly columns: readonly Column[];
  readonly row: (object: AnyObject, nowMs: number) => readonly Cell[];
} {
  return {
    columns: [nameColumn, ...columns.map((entry) => (entry.kind === "age" ? ageColumn : entry.column))],
    row: (object, nowMs) => [
      name(object),
      ...columns.map((entry) => (entry.kind === "age" ? ageCell(object, nowMs) : entry.cell(object, nowMs))),
    ],
  };
}
