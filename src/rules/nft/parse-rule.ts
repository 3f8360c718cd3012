import { isPort, parseIp } from "../../core/index.ts";
import { and, concat, endpoint, fields, jhash, lookup, numgen } from "./expression.ts";
import type { Expression, Field, Value } from "./expression.ts";
import { is } from "./rule.ts";
import { parsePriority } from "./priority.ts";
import type { MatchTarget, Rule, RuleStatement, Verdict } from "./rule.ts";

/** Reads a rule as nft lists it. Throws `SyntaxError` that names what it cannot read. */
export function parseRule(text: string): Rule {
  const tokens = new RuleTokens(text);
  const statements: RuleStatement[] = [];
  while (!tokens.atEnd) statements.push(...parseStatement(tokens, statements));
  return statements;
}

/** Reads an expression as nft lists it in the types of sets. Throws `SyntaxError`. */
export function parseExpression(text: string): Expression {
  const tokens = new RuleTokens(text);
  const expression = parseConcat(tokens);
  if (!tokens.atEnd) throw tokens.unexpected("the end");
  return expression;
}

/** Numbers that `nft -nn` writes where names are usual. */
const names: ReadonlyMap<string, string> = new Map([
  ["meta l4proto 6", "tcp"],
  ["meta l4proto 17", "udp"],
  ["meta l4proto 132", "sctp"],
  ["ct state 0x8", "new"],
  ["ct status 0x20", "dnat"],
  ["fib saddr type 2", "local"],
  ["fib daddr type 2", "local"],
]);

/** The name of a protocol, however it was written. */
export function protocolName(text: string): string {
  return names.get(`meta l4proto ${text}`) ?? text;
}

