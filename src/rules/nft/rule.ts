import { expressionText, valueText } from "./expression.ts";
import type { Expression, Field, Value } from "./expression.ts";

/** Where a packet goes on. `goto` does not come back, `return` goes back to the rule after the last `jump`. */
export type Verdict =
  | { readonly kind: "accept" }
  | { readonly kind: "drop" }
  | { readonly kind: "return" }
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "goto"; readonly chain: string };

/** What a value is compared with: one of several constants, or the elements of a set. */
export type MatchTarget =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "values"; readonly values: readonly Value[] }
  | { readonly kind: "set"; readonly set: string };

/** One part of a rule. A packet passes through the parts from the left until one does not fit. */
export type RuleStatement =
  | { readonly kind: "match"; readonly left: Expression; readonly negated: boolean; readonly right: MatchTarget }
  /** The verdict that the map has for the key; a packet for which it has none leaves the rule. */
  | { readonly kind: "vmap"; readonly key: Expression; readonly map: string }
  | { readonly kind: "assign"; readonly field: Field; readonly value: Expression }
  /** Writes or deletes an element of a map that packets fill. `update` starts the element's time anew. */
  | {
      readonly kind: "remember";
      readonly action: "update" | "delete";
      readonly map: string;
      readonly key: Expression;
      readonly timeoutSeconds?: number;
      readonly value: Expression;
    }
  /** Sends the connection to an address and port; ends the chains of this hook. */
  | { readonly kind: "dnat"; readonly to: Expression }
  /** Gives the connection the node's address as its source; ends the chains of this hook. */
  | { readonly kind: "masquerade" }
  | { readonly kind: "reject"; readonly with?: "tcp reset" }
  | { readonly kind: "verdict"; readonly verdict: Verdict };

/** A rule: its statements from left to right. */
export type Rule = readonly RuleStatement[];

/** Fits when the value is this constant, or one of these constants. */
export function is(left: Expression, value: Value | readonly Value[]): RuleStatement {
  return { kind: "match", left, negated: false, right: targetOf(value) };
}

/** Fits when the value is none of these. */
export function isNot(left: Expression, value: Value | readonly Value[]): RuleStatement {
  return { kind: "match", left, negated: true, right: targetOf(value) };
}

export function isIn(left: Expression, set: string): RuleStatement {
  return { kind: "match", left, negated: false, right: { kind: "set", set } };
}

export function isNotIn(left: Expression, set: string): RuleStatement {
  return { kind: "match", left, negated: true, right: { kind: "set", set } };
}

export function vmap(key: Expression, map: string): RuleStatement {
  return { kind: "vmap", key, map };
}

export function assign(name: Field, value: Expression): RuleStatement {
  return { kind: "assign", field: name, value };
}

export function verdict(kind: "accept" | "drop" | "return"): RuleStatement {
  return { kind: "verdict", verdict: { kind } };
}

export function jump(chain: string): RuleStatement {
  return { kind: "verdict", verdict: { kind: "jump", chain } };
}

export function goTo(chain: string): RuleStatement {
  return { kind: "verdict", verdict: { kind: "goto", chain } };
}

/** The rule in nft's language. */
export function ruleText(rule: Rule): string {
  return rule.map(statementText).join(" ");
}

/** The verdict in nft's language, as it also stands in maps. */
export function verdictText(value: Verdict): string {
  return "chain" in value ? `${value.kind} ${value.chain}` : value.kind;
}

/** Reads a verdict as it stands in a map; `undefined` for any other text. */
export function parseVerdict(text: string): Verdict | undefined {
  const [kind = "", chain, ...more] = text.split(" ");
  if (more.length > 0) return undefined;
  if (chain === undefined) return kind === "accept" || kind === "drop" || kind === "return" ? { kind } : undefined;
  return kind === "jump" || kind === "goto" ? { kind, chain } : undefined;
}

function targetOf(value: Value | readonly Value[]): MatchTarget {
  return typeof value === "object" ? { kind: "values", values: value } : { kind: "value", value };
}

function statementText(statement: RuleStatement): string {
  switch (statement.kind) {
    case "match":
      return `${expressionText(statement.left)} ${statement.negated ? "!= " : ""}${targetText(statement)}`;
    case "vmap":
      return `${expressionText(statement.key)} vmap @${statement.map}`;
    case "assign":
      return `${statement.field} set ${expressionText(statement.value)}`;
    case "remember": {
      const { action, map, key, timeoutSeconds, value } = statement;
      const timeout = timeoutSeconds === undefined ? "" : ` timeout ${timeoutSeconds}s`;
      return `${action} @${map} { ${expressionText(key)}${timeout} : ${expressionText(value)} }`;
    }
    case "dnat":
      return `dnat to ${expressionText(statement.to)}`;
    case "masquerade":
      return "masquerade fully-random";
    case "reject":
      return statement.with === undefined ? "reject" : `reject with ${statement.with}`;
    case "verdict":
      return verdictText(statement.verdict);
  }
}

function targetText({ left, right }: Extract<RuleStatement, { readonly kind: "match" }>): string {
  // Names of links may hold what nft would read as its own signs.
  const isName = left.kind === "field" && left.field === "iifname";
  const text = (value: Value): string => (isName ? `"${value}"` : valueText(value));
  switch (right.kind) {
    case "value":
      return text(right.value);
    case "values":
      return `{ ${right.values.map(text).join(", ")} }`;
    case "set":
      return `@${right.set}`;
  }
}
