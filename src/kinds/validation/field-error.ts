/** Why a field is wrong, in upstream's words (`field.ErrorType`). */
export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTypeInvalid";

/** One thing wrong with one field. `message` is upstream's whole text, e.g. `Invalid value: 70000: must be between ...`. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** Path such as `spec.ports[0].nodePort`. */
  readonly field: string;
  readonly message: string;
}

/** A value that the field may not have; `value` is shown as upstream shows it (text in quotes, objects as JSON). */
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { type: "FieldValueInvalid", field, message: `Invalid value: ${shown(value)}: ${detail}` };
}

/** A field that must be there; `detail` says when or how. */
export function required(field: string, detail = ""): FieldError {
  return { type: "FieldValueRequired", field, message: withDetail("Required value", detail) };
}

/** A value that occurred before in the same list. */
export function duplicate(field: string, value: unknown): FieldError {
  return { type: "FieldValueDuplicate", field, message: `Duplicate value: ${shown(value)}` };
}

/** A value outside of the listed ones, which are shown in alphabetical order. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = [...supported].sort().map((text) => JSON.stringify(text));
  const detail = `supported values: ${list.join(", ")}`;
  return { type: "FieldValueNotSupported", field, message: `Unsupported value: ${shown(value)}: ${detail}` };
}

/** A field that may not be set here. */
export function forbidden(field: string, detail: string): FieldError {
  return { type: "FieldValueForbidden", field, message: withDetail("Forbidden", detail) };
}

/** Text over its limit. */
export function tooLong(field: string, limit: number): FieldError {
  return { type: "FieldValueTooLong", field, message: `Too long: may not be more than ${limit} bytes` };
}

/** A list over its limit. */
export function tooMany(field: string, count: number, limit: number): FieldError {
  return { type: "FieldValueTooMany", field, message: `Too many: ${count}: must have at most ${limit} items` };
}

function withDetail(text: string, detail: string): string {
  return detail === "" ? text : `${text}: ${detail}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}