class RuleTokens {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = text.match(/"[^"]*"|[{},]|[^\s{},]+/g) ?? [];
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.unexpected("more");
    return token;
  }

  peek(): string {
    return this.#tokens[this.#at] ?? "";
  }

  /** Takes these words when they come next. */
  take(...words: readonly string[]): boolean {
    if (words.some((word, i) => this.#tokens[this.#at + i] !== word)) return false;
    this.#at += words.length;
    return true;
  }

  expect(word: string): void {
    if (!this.take(word)) throw this.unexpected(JSON.stringify(word));
  }

  number(): number {
    const text = this.next();
    const value = Number(text);
    if (Number.isNaN(value)) throw this.unexpected("a number");
    return value;
  }

  /** The name after `@`. */
  reference(): string {
    const text = this.next();
    if (!text.startsWith("@")) throw this.unexpected("a set");
    return text.slice(1);
  }

  startsReference(): boolean {
    return this.#tokens[this.#at]?.startsWith("@") === true;
  }

  unexpected(wanted: string): SyntaxError {
    const found = this.#tokens[this.#at] ?? this.#tokens.at(-1) ?? "";
    return new SyntaxError(`expected ${wanted} at ${JSON.stringify(found)} of the rule: ${this.#text}`);
  }
}

function parseStatement(tokens: RuleTokens, before: readonly RuleStatement[]): readonly RuleStatement[] {
  if (tokens.take("accept")) return [verdictOf({ kind: "accept" })];
  if (tokens.take("drop")) return [verdictOf({ kind: "drop" })];
  if (tokens.take("return")) return [verdictOf({ kind: "return" })];
  if (tokens.take("jump")) return [verdictOf({ kind: "jump", chain: tokens.next() })];
  if (tokens.take("goto")) return [verdictOf({ kind: "goto", chain: tokens.next() })];
  if (tokens.take("reject")) return parseReject(tokens, before);
  if (tokens.take("masquerade")) {
    tokens.expect("fully-random");
    return [{ kind: "masquerade" }];
  }
  if (tokens.take("dnat")) {
    if (!tokens.take("ip")) tokens.take("ip6");
    tokens.expect("to");
    return [{ kind: "dnat", to: parseEndpoint(tokens) ?? parseValueExpression(tokens) }];
  }
  if (tokens.take("update")) return [parseRemember(tokens, "update")];
  if (tokens.take("delete")) return [parseRemember(tokens, "delete")];
  for (const field of ["meta mark", "meta priority"] as const) {
    if (tokens.take(...field.split(" "), "set"))
      return [{ kind: "assign", field, value: parseValueExpression(tokens) }];
  }
  return [parseMatch(tokens)];
}

function verdictOf(verdict: Verdict): RuleStatement {
  return { kind: "verdict", verdict };
}

function parseReject(tokens: RuleTokens, before: readonly RuleStatement[]): readonly RuleStatement[] {
  if (!tokens.take("with")) return [{ kind: "reject" }];
  if (tokens.take("tcp", "reset")) {
    // nft leaves out the match that this says by itself.
    const [last] = before.slice(-1);
    const isTcp = last?.kind === "match" && last.left.kind === "field" && last.left.field === "meta l4proto";
    const reset: RuleStatement = { kind: "reject", with: "tcp reset" };
    return isTcp ? [reset] : [is({ kind: "field", field: "meta l4proto" }, "tcp"), reset];
  }
  for (const protocol of ["icmp", "icmpv6", "icmpx"]) {
    if (tokens.take(protocol, "port-unreachable")) return [{ kind: "reject" }];
  }
  throw tokens.unexpected("a way to reject");
}

function parseRemember(tokens: RuleTokens, action: "update" | "delete"): RuleStatement {
  const map = tokens.reference();
  tokens.expect("{");
  const key = parseConcat(tokens);
  const timeout = tokens.take("timeout") ? { timeoutSeconds: parseSeconds(tokens.next()) } : {};
  tokens.expect(":");
  const value = parseConcat(tokens);
  tokens.expect("}");
  return { kind: "remember", action, map, key, ...timeout, value };
}

function parseMatch(tokens: RuleTokens): RuleStatement {
  const left = parseConcat(tokens);
  if (tokens.take("vmap")) return { kind: "vmap", key: left, map: tokens.reference() };
  const negated = tokens.take("!=");
  if (!negated) tokens.take("==");
  const prefix = parsePrefix(tokens, left);
  return prefix === undefined
    ? { kind: "match", left, negated, right: parseTarget(tokens, left) }
    : { kind: "match", left: and(left, prefix.mask), negated, right: { kind: "value", value: prefix.value } };
}

/** nft writes masks of leading bits, such as the highest one of a mark, like networks. */
function parsePrefix(tokens: RuleTokens, left: Expression) {
  if (left.kind !== "field" || left.field !== "meta mark") return undefined;
  const [, value, bits] = /^(0x[0-9a-f]+|\d+)\/(\d+)$/.exec(tokens.peek()) ?? [];
  if (value === undefined) return undefined;
  tokens.next();
  return { value: Number(value), mask: 2 ** 32 - 2 ** (32 - Number(bits)) };
}

function parseTarget(tokens: RuleTokens, left: Expression): MatchTarget {
  if (tokens.startsReference()) return { kind: "set", set: tokens.reference() };
  if (!tokens.take("{")) return { kind: "value", value: parseValue(tokens.next(), left) };
  const values: Value[] = [];
  while (!tokens.take("}")) {
    values.push(parseValue(tokens.next(), left));
    tokens.take(",");
  }
  return { kind: "values", values };
}

/** Constants mean what they are compared with. */
function parseValue(text: string, left: Expression): Value {
  const of = left.kind === "and" || left.kind === "or" ? left.of : left;
  if (of.kind !== "field") return text;
  if (of.field === "meta mark") return Number(text);
  if (of.field === "meta priority") return text.includes(":") ? parsePriority(text) : Number(text);
  if (of.field === "iifname") return text.replaceAll('"', "");
  return names.get(`${of.field} ${text}`) ?? text;
}

/** An address and port as they stand after `dnat to`; `undefined` when something else comes next. */
function parseEndpoint(tokens: RuleTokens): Expression | undefined {
  const [, ofIPv6, ofIPv4, port] = /^(?:\[([\da-f:.]+)\]|([\d.]+)):(\d+)$/.exec(tokens.peek()) ?? [];
  const ip = parseIp(ofIPv6 ?? ofIPv4 ?? "");
  if (ip === undefined || !isPort(Number(port))) return undefined;
  tokens.next();
  return endpoint(ip, Number(port));
}

function parseValueExpression(tokens: RuleTokens): Expression {
  const expression = parseConcat(tokens);
  return tokens.take("map") ? lookup(expression, tokens.reference()) : expression;
}

function parseConcat(tokens: RuleTokens): Expression {
  const parts = [parseMasked(tokens)];
  while (tokens.take(".")) parts.push(parseMasked(tokens));
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : concat(...parts);
}

function parseMasked(tokens: RuleTokens): Expression {
  const of = parsePrimary(tokens);
  if (tokens.take("&")) return { kind: "and", of, mask: parseValue(tokens.next(), of) };
  if (tokens.take("|")) return { kind: "or", of, bits: Number(parseValue(tokens.next(), of)) };
  return of;
}

function parsePrimary(tokens: RuleTokens): Expression {
  if (tokens.take("numgen")) {
    const mode = tokens.take("inc") ? "inc" : "random";
    if (mode === "random") tokens.expect("random");
    tokens.expect("mod");
    const modulus = tokens.number();
    return numgen(mode, modulus, tokens.take("offset") ? tokens.number() : 0);
  }
  if (tokens.take("jhash")) {
    const of = parseConcat(tokens);
    tokens.expect("mod");
    const modulus = tokens.number();
    const seed = tokens.take("seed") ? tokens.number() : 0;
    return jhash(of, modulus, seed, tokens.take("offset") ? tokens.number() : 0);
  }
  const field = fields.find((name: Field) => tokens.take(...name.split(" ")));
  if (field === undefined) throw tokens.unexpected("a field of the packet");
  return { kind: "field", field };
}

const unitSeconds: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };

/** nft writes `10800s` as `3h`. */
function parseSeconds(text: string): number {
  let seconds = 0;
  for (const [, count = "", unit = ""] of text.matchAll(/(\d+)(ms|[dhms])/g)) {
    seconds += Number(count) * (unitSeconds[unit] ?? 0);
  }
  return seconds;
}
