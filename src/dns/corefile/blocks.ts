import { corefileError } from "./place.ts";
import type { Place } from "./place.ts";
import { tokenize } from "./tokens.ts";
import type { Environment, Token } from "./tokens.ts";

/** A word with its place. */
export interface Word extends Place {
  readonly text: string;
}

/** One line of a block: a plugin or a property, what follows it, and the block behind it. */
export interface Directive extends Place {
  readonly name: string;
  readonly args: readonly Word[];
  /** The lines between `{` and `}`; undefined without braces. */
  readonly block: readonly Directive[] | undefined;
}

/** What is served together: addresses before the brace, plugins in it. */
export interface Block extends Place {
  readonly keys: readonly Word[];
  readonly directives: readonly Directive[];
}

/** What the text of a configuration may refer to. */
export interface CorefilePorts {
  readonly environment: Environment;
  /**
   * The files that `import PATTERN` names, by their path; a pattern with `*` may have none. Without it (or
   * with `undefined` as its answer) imports of files are refused.
   */
  readonly files?: (pattern: string) => readonly { readonly path: string; readonly text: string }[] | undefined;
}

/** More imports in one file are a circle. */
const mostImports = 500;

/** Reads the blocks of a Corefile. Throws `CodedError` code `InvalidCorefile`. */
export function readBlocks(text: string, file: string, ports: CorefilePorts): readonly Block[] {
  return new BlockReader(tokenize(text, file, ports.environment), ports).blocks();
}

class BlockReader {
  readonly #ports: CorefilePorts;
  readonly #snippets = new Map<string, readonly Token[]>();
  #tokens: readonly Token[];
  #at = 0;
  #imports = 0;

  constructor(tokens: readonly Token[], ports: CorefilePorts) {
    this.#tokens = tokens;
    this.#ports = ports;
  }

  blocks(): readonly Block[] {
    const blocks: Block[] = [];
    for (;;) {
      this.#importHere();
      const first = this.#peek();
      if (first === undefined) return blocks;
      if (isBrace(first, "{"))
        throw corefileError(first, "a block needs a zone before its brace, such as . { or .:53 {");
      if (isBrace(first, "}")) throw corefileError(first, "this brace closes nothing: remove it");
      const keys = this.#keys();
      const [key] = keys;
      if (key !== undefined && keys.length === 1 && /^\(.+\)$/.test(key.text)) {
        this.#defineSnippet(key);
        continue;
      }
      blocks.push({ file: first.file, line: first.line, keys, directives: this.#bodyOfBlock(first, blocks.length) });
    }
  }

  /** Zones up to the brace; a comma at the end of a word lets the list go on on the next line. */
  #keys(): readonly Word[] {
    const keys: Word[] = [];
    let goesOn = true;
    for (let token = this.#peek(); token !== undefined && !isBrace(token, "{"); token = this.#peek()) {
      const last = this.#tokens[this.#at - 1];
      if (keys.length > 0 && !goesOn && last !== undefined && startsLine(token, last)) break;
      this.#at++;
      if (token.text.endsWith("{") && token.text.length > 1 && !token.quoted) {
        throw corefileError(token, `write a space before the brace: ${token.text.slice(0, -1)} {`);
      }
      goesOn = token.text.endsWith(",");
      for (const text of token.text.split(",")) {
        if (text !== "") keys.push({ text, file: token.file, line: token.line });
      }
    }
    return keys;
  }

  /** A block in braces, or all the rest when the file is one block without them. */
  #bodyOfBlock(first: Token, blocksBefore: number): readonly Directive[] {
    const open = this.#peek();
    if (open !== undefined && isBrace(open, "{")) {
      this.#at++;
      this.#endLine(open);
      return this.#directives(open, 0);
    }
    if (blocksBefore > 0) throw corefileError(first, `the block of ${first.text} has no brace: write ${first.text} {`);
    return this.#directives(undefined, 0);
  }

