import { messageOf } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import type { Expression } from "./expression.ts";
import { parseExpression, parseRule, protocolName } from "./parse-rule.ts";
import type { Rule } from "./rule.ts";
import type { ChainDefinition, Element, ElementType, Hook, SetDefinition } from "./statement.ts";
import type { TableSet, TableState } from "./table-state.ts";

/** A table as nft lists it, or what of the text cannot be read. */
export type ParsedTable =
  | { readonly kind: "parsed"; readonly family: IpFamily; readonly name: string; readonly state: TableState }
  | { readonly kind: "failed"; readonly line: number; readonly reason: string };

/**
 * Reads the text of `nft -nn list table ip NAME` (nft 1.0.6 or newer; names instead of numbers do no harm). Only what these
 * rules are made of is known: a table that somebody else changed may fail.
 */
export function parseTable(text: string): ParsedTable {
  const reader = new LineReader(text);
  try {
    const [, family = "", name = ""] = reader.expect(/^table (ip|ip6) (\S+) \{/);
    const sets = new Map<string, TableSet>();
    const chains = new Map<string, ChainDefinition>();
    for (let line = reader.next(); line !== "}"; line = reader.next()) {
      const [, kind, block = ""] = /^(set|map|chain) (\S+) \{/.exec(line) ?? [];
      if (kind === "chain") chains.set(block, parseChain(block, reader));
      else if (kind !== undefined) sets.set(block, parseSet(block, reader));
      else if (!line.startsWith("#")) throw new SyntaxError(`expected a set, a map or a chain: ${line}`);
    }
    return { kind: "parsed", family: family === "ip" ? "IPv4" : "IPv6", name, state: { sets, chains } };
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "failed", line: reader.line, reason: messageOf(error) };
    throw error;
  }
}

/** Reads the elements of one set from a text such as `10.96.0.20 . 6 . 80 comment "tour/web" : goto pick-2, ...`. */
export function parseElements(text: string, definition: SetDefinition): readonly Element[] {
  const protocolPlaces = partsOf(definition.key).map(isProtocol);
  const elements: Element[] = [];
  for (const one of splitOutsideQuotes(text)) {
    const colon = one.lastIndexOf(" : ");
    const hasValue = definition.value !== undefined && colon >= 0;
    const [place = ""] = (hasValue ? one.slice(0, colon) : one).split(/ (?:comment|timeout|expires|counter) /);
    const key = place
      .trim()
      .split(" . ")
      .map((part, i) => (protocolPlaces[i] === true ? protocolName(part) : withoutFullPrefix(part)))
      .join(" . ");
    const comment = / comment "([^"]*)"/.exec(one)?.[1];
    elements.push({
      set: definition.name,
      key,
      ...(hasValue ? { value: one.slice(colon + 3).trim() } : {}),
      ...(comment === undefined ? {} : { comment }),
    });
  }
  return elements;
}

/** An address is also the network that holds nothing else. */
export function withoutFullPrefix(part: string): string {
  return part.endsWith(part.includes(":") ? "/128" : "/32") ? part.slice(0, part.indexOf("/")) : part;
}

class LineReader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.split("\n");
  }

  /** Number of the line that was read last, from 1. */
  get line(): number {
    return Math.min(this.#at, this.#lines.length);
  }

  /** The next line that is not empty, without the space around it. */
  next(): string {
    for (;;) {
      const line = this.#lines[this.#at++];
      if (line === undefined) throw new SyntaxError("the text ends within the table");
      const text = line.trim();
      if (text !== "") return text;
    }
  }

  expect(pattern: RegExp): RegExpExecArray {
    const line = this.next();
    const found = pattern.exec(line);
    if (found === null) throw new SyntaxError(`expected a table of family ip or ip6: ${line}`);
    return found;
  }
}

