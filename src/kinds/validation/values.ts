import { isFields } from "../fields.ts";
import { invalid, notSupported, required } from "./field-error.ts";
import type { FieldError } from "./field-error.ts";
import { portNameProblems, portNumberProblems } from "./names.ts";

/** One error for each of the problems that a format check found with the value. */
export function problemsAt(field: string, value: unknown, problems: readonly string[]): readonly FieldError[] {
  return problems.map((problem) => invalid(field, value, problem));
}

/** A number that may not be negative; absent is fine. */
export function nonNegative(field: string, value: unknown): readonly FieldError[] {
  return typeof value === "number" && value < 0 ? [invalid(field, value, "must be greater than or equal to 0")] : [];
}

/** A value that is one of a few; absent is fine when it is `optional`. */
export function oneOf(
  field: string,
  value: unknown,
  supported: readonly string[],
  optional: "optional" | "required" = "optional",
): readonly FieldError[] {
  if (value === undefined || value === "") return optional === "optional" ? [] : [required(field)];
  return typeof value === "string" && supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

/** A text that must be there. */
export function nonEmpty(field: string, value: unknown, detail = ""): readonly FieldError[] {
  return value === undefined || value === "" ? [required(field, detail)] : [];
}

/** A port by number or by name. */
export function portReference(field: string, value: unknown): readonly FieldError[] {
  if (typeof value === "string") return problemsAt(field, value, portNameProblems(value));
  return problemsAt(field, value ?? 0, portNumberProblems(typeof value === "number" ? value : 0));
}

/** A number of pods, or a percentage of them. */
export function countOrPercent(field: string, value: unknown): readonly FieldError[] {
  if (typeof value === "string") {
    if (/^[0-9]+%$/.test(value)) return [];
    const rule =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for " +
      "validation is '[0-9]+%')";
    return [invalid(field, value, rule)];
  }
  return nonNegative(field, value);
}

/** Whether two decoded values are the same; the order of fields does not count. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (!isFields(a) || !isFields(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame(a[name], b[name]));
}
