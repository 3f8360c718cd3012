/** A decoded JSON object whose shape the schema has checked but TypeScript does not know. */
export type Fields = Readonly<Record<string, unknown>>;

const noFields: Fields = {};
const noItems: readonly Fields[] = [];

/** Whether the value is a JSON object (no array, no null). */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as an object; an empty one when it is absent or something else. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : noFields;
}

/** A typed object seen as plain fields, for rules that are written once for several kinds. */
export function asFields(object: object): Fields {
  return object as Fields;
}

/** The objects of a list; none when it is absent or something else. */
export function itemsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : noItems;
}

/** The texts of a list; none when it is absent or something else. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The value when it is text, else "". */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The value when it is a number, else 0. */
export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** `fields` with those `defaults` that it lacks; the same object when it lacks none. */
export function withDefaults<T extends object>(fields: T, defaults: Fields): T {
  const present = asFields(fields);
  let missing: [string, unknown][] | undefined;
  for (const name in defaults) {
    const value = defaults[name];
    if (value !== undefined && present[name] === undefined) (missing ??= []).push([name, value]);
  }
  return missing === undefined ? fields : { ...fields, ...Object.fromEntries(missing) };
}

/** `fields` with `name` replaced by what `change` makes of it, when it is there and changes. */
export function mapField<T extends object>(fields: T, name: string, change: (value: unknown) => unknown): T {
  const value = asFields(fields)[name];
  if (value === undefined) return fields;
  const changed = change(value);
  return changed === value ? fields : { ...fields, [name]: changed };
}

/** As `mapField` for each object of a list. */
export function mapItems<T extends object>(fields: T, name: string, change: (item: Fields) => Fields): T {
  return mapField(fields, name, (value) => {
    const items = itemsOf(value);
    const changed = items.map(change);
    return changed.some((item, i) => item !== items[i]) ? changed : value;
  });
}

/** `fields` without these names; the same object when it has none of them. */
export function without<T extends object>(fields: T, ...names: readonly string[]): T {
  if (!names.some((name) => name in fields)) return fields;
  const kept = Object.entries(fields).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept) as T;
}
