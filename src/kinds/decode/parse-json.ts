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
  readonly keys: string[] | undefined;
  /** The member that is being read. */
  key: string;
  /** The element that is being read. */
  index: number;
}

const quote = 34;
const comma = 44;
const openList = 91;
const backslash = 92;
const closeList = 93;
const openObject = 123;
const closeObject = 125;

/** Finds repeated keys in a text that is known to be JSON. */
function duplicateFields(text: string): readonly string[] {
  const duplicates = new Set<string>();
  const open: Container[] = [];
  let top: Container | undefined;
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case quote: {
        const end = endOfString(text, i);
        if (expectsKey && top?.keys !== undefined) {
          top.key = keyText(text.slice(i + 1, end));
          if (top.keys.includes(top.key)) duplicates.add(pathOf(open));
          else top.keys.push(top.key);
          expectsKey = false;
        }
        i = end;
        break;
      }
      case openObject:
      case openList:
        expectsKey = text.charCodeAt(i) === openObject;
        top = { keys: expectsKey ? [] : undefined, key: "", index: 0 };
        open.push(top);
        break;
      case closeObject:
      case closeList:
        open.pop();
        top = open.at(-1);
        expectsKey = false;
        break;
      case comma:
        if (top?.keys !== undefined) expectsKey = true;
        else if (top !== undefined) top.index++;
        break;
      default:
    }
  }
  return [...duplicates];
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

function keyText(raw: string): string {
  return raw.includes("\\") ? String(JSON.parse(`"${raw}"`)) : raw;
}

function pathOf(open: readonly Container[]): string {
  let path = "";
  for (const { keys, key, index } of open) {
    if (keys === undefined) path += `[${index}]`;
    else path += path === "" ? key : `.${key}`;
  }
  return path;
}
