import { CodedError } from "../../core/index.ts";
import { formatTime } from "../../objects/index.ts";
import { isFields } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { goStructName, goTypeName, structType } from "../schema/schema.ts";
import type { FieldType } from "../schema/schema.ts";
import { canonicalQuantity, quantityProblem } from "./quantity.ts";

/**
 * Where a value stands: a field of a struct, or an element of a list or map. Places are linked, and become text only
 * when something is wrong there.
 */
interface Place {
  readonly parent: Place | undefined;
  /** The struct that has the field; undefined for elements. */
  readonly struct: string | undefined;
  readonly key: string | number;
}

/** Reads values against the schema as Go's JSON decoder would, and collects unknown fields on the way. */
export class Decoder {
  readonly #unknown: string[] = [];

  /** Paths of the fields that the schema does not have, in the order of the text. */
  get unknownFields(): readonly string[] {
    return this.#unknown;
  }

  /** Reads an object of the type. Throws `CodedError` with code `InvalidType` and Go's words for the first wrong value. */
  root(typeName: string, value: unknown): Fields {
    if (!isFields(value)) {
      const type = goTypeName({ kind: "struct", name: typeName });
      throw new CodedError("InvalidType", `json: cannot unmarshal ${goValueName(value)} into Go value of type ${type}`);
    }
    return this.#struct(typeName, value, undefined);
  }

  #struct(typeName: string, value: Fields, parent: Place | undefined): Fields {
    const struct = structType(typeName);
    const decoded: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const type = struct.get(key);
      const field = value[key];
      if (type === undefined) this.#unknown.push(fieldPath({ parent, struct: typeName, key }));
      else if (field !== null && field !== undefined) {
        decoded[key] = this.#value(type, field, { parent, struct: typeName, key });
      }
    }
    return decoded;
  }

  #value(type: FieldType, value: unknown, place: Place): unknown {
    switch (type.kind) {
      case "any":
        return value;
      case "struct":
        if (!isFields(value)) throw wrongType(type, value, place);
        return this.#struct(type.name, value, place);
      case "list":
        if (!Array.isArray(value)) throw wrongType(type, value, place);
        return value.map((item, key) => this.#element(type.item, item, { parent: place, struct: undefined, key }));
      case "map": {
        if (!isFields(value)) throw wrongType(type, value, place);
        const entries = Object.entries(value).map(([key, item]): [string, unknown] => [
          key,
          this.#element(type.value, item, { parent: place, struct: undefined, key }),
        ]);
        return Object.fromEntries(entries);
      }
      case "string":
      case "bool":
        if (typeof value !== (type.kind === "string" ? "string" : "boolean")) throw wrongType(type, value, place);
        return value;
      case "int32":
      case "int64":
      case "float64":
        if (typeof value !== "number" || !fits(type.kind, value)) throw wrongType(type, value, place);
        return value;
      case "intOrString":
        return intOrString(value);
      case "quantity":
        return quantity(value);
      case "time":
      case "microTime":
        return time(value, type.kind === "microTime");
      case "bytes":
        if (typeof value !== "string") throw wrongType(type, value, place);
        return base64(value);
    }
  }

  /** In lists and maps null is Go's zero value: there is no field to leave out. */
  #element(type: FieldType, value: unknown, place: Place): unknown {
    return value === null ? zeroOf(type) : this.#value(type, value, place);
  }
}

/** The place with indexes and map keys: `spec.ports[0].port`. */
function fieldPath({ parent, key }: Place): string {
  if (parent === undefined) return String(key);
  return typeof key === "number" ? `${fieldPath(parent)}[${key}]` : `${fieldPath(parent)}.${key}`;
}

/** The place as Go names it, after the innermost struct, without elements: `ServicePort.spec.ports.port`. */
function goPlace(place: Place): string {
  let struct: string | undefined;
  let path = "";
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
    if (at.struct === undefined) continue;
    struct ??= goStructName(at.struct);
    path = path === "" ? String(at.key) : `${at.key}.${path}`;
  }
  return `${struct ?? ""}.${path}`;
}

function zeroOf(type: FieldType): unknown {
  switch (type.kind) {
    case "struct":
    case "map":
      return {};
    case "list":
      return [];
    case "string":
    case "bytes":
      return "";
    case "bool":
      return false;
    case "int32":
    case "int64":
    case "float64":
    case "intOrString":
      return 0;
    case "quantity":
      return "0";
    case "time":
    case "microTime":
    case "any":
      return null;
  }
}

function fits(kind: "int32" | "int64" | "float64", value: number): boolean {
  if (kind === "float64") return true;
  if (!Number.isInteger(value)) return false;
  return kind === "int64" ? Math.abs(value) < 2 ** 63 : value >= -(2 ** 31) && value < 2 ** 31;
}

function intOrString(value: unknown): number | string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && fits("int32", value)) return value;
  const shown = typeof value === "number" ? `number ${value}` : goValueName(value);
  throw new CodedError("InvalidType", `json: cannot unmarshal ${shown} into Go value of type int32`);
}

function quantity(value: unknown): string {
  const text = typeof value === "number" ? String(value) : value;
  const canonical = typeof text === "string" ? canonicalQuantity(text) : undefined;
  if (canonical === undefined) throw new CodedError("InvalidType", quantityProblem);
  return canonical;
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

function time(value: unknown, micro: boolean): string {
  if (typeof value !== "string") {
    const message = `json: cannot unmarshal ${goValueName(value)} into Go value of type string`;
    throw new CodedError("InvalidType", message);
  }
  const parsed = rfc3339.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(parsed)) {
    const layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
    const quoted = JSON.stringify(value);
    const message = `parsing time ${quoted} as ${JSON.stringify(layout)}: cannot parse ${quoted} as "2006"`;
    throw new CodedError("InvalidType", message);
  }
  return micro && value.endsWith("Z") ? value : formatTime(parsed);
}

function base64(text: string): string {
  const bare = text.replace(/[\r\n]/g, "");
  const wrong = /[^A-Za-z0-9+/=]|=[^=]|={3}/.exec(bare);
  if (wrong === null && bare.length % 4 === 0) return bare;
  throw new CodedError("InvalidType", `illegal base64 data at input byte ${wrong?.index ?? bare.length}`);
}

function wrongType(type: FieldType, value: unknown, place: Place): CodedError {
  const shown = typeof value === "number" && isNumber(type) ? `number ${value}` : goValueName(value);
  const target = `${goPlace(place)} of type ${goTypeName(type)}`;
  return new CodedError("InvalidType", `json: cannot unmarshal ${shown} into Go struct field ${target}`);
}

function isNumber(type: FieldType): boolean {
  return type.kind === "int32" || type.kind === "int64" || type.kind === "float64";
}

function goValueName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}
