import { canonicalJson, CodedError, sameJson } from "../../core/index.ts";
import { isFields } from "../fields.ts";
import type { Fields } from "../fields.ts";

/**
 * Applies a JSON patch (RFC 6902) and returns the new value; the given one stays as it is. Throws `CodedError` with
 * code `BadRequest` when the patch is malformed, and `Invalid` when it does not fit the document (then nothing applies).
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new CodedError("BadRequest", "error decoding patch: a JSON patch must be an array");
  let result = document;
  for (const operation of patch) {
    if (!isFields(operation))
      throw new CodedError("BadRequest", "error decoding patch: an operation must be an object");
    result = applyOperation(result, operation);
  }
  return result;
}

function applyOperation(document: unknown, operation: Fields): unknown {
  const path = pointer(operation, "path");
  switch (operation.op) {
    case "add":
      return add(document, path, valueOf(operation));
    case "remove":
      return remove(document, path);
    case "replace":
      read(document, path);
      return write(document, path, valueOf(operation));
    case "copy":
      return add(document, path, read(document, pointer(operation, "from")));
    case "move": {
      const from = pointer(operation, "from");
      if (path.length > from.length && from.every((part, i) => part === path[i])) {
        throw new CodedError("Invalid", `A value cannot be moved into itself: from ${shown(from)} to ${shown(path)}`);
      }
      const value = read(document, from);
      return add(remove(document, from), path, value);
    }
    case "test": {
      const found = readIfThere(document, path);
      const expected = operation.value ?? null;
      if (sameJson(found ?? null, expected)) return document;
      throw new CodedError("Invalid", `testing value ${shown(path)} failed: it is ${canonicalJson(found ?? null)}`);
    }
    default:
      throw new CodedError("BadRequest", `error decoding patch: unexpected kind of operation: ${String(operation.op)}`);
  }
}

/** The parts of a JSON pointer (RFC 6901); none for the whole document. */
function pointer(operation: Fields, name: "path" | "from"): readonly string[] {
  const text = operation[name];
  if (typeof text !== "string" || (text !== "" && !text.startsWith("/"))) {
    throw new CodedError(
      "BadRequest",
      `error decoding patch: ${name} must be a JSON pointer, not ${JSON.stringify(text)}`,
    );
  }
  if (text === "") return [];
  const parts = text.slice(1).split("/");
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueOf(operation: Fields): unknown {
  if (operation.value === undefined) {
    throw new CodedError("BadRequest", `error decoding patch: operation ${String(operation.op)} needs a value`);
  }
  return operation.value;
}

function read(document: unknown, path: readonly string[]): unknown {
  const found = readIfThere(document, path);
  if (found === undefined) throw missing(path);
  return found;
}

function readIfThere(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const part of path) {
    if (Array.isArray(value)) value = value[arrayIndex(part, value.length - 1, path)];
    else if (isFields(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  return change(
    document,
    path,
    (parent, part) => {
      if (isFields(parent)) return { ...parent, [part]: value };
      const index = part === "-" ? parent.length : arrayIndex(part, parent.length, path);
      return parent.toSpliced(index, 0, value);
    },
    () => value,
  );
}

function write(document: unknown, path: readonly string[], value: unknown): unknown {
  return change(
    document,
    path,
    (parent, part) => {
      if (isFields(parent)) return { ...parent, [part]: value };
      return parent.with(arrayIndex(part, parent.length - 1, path), value);
    },
    () => value,
  );
}

function remove(document: unknown, path: readonly string[]): unknown {
  return change(
    document,
    path,
    (parent, part) => {
      if (Array.isArray(parent)) return parent.toSpliced(arrayIndex(part, parent.length - 1, path), 1);
      if (!Object.hasOwn(parent, part)) throw missing(path);
      return Object.fromEntries(Object.entries(parent).filter(([name]) => name !== part));
    },
    () => {
      throw new CodedError("Invalid", "The whole document cannot be removed");
    },
  );
}

/** Copies the way to the last part of `path` and lets `edit` make a new parent there. */
function change(
  value: unknown,
  path: readonly string[],
  edit: (parent: Fields | readonly unknown[], part: string) => unknown,
  whole: () => unknown,
): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return whole();
  const isList = Array.isArray(value);
  if (!isList && !isFields(value)) throw missing(path);
  if (rest.length === 0) return edit(isList ? [...value] : value, part);
  if (isList) {
    const index = arrayIndex(part, value.length - 1, path);
    return value.with(index, change(value[index], rest, edit, whole));
  }
  if (!Object.hasOwn(value, part)) throw missing(path);
  return { ...value, [part]: change(value[part], rest, edit, whole) };
}

function arrayIndex(part: string, last: number, path: readonly string[]): number {
  const index = /^(?:0|[1-9][0-9]{0,8})$/.test(part) ? Number(part) : Number.NaN;
  if (!(index <= last)) throw new CodedError("Invalid", `Unable to access invalid index: ${part} of ${shown(path)}`);
  return index;
}

function missing(path: readonly string[]): CodedError {
  return new CodedError(
    "Invalid",
    `the server rejected our request due to an error in our request: no value at ${shown(path)}`,
  );
}

function shown(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
