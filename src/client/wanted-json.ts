import type { WantedFields } from "../objects/index.ts";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Fields by the bytes of their names; undefined stands for the whole value. */
interface Wanted {
  readonly names: readonly Uint8Array[];
  readonly fields: readonly (Wanted | undefined)[];
}

const nothing: Wanted = { names: [], fields: [] };

/**
 * Makes a function that parses JSON and leaves out what is not wanted: the garbage of what nobody looks at is never made. It
 * overwrites the text that it is given. Throws `SyntaxError` for what is no JSON.
 */
export function wantedJson(fields: WantedFields): (json: Uint8Array) => unknown {
  const wanted = compile(fields);
  return (json) => {
    const pruner = new Pruner(json);
    return parsed(json.subarray(0, pruner.run(wanted)));
  };
}

function parsed(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString("utf8")) as unknown;
}

function compile(fields: WantedFields): Wanted {
  const entries = Object.entries(fields);
  return {
    names: entries.map(([name]) => new TextEncoder().encode(name)),
    fields: entries.map(([, wanted]) => (wanted === true ? undefined : compile(wanted))),
  };
}

/**
 * Moves what is wanted of a JSON text to its front: there is always room, because nothing is added. Strings, numbers and
 * literals are not looked into: whoever parses the result does that.
 */
class Pruner {
  readonly #json: Uint8Array;
  #at = 0;
  #to = 0;

  constructor(json: Uint8Array) {
    this.#json = json;
  }

  /** The length of the result. Throws `SyntaxError` where the text has no structure. */
  run(wanted: Wanted): number {
    this.#value(wanted);
    // What follows the value is kept: only space may.
    const end = this.#at;
    this.#at = this.#json.length;
    this.#keep(end);
    return this.#to;
  }

  #value(wanted: Wanted | undefined): void {
    const first = this.#peek();
    if (wanted !== undefined && first === openBrace) this.#object(wanted);
    else if (wanted !== undefined && first === openBracket) this.#array(wanted);
    else {
      const start = this.#at;
      this.#skip();
      this.#keep(start);
    }
  }

  #array(wanted: Wanted): void {
    this.#put(openBracket);
    this.#at++;
    if (this.#peek() === closeBracket) this.#at++;
    else {
      for (let more = true; more;) {
        this.#value(wanted);
        more = this.#goesOn(closeBracket);
        if (more) this.#put(comma);
      }
    }
    this.#put(closeBracket);
  }

  #object(wanted: Wanted): void {
    this.#put(openBrace);
    this.#at++;
    let isFirst = true;
    if (this.#peek() === closeBrace) this.#at++;
    else {
      for (let more = true; more; more = this.#goesOn(closeBrace)) {
        const start = this.#at;
        if (this.#peek() !== quote) throw this.#problem();
        this.#string();
        const end = this.#at;
        if (this.#peek() !== colon) throw this.#problem();
        this.#at++;
        const found = this.#find(wanted, start + 1, end - 1);
        if (found === nothing) {
          this.#peek();
          this.#skip();
          continue;
        }
        if (!isFirst) this.#put(comma);
        isFirst = false;
        const after = this.#at;
        this.#at = end;
        this.#keep(start);
        this.#put(colon);
        this.#at = after;
        this.#value(found);
      }
    }
    this.#put(closeBrace);
  }

  /** What is wanted of the field whose name is there; `nothing` when it is not wanted. */
  #find({ names, fields }: Wanted, start: number, end: number): Wanted | undefined {
    const json = this.#json;
    for (let i = start; i < end; i++)
      if (json[i] === backslash) return this.#findEscaped({ names, fields }, start, end);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      if (name === undefined || name.length !== end - start) continue;
      let same = 0;
      while (same < name.length && json[start + same] === name[same]) same++;
      if (same === name.length) return fields[i];
    }
    return nothing;
  }

  #findEscaped({ names, fields }: Wanted, start: number, end: number): Wanted | undefined {
    const name = new TextEncoder().encode(String(parsed(this.#json.subarray(start - 1, end + 1))));
    const found = names.findIndex((one) => one.length === name.length && one.every((byte, i) => byte === name[i]));
    return found < 0 ? nothing : fields[found];
  }

  /** After a member or an item: whether another one comes. */
  #goesOn(close: number): boolean {
    const next = this.#peek();
    this.#at++;
    if (next === comma) {
      this.#peek();
      return true;
    }
    if (next === close) return false;
    throw this.#problem();
  }

  /** The next byte that is no space. */
  #peek(): number {
    const json = this.#json;
    let at = this.#at;
    let byte = json[at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = json[++at];
    this.#at = at;
    if (byte === undefined) throw this.#problem();
    return byte;
  }

  /** Goes to the end of a value. */
  #skip(): void {
    const json = this.#json;
    const first = json[this.#at];
    if (first === quote) return this.#string();
    let at = this.#at;
    if (first !== openBrace && first !== openBracket) {
      let byte = json[at];
      while (byte !== undefined && byte !== comma && byte !== closeBrace && byte !== closeBracket) byte = json[++at];
      this.#at = at;
      return undefined;
    }
    let depth = 0;
    for (;;) {
      const byte = json[at++];
      if (byte === quote) {
        for (let inside = json[at++]; inside !== quote; inside = json[at++]) {
          if (inside === backslash) at++;
          else if (inside === undefined) throw this.#problem();
        }
      } else if (byte === openBrace || byte === openBracket) depth++;
      else if (byte === closeBrace || byte === closeBracket) {
        depth--;
        if (depth === 0) break;
      } else if (byte === undefined) throw this.#problem();
    }
    this.#at = at;
  }

  #string(): void {
    const json = this.#json;
    let at = this.#at + 1;
    for (let byte = json[at++]; byte !== quote; byte = json[at++]) {
      if (byte === backslash) at++;
      else if (byte === undefined) throw this.#problem();
    }
    this.#at = at;
  }

  #keep(start: number): void {
    const json = this.#json;
    const end = this.#at;
    let to = this.#to;
    if (to === start) to = end;
    else for (let from = start; from < end; from++) json[to++] = json[from] ?? 0;
    this.#to = to;
  }

  #put(byte: number): void {
    this.#json[this.#to++] = byte;
  }

  #problem(): SyntaxError {
    return new SyntaxError(`The answer is no JSON at byte ${this.#at}`);
  }
}
