import { builtinTypes } from "./builtin.generated.ts";

/** The type of a field. `struct` refers to a type of the table by name. */
export type FieldType =
  | { readonly kind: ScalarKind }
  | { readonly kind: "list"; readonly item: FieldType }
  | { readonly kind: "map"; readonly value: FieldType }
  | { readonly kind: "struct"; readonly name: string };

export type ScalarKind =
  | "string"
  | "int32"
  | "int64"
  | "float64"
  | "bool"
  | "intOrString"
  | "quantity"
  | "time"
  | "microTime"
  | "bytes"
  | "any";

/** The fields of a struct by their JSON names. */
export type StructType = ReadonlyMap<string, FieldType>;

const scalars: Readonly<Record<string, ScalarKind>> = {
  s: "string",
  i: "int32",
  l: "int64",
  f: "float64",
  b: "bool",
  x: "intOrString",
  q: "quantity",
  t: "time",
  m: "microTime",
  y: "bytes",
  a: "any",
};

// Types are read when first used: a process that serves a few kinds never pays for the others.
const compiled = new Map<string, StructType>();

/** The struct with this name. Throws `TypeError` when the table has none. */
export function structType(name: string): StructType {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const text = Object.hasOwn(builtinTypes, name) ? builtinTypes[name] : undefined;
  if (text === undefined) throw new TypeError(`The schema has no type named ${name}`);
  const fields = new Map<string, FieldType>();
  for (const field of text === "" ? [] : text.split(",")) {
    const colon = field.indexOf(":");
    fields.set(field.slice(0, colon), parseType(field.slice(colon + 1)));
  }
  compiled.set(name, fields);
  return fields;
}

/** The type's name in Go without its package: `ServicePort`, for error messages. */
export function goStructName(name: string): string {
  return name.replace(/^(?:[A-Z][a-z]+)?V[0-9]+(?:(?:alpha|beta)[0-9]+)?(?=[A-Z])/, "");
}

/** The type as Go prints it: `int32`, `[]v1.Container`, `map[string]string`. */
export function goTypeName(type: FieldType): string {
  switch (type.kind) {
    case "list":
      return `[]${goTypeName(type.item)}`;
    case "map":
      return `map[string]${goTypeName(type.value)}`;
    case "struct":
      return `${/^[A-Za-z]*?V([0-9]+)[A-Z]/.exec(type.name)?.[1] === "2" ? "v2" : "v1"}.${goStructName(type.name)}`;
    case "intOrString":
      return "intstr.IntOrString";
    case "quantity":
      return "resource.Quantity";
    case "time":
      return "v1.Time";
    case "microTime":
      return "v1.MicroTime";
    case "bytes":
      return "[]uint8";
    case "any":
      return "interface {}";
    case "string":
    case "int32":
    case "int64":
    case "float64":
    case "bool":
      return type.kind;
  }
}

function parseType(text: string): FieldType {
  if (text.startsWith("[")) return { kind: "list", item: parseType(text.slice(1, -1)) };
  if (text.startsWith("{")) return { kind: "map", value: parseType(text.slice(1, -1)) };
  const scalar = scalars[text];
  return scalar === undefined ? { kind: "struct", name: text } : { kind: scalar };
}
