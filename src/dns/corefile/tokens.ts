import { corefileError } from "./place.ts";
import type { Place } from "./place.ts";

/** One word of a configuration file. */
export interface Token extends Place {
  readonly text: string;
  /** Words in quotes may go over several lines. */
  readonly lastLine: number;
  /** Words in quotes are never braces. */
  readonly quoted: boolean;
}

/** Looks up a variable of the process's environment. */
export type Environment = (name: string) => string | undefined;

/**
 * Splits a Corefile into words as CoreDNS's reader does: white space separates, `"..."` holds words together (`\"`
 * inside is a quote, other backslashes stay), `#` at the start of a word begins a comment, `{$NAME}` and `{%NAME%}`
 * become variables. Throws `CodedError` code `InvalidCorefile` for a quote that never ends and an unset variable.
 */
export function tokenize(text: string, file: string, environment: Environment): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  while (at < text.length) {
    const char = text[at];
    if (char === "\n") line++;
    if (char === undefined || /\s/.test(char)) {
      at++;
      continue;
    }
    if (char === "#") {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
      continue;
    }
    const place = { file, line };
    const word = char === '"' ? quotedWord(text, at, place) : plainWord(text, at);
    line += word.raw.split("\n").length - 1;
    at += word.raw.length;
    const known = withVariables(word.text, place, environment);
    tokens.push({ ...place, text: known, lastLine: line, quoted: char === '"' });
  }
  return tokens;
}

function plainWord(text: string, at: number): { readonly raw: string; readonly text: string } {
  const end = /\s/g;
  end.lastIndex = at;
  const raw = text.slice(at, end.exec(text)?.index);
  return { raw, text: raw };
}

function quotedWord(text: string, start: number, place: Place): { readonly raw: string; readonly text: string } {
  let word = "";
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === "\\" && text[at + 1] === '"') {
      word += '"';
      at++;
    } else if (char === '"') return { raw: text.slice(start, at + 1), text: word };
    else word += char;
  }
  throw corefileError(place, 'this quote has no end: close it with "');
}

function withVariables(text: string, place: Place, environment: Environment): string {
  if (!text.includes("{")) return text;
  return text.replaceAll(/\{\$([^{}]+)\}|\{%([^{}]+)%\}/g, (_, dollar: string | undefined, percent: string) => {
    const name = dollar ?? percent;
    const value = environment(name);
    if (value === undefined) throw corefileError(place, `the environment variable ${name} is not set`);
    return value;
  });
}
