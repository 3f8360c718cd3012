import { parseName } from "../../codec/index.ts";
import { readChoice, readInteger, readPattern, readRecordType } from "./arguments.ts";
import type { Directive, Word } from "./blocks.ts";
import type { NameMatch, RewriteAnswer, RewriteRule } from "./configuration.ts";
import { corefileError } from "./place.ts";

const matchKinds = ["exact", "prefix", "suffix", "substring", "regex"] as const;
const form =
  "rewrite [continue|stop] name [exact|prefix|suffix|substring|regex] FROM TO [answer auto|name FROM TO|value FROM TO]";

/**
 * `rewrite [continue|stop] FIELD ...` on one line, or with its parts as lines of a block: `name`, `ttl` or `type`
 * first, then `answer`.
 */
export function readRewrite(plugin: Directive): RewriteRule {
  const words = [...plugin.args];
  const [first] = words;
  const goesOn = first?.text === "continue";
  if (first?.text === "continue" || first?.text === "stop") words.shift();
  for (const { name, args, block, ...at } of plugin.block ?? []) {
    if (block !== undefined) throw corefileError(at, "rewrite takes one block only");
    words.push({ ...at, text: name }, ...args);
  }
  const field = words.shift();
  if (field === undefined) throw corefileError(plugin, `rewrite: what to rewrite is missing; write: ${form}`);
  const rest = new Words(plugin, words);
  const kind = rest.peek() === undefined || !["name", "ttl", "type"].includes(field.text) ? "name" : field.text;
  if (kind === "ttl") return readTtl(rest, goesOn);
  if (kind === "type") return readType(rest, goesOn);
  if (field.text !== "name") {
    const isKnown = ["class", "edns0", "rcode", "cname"].includes(field.text);
    if (isKnown) throw corefileError(field, `rewrite ${field.text} is not supported: only name, ttl and type are`);
    // `rewrite FROM TO` is the short form of an exact name.
    words.unshift(field);
  }
  return readName(rest, goesOn);
}

/** Words that are taken one after the other. */
class Words {
  readonly #plugin: Directive;
  readonly #words: Word[];

  constructor(plugin: Directive, words: Word[]) {
    this.#plugin = plugin;
    this.#words = words;
  }

  peek(): Word | undefined {
    return this.#words[0];
  }

  next(what: string): Word {
    const word = this.#words.shift();
    if (word === undefined) throw corefileError(this.#plugin, `rewrite: ${what} is missing; write: ${form}`);
    return word;
  }

  end(): void {
    const word = this.#words[0];
    if (word !== undefined) throw corefileError(word, `rewrite: ${JSON.stringify(word.text)} is one word too many`);
  }
}

function readName(words: Words, goesOn: boolean): RewriteRule {
  const match = readMatch(words);
  const target = words.next("the new name");
  if (match.kind === "exact" && parseName(target.text) === undefined) {
    throw corefileError(target, `rewrite: ${JSON.stringify(target.text)} is no name`);
  }
  const answers: RewriteAnswer[] = match.kind === "exact" ? [{ kind: "auto" }] : [];
  while (words.peek() !== undefined) {
    readChoice(words.next("answer"), ["answer"]);
    const kind = readChoice(words.next("auto, name or value"), ["auto", "name", "value"]);
    if (kind === "auto") answers.push({ kind });
    else answers.push({ kind, pattern: readPattern(words.next("FROM")), replacement: words.next("TO").text });
  }
  return { kind: "name", goesOn, match, replacement: target.text, answers };
}

function readMatch(words: Words): NameMatch {
  const kind = matchKinds.find((known) => known === words.peek()?.text) ?? "exact";
  if (kind === words.peek()?.text) words.next(kind);
  const from = words.next("what to look for");
  if (kind === "regex") return { kind, pattern: readPattern(from) };
  const text = from.text.toLowerCase();
  if (kind !== "exact") return { kind, text: kind === "suffix" && !text.endsWith(".") ? `${text}.` : text };
  if (parseName(text) === undefined) throw corefileError(from, `rewrite: ${JSON.stringify(text)} is no name`);
  return { kind, text: text.endsWith(".") ? text : `${text}.` };
}

function readTtl(words: Words, goesOn: boolean): RewriteRule {
  const match = readMatch(words);
  const ttl = words.next("the time to live");
  words.end();
  const [min = "", max = min, ...more] = ttl.text.split("-");
  if (more.length > 0)
    throw corefileError(ttl, `rewrite: ${JSON.stringify(ttl.text)} is no range of seconds: write 30 or 5-60`);
  const seconds = (text: string) => (text === "" ? undefined : readInteger({ ...ttl, text }, 0, 0x7fff_ffff));
  return { kind: "ttl", goesOn, match, min: seconds(min) ?? 0, max: seconds(max) ?? 0x7fff_ffff };
}

function readType(words: Words, goesOn: boolean): RewriteRule {
  const from = readRecordType(words.next("the type to look for"));
  const to = readRecordType(words.next("the new type"));
  words.end();
  return { kind: "type", goesOn, from, to };
}