  /** Lines until the brace that closes `open`; without `open` until the end. */
  #directives(open: Token | undefined, depth: number): readonly Directive[] {
    const directives: Directive[] = [];
    for (;;) {
      this.#importHere();
      const token = this.#peek();
      if (token === undefined) {
        if (open === undefined) return directives;
        throw corefileError(open, "the block that begins here is not closed: a } is missing");
      }
      this.#at++;
      if (isBrace(token, "}")) {
        if (open === undefined) throw corefileError(token, "this brace closes nothing: remove it");
        return directives;
      }
      if (isBrace(token, "{")) throw corefileError(token, "a brace belongs at the end of a line, not at its start");
      directives.push(this.#directive(token, depth));
    }
  }

  #directive(name: Token, depth: number): Directive {
    const args: Word[] = [];
    let last = name;
    for (let token = this.#peek(); token !== undefined && !startsLine(token, last); token = this.#peek()) {
      if (isBrace(token, "}")) break;
      this.#at++;
      last = token;
      if (!isBrace(token, "{")) {
        args.push(token);
        continue;
      }
      if (depth > 2) throw corefileError(token, "blocks are nested too deeply");
      this.#endLine(token);
      return { ...place(name), name: name.text, args, block: this.#directives(token, depth + 1) };
    }
    return { ...place(name), name: name.text, args, block: undefined };
  }

  /** Only a closing brace may stand behind an opening one. */
  #endLine(open: Token): void {
    const next = this.#peek();
    if (next !== undefined && !startsLine(next, open) && !isBrace(next, "}")) {
      throw corefileError(next, `${JSON.stringify(next.text)} must stand on a line of its own, after the brace`);
    }
  }

  #defineSnippet(key: Word): void {
    const name = key.text.slice(1, -1);
    const open = this.#peek();
    if (open === undefined || !isBrace(open, "{")) throw corefileError(key, `the snippet ${key.text} needs a { }`);
    if (this.#snippets.has(name)) throw corefileError(key, `the snippet ${key.text} is defined twice`);
    const start = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at];
      if (token === undefined) break;
      if (isBrace(token, "{")) depth++;
      if (isBrace(token, "}") && --depth === 0) {
        this.#snippets.set(name, this.#tokens.slice(start, this.#at));
        this.#at++;
        return;
      }
    }
    throw corefileError(open, "the block that begins here is not closed: a } is missing");
  }

  /** Puts what an `import` line names in its place. */
  #importHere(): void {
    const token = this.#peek();
    if (token === undefined || token.text !== "import" || token.quoted) return;
    const args: Token[] = [];
    let end = this.#at + 1;
    for (let next = this.#tokens[end]; next !== undefined && !startsLine(next, token); next = this.#tokens[++end]) {
      args.push(next);
    }
    const [what, ...more] = args;
    if (what === undefined || more.length > 0) {
      throw corefileError(token, "import takes one argument: the name of a snippet or a file");
    }
    if (++this.#imports > mostImports) throw corefileError(token, `import ${what.text} imports itself`);
    const body = this.#snippets.get(what.text) ?? this.#importedFiles(what);
    this.#tokens = [...this.#tokens.slice(0, this.#at), ...startOfLines(body), ...this.#tokens.slice(end)];
    this.#importHere();
  }

  #importedFiles(what: Token): readonly Token[] {
    const files = this.#ports.files?.(what.text);
    if (files === undefined) {
      throw corefileError(
        what,
        `there is no snippet (${what.text}) before this line, and files cannot be imported here`,
      );
    }
    if (files.length === 0 && !what.text.includes("*")) {
      throw corefileError(what, `there is neither a snippet (${what.text}) nor a file of this name`);
    }
    return files.flatMap(({ path, text }) => startOfLines(tokenize(text, path, this.#ports.environment)));
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }
}

/** Imported words keep their places; the mark says that the first stands at the start of a line wherever it lands. */
interface ImportedToken extends Token {
  readonly startsLine?: true;
}

function startOfLines(tokens: readonly Token[]): readonly Token[] {
  return tokens.map((token, index): ImportedToken => (index === 0 ? { ...token, startsLine: true } : token));
}

function startsLine(token: ImportedToken, before: Token): boolean {
  return token.startsLine === true || token.line !== before.lastLine || token.file !== before.file;
}

function isBrace(token: Token, brace: "{" | "}"): boolean {
  return token.text === brace && !token.quoted;
}

function place({ file, line }: Place): Place {
  return { file, line };
}