function parseSet(name: string, reader: LineReader): TableSet {
  let type: Pick<SetDefinition, "key" | "value"> | undefined;
  let more: Pick<SetDefinition, "flags" | "size"> = {};
  let elements: string | undefined;
  for (let line = reader.next(); line !== "}"; line = reader.next()) {
    const [, word = "", rest = ""] = /^(\S+)(?: =)? ?(.*)$/s.exec(line) ?? [];
    if (word === "typeof" || word === "type") type = parseTypes(word, rest);
    else if (word === "flags") more = { ...more, flags: parseFlags(rest) };
    else if (word === "size") more = { ...more, size: Number(rest.split(" ")[0]) };
    else if (word === "elements") elements = readElements(rest, reader);
    else if (!line.startsWith("#") && word !== "comment")
      throw new SyntaxError(`expected a property of a set: ${line}`);
  }
  if (type === undefined) throw new SyntaxError(`set ${name} has no type`);
  const definition: SetDefinition = { name, ...type, ...more };
  const found = elements === undefined ? [] : parseElements(elements, definition);
  return { definition, elements: new Map(found.map((element) => [element.key, element])) };
}

/** What stands between the braces, which may be many lines. */
function readElements(start: string, reader: LineReader): string {
  const parts = [start.replace(/^\{ ?/, "")];
  while (!(parts.at(-1) ?? "").endsWith("}")) parts.push(reader.next());
  return parts.join(" ").slice(0, -1).trim();
}

function parseTypes(word: "typeof" | "type", rest: string): Pick<SetDefinition, "key" | "value"> {
  const [key = "", value] = rest.split(" : ");
  const read = (text: string): ElementType =>
    word === "typeof" ? parseExpression(text) : { kind: "types", names: text.split(" . ") };
  if (value === undefined) return { key: read(key) };
  return { key: read(key), value: value === "verdict" ? "verdict" : read(value) };
}

function parseFlags(text: string): NonNullable<SetDefinition["flags"]> {
  const known = ["interval", "dynamic", "timeout"] as const;
  return known.filter((flag) => text.split(",").includes(flag));
}

function parseChain(name: string, reader: LineReader): ChainDefinition {
  let hook: Hook | undefined;
  const rules: Rule[] = [];
  for (let line = reader.next(); line !== "}"; line = reader.next()) {
    if (line.startsWith("type ")) hook = parseHook(line);
    else if (!line.startsWith("#")) rules.push(parseRule(line));
  }
  return { name, ...(hook === undefined ? {} : { hook }), rules };
}

const hookTypes = ["filter", "nat"] as const;
const hooks = ["prerouting", "input", "forward", "output", "postrouting"] as const;
const priorities: Readonly<Record<string, number>> = { raw: -300, mangle: -150, dstnat: -100, filter: 0, srcnat: 100 };

function parseHook(line: string): Hook {
  const [, typeName, hookName, base = "", offset = ""] =
    /^type (\w+) hook (\w+) priority (-?\w+)(?: ([+-] \d+))?; policy accept;$/.exec(line) ?? [];
  const type = hookTypes.find((one) => one === typeName);
  const hook = hooks.find((one) => one === hookName);
  const priority = (priorities[base] ?? Number(base)) + Number(offset.replace(" ", ""));
  if (type === undefined || hook === undefined || Number.isNaN(priority)) {
    throw new SyntaxError(`expected a hook of type filter or nat that accepts: ${line}`);
  }
  return { type, hook, priority };
}

function* splitOutsideQuotes(text: string): Generator<string> {
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const sign = text[i];
    if (sign === '"') quoted = !quoted;
    if (sign !== "," || quoted) continue;
    yield text.slice(start, i).trim();
    start = i + 1;
  }
  const rest = text.slice(start).trim();
  if (rest !== "") yield rest;
}

function partsOf(type: ElementType): readonly (Expression | string)[] {
  if (type.kind === "types") return type.names;
  return type.kind === "concat" ? type.parts : [type];
}

function isProtocol(part: Expression | string): boolean {
  return part === "inet_proto" || (typeof part === "object" && part.kind === "field" && part.field === "meta l4proto");
}
