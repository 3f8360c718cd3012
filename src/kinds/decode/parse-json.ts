import { CodedError, messageOf } from "../../core/index.ts";

/** A JSON text as a value, and the fields that it gives more than once (the last one counts). */
export interface ParsedJson {
  readonly value: unknown;
  /** Paths such as `spec.ports[0].port`, in the order of the text, each once. */
  readonly duplicates: readonly string[];
}

/** Reads JSON. Throws `CodedError` with code `InvalidJson` when `text` is none. */
export function parseJson(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CodedError("InvalidJson", `json parse error: ${messageOf(error)}`, { cause: error });
  }
  return { value, duplicates: duplicateFields(text) };
}

interface Container {
  /** The keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined;
  /** The path of the member or element that is being read. */
  readonly path: string;
  current: string;
  index: number;
}

/** Finds repeated keys in a text that is known to be JSON. */
function duplicateFields(text: string): readonly string[] {
  const duplicates = new Set<string>();
  const open: Container[] = [];
  let top: Container | undefined;
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const end = endOfString(text, i);
      if (expectsKey && top?.keys !== undefined) {
        const key = String(JSON.parse(text.slice(i, end + 1)));
        top.current = top.path === "" ? key : `${top.path}.${key}`;
        if (top.keys.has(key)) duplicates.add(top.current);
        top.keys.add(key);
        expectsKey = false;
      }
      i = end;
    } else if (char === "{" || char === "[") {
      const path = top === undefined ? "" : top.current;
      top = { keys: char === "{" ? new Set() : undefined, path, current: char === "{" ? path : `${path}[0]`, index: 0 };
      open.push(top);
      expectsKey = char === "{";
    } else if (char === "}" || char === "]") {
      open.pop();
      top = open.at(-1);
      expectsKey = false;
    } else if (char === "," && top !== undefined) {
      if (top.keys === undefined) top.current = `${top.path}[${++top.index}]`;
      else expectsKey = true;
    }
  }
  return [...duplicates];
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}
