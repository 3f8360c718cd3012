import type { KubeObject } from "../../objects/index.ts";
import type { Column } from "../kind.ts";
import { formatAge } from "./duration.ts";

/** A column that `kubectl get` always shows. */
export function column(name: string, description: string, type: Column["type"] = "string"): Column {
  return { name, type, description, priority: 0 };
}

/** A column for `-o wide`. */
export function wideColumn(name: string, description: string, type: Column["type"] = "string"): Column {
  return { ...column(name, description, type), priority: 1 };
}

/** The first column of every kind. */
export const nameColumn: Column = { ...column("Name", "Name must be unique within a namespace."), format: "name" };

/** How long ago the object was created. */
export const ageColumn: Column = column("Age", "Time since the object was created.");

/** The columns of a kind without its own. */
export const nameAndAge: readonly Column[] = [nameColumn, ageColumn];

/** The object's age in kubectl's short form, `<unknown>` without a creation time. */
export function ageCell(object: KubeObject, nowMs: number): string {
  return sinceCell(object.metadata.creationTimestamp, nowMs);
}

/** Time since an RFC 3339 time, `<unknown>` when it is absent or unreadable. */
export function sinceCell(time: string | null | undefined, nowMs: number): string {
  const start = time === undefined || time === null ? Number.NaN : Date.parse(time);
  return Number.isNaN(start) ? "<unknown>" : formatAge(nowMs - start);
}

/** The text, or `<none>` when there is none. */
export function orNone(text: string): string {
  return text === "" ? "<none>" : text;
}
