import type { Ip, Port } from "../../core/index.ts";

/** What of a packet, its connection or its way the rules look at, in nft's words. */
export const fields = [
  "ip saddr",
  "ip daddr",
  "ip6 saddr",
  "ip6 daddr",
  "th dport",
  "tcp dport",
  "udp dport",
  "meta l4proto",
  "meta mark",
  "meta priority",
  "iifname",
  "ct state",
  "ct status",
  "fib saddr type",
  "fib daddr type",
] as const;

export type Field = (typeof fields)[number];

/** A constant: names and addresses as text, marks and numbers as numbers. */
export type Value = string | number;

/** What has a value for each packet. */
export type Expression =
  | { readonly kind: "field"; readonly field: Field }
  /** Values side by side, as keys of maps are. */
  | { readonly kind: "concat"; readonly parts: readonly Expression[] }
  | { readonly kind: "and"; readonly of: Expression; readonly mask: Value }
  | { readonly kind: "or"; readonly of: Expression; readonly bits: number }
  /** From `offset` to `offset + modulus - 1`: by chance, or one after the other (`inc`). */
  | { readonly kind: "numgen"; readonly mode: "random" | "inc"; readonly modulus: number; readonly offset: number }
  /** The kernel's jhash of a value, in the same range. */
  | {
      readonly kind: "jhash";
      readonly of: Expression;
      readonly modulus: number;
      readonly seed: number;
      readonly offset: number;
    }
  /** An address and port, always the same. */
  | { readonly kind: "endpoint"; readonly ip: Ip; readonly port: Port }
  /** What the map has for the key. A packet for which it has nothing leaves the rule. */
  | { readonly kind: "lookup"; readonly key: Expression; readonly map: string };

export function field(name: Field): Expression {
  return { kind: "field", field: name };
}

export function concat(...parts: readonly Expression[]): Expression {
  return { kind: "concat", parts: parts.flatMap((part) => (part.kind === "concat" ? part.parts : [part])) };
}

export function and(of: Expression, mask: Value): Expression {
  return { kind: "and", of, mask };
}

export function or(of: Expression, bits: number): Expression {
  return { kind: "or", of, bits };
}

export function numgen(mode: "random" | "inc", modulus: number, offset = 0): Expression {
  return { kind: "numgen", mode, modulus, offset };
}

export function jhash(of: Expression, modulus: number, seed: number, offset = 0): Expression {
  return { kind: "jhash", of, modulus, seed, offset };
}

export function endpoint(ip: Ip, port: Port): Expression {
  return { kind: "endpoint", ip, port };
}

export function lookup(key: Expression, map: string): Expression {
  return { kind: "lookup", key, map };
}

/** The expression in nft's language. */
export function expressionText(expression: Expression): string {
  switch (expression.kind) {
    case "field":
      return expression.field;
    case "concat":
      return expression.parts.map(expressionText).join(" . ");
    case "and":
      return `${expressionText(expression.of)} & ${valueText(expression.mask)}`;
    case "or":
      return `${expressionText(expression.of)} | ${valueText(expression.bits)}`;
    case "numgen":
      return `numgen ${expression.mode} mod ${expression.modulus}${offsetText(expression.offset)}`;
    case "jhash": {
      const seed = ` seed 0x${expression.seed.toString(16)}`;
      return `jhash ${expressionText(expression.of)} mod ${expression.modulus}${seed}${offsetText(expression.offset)}`;
    }
    case "endpoint":
      return expression.ip.includes(":")
        ? `[${expression.ip}]:${expression.port}`
        : `${expression.ip}:${expression.port}`;
    case "lookup":
      return `${expressionText(expression.key)} map @${expression.map}`;
  }
}

/** A constant in nft's language: numbers that look like bits in hexadecimal. */
export function valueText(value: Value): string {
  if (typeof value === "string") return value;
  return value < 10 ? `${value}` : `0x${value.toString(16)}`;
}

function offsetText(offset: number): string {
  return offset === 0 ? "" : ` offset ${offset}`;
}
