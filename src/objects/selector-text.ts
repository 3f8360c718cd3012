import { CodedError } from "../core/index.ts";
import type { StringMap } from "./meta.ts";
import type { LabelSelector } from "./selector.ts";

/** One requirement of a label selector in text form. `Gt` and `Lt` exist in texts (and node affinity) only. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values: readonly string[];
}

/** One requirement of a field selector. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

const token = /\s*(?:([A-Za-z0-9][-A-Za-z0-9_./]*)|(==|!=|[=!,()<>]))/y;
const labelKey = /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/**
 * Reads a label selector such as `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>5`. An empty text has no requirements and
 * matches everything. Throws `CodedError` with code `InvalidSelector`.
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  return new LabelSelectorParser(text).parse();
}

/** Whether labels meet all requirements. */
export function matchesLabelRequirements(
  requirements: readonly LabelRequirement[],
  labels: StringMap | undefined,
): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      case "Gt":
      case "Lt": {
        if (value === undefined || !/^[+-]?[0-9]+$/.test(value)) return false;
        const difference = Number(value) - Number(values[0]);
        return operator === "Gt" ? difference > 0 : difference < 0;
      }
    }
  });
}

/** A `LabelSelector` in text form, ordered by key; empty when it selects everything or is absent. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  const pairs = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` }));
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    const list = `(${[...values].sort().join(",")})`;
    switch (operator) {
      case "In":
        return { key, text: `${key} in ${list}` };
      case "NotIn":
        return { key, text: `${key} notin ${list}` };
      case "Exists":
        return { key, text: key };
      case "DoesNotExist":
        return { key, text: `!${key}` };
    }
  });
  const all = [...pairs, ...expressions].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return all.map(({ text }) => text).join(",");
}

/**
 * Reads a field selector such as `metadata.name=a,status.phase!=Running`; `\` escapes commas, equals signs and itself
 * in values. Throws `CodedError` with code `InvalidSelector`.
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of text.match(/(?:\\[\s\S]|[^,\\]|\\$)+/g) ?? []) {
    const match = /^\s*([^=!\s]+)\s*(==|=|!=)([\s\S]*)$/.exec(term);
    const [, field = "", operator = "", raw = ""] = match ?? [];
    if (match === null) {
      const message = `invalid selector: '${text}'; can't understand '${term}'`;
      throw new CodedError("InvalidSelector", message);
    }
    if (/^(?:\\[\\,=]|[^\\,=])*$/.exec(raw) === null) {
      throw new CodedError(
        "InvalidSelector",
        `invalid field selector: the value in '${term}' has a stray \\, comma or =`,
      );
    }
    requirements.push({ field, operator: operator === "!=" ? "!=" : "=", value: raw.replace(/\\([\\,=])/g, "$1") });
  }
  return requirements;
}

/** Whether an object with these selectable fields meets all requirements. A field that it lacks counts as empty. */
export function matchesFieldRequirements(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(({ field, operator, value }) => {
    const equal = (Object.hasOwn(fields, field) ? fields[field] : "") === value;
    return operator === "=" ? equal : !equal;
  });
}

class LabelSelectorParser {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = this.#scan();
  }

  parse(): readonly LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    while (this.#next < this.#tokens.length) {
      requirements.push(this.#requirement());
      if (this.#next === this.#tokens.length) break;
      const comma = this.#take();
      if (comma !== ",") throw this.#failure(`found '${comma}', expected: ',' or 'end of string'`);
      if (this.#next === this.#tokens.length) throw this.#failure("found '', expected: identifier after ','");
    }
    return requirements;
  }

  #requirement(): LabelRequirement {
    if (this.#peek() === "!") {
      this.#take();
      return { key: this.#key(), operator: "DoesNotExist", values: [] };
    }
    const key = this.#key();
    const operator = this.#peek();
    if (operator === undefined || operator === ",") return { key, operator: "Exists", values: [] };
    this.#take();
    switch (operator) {
      case "=":
      case "==":
        return { key, operator: "In", values: [this.#value()] };
      case "!=":
        return { key, operator: "NotIn", values: [this.#value()] };
      case "in":
        return { key, operator: "In", values: this.#values() };
      case "notin":
        return { key, operator: "NotIn", values: this.#values() };
      case ">":
      case "<": {
        const value = this.#value();
        if (!/^[+-]?[0-9]+$/.test(value))
          throw this.#failure(`values[0][${key}]: for 'Gt', 'Lt' operators, the value must be an integer`);
        return { key, operator: operator === ">" ? "Gt" : "Lt", values: [value] };
      }
      default:
        throw this.#failure(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #key(): string {
    const key = this.#take() ?? "";
    if (!labelKey.test(key)) throw this.#failure(`found '${key}', expected: !, identifier, or 'end of string'`);
    return key;
  }

  #value(): string {
    const next = this.#peek();
    if (next === undefined || next === "," || next === ")") return "";
    const value = this.#take() ?? "";
    if (!labelValue.test(value)) throw this.#failure(`found '${value}', expected: a valid label value`);
    return value;
  }

  #values(): readonly string[] {
    const open = this.#take();
    if (open !== "(") throw this.#failure(`found '${open ?? ""}', expected: '('`);
    const values = new Set([this.#value()]);
    for (let next = this.#take(); next !== ")"; next = this.#take()) {
      if (next !== ",") throw this.#failure(`found '${next ?? ""}', expected: ',' or ')'`);
      values.add(this.#value());
    }
    return [...values];
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  #take(): string | undefined {
    return this.#tokens[this.#next++];
  }

  #scan(): readonly string[] {
    const tokens: string[] = [];
    const end = this.#text.trimEnd().length;
    token.lastIndex = 0;
    while (token.lastIndex < end) {
      const start = token.lastIndex;
      const match = token.exec(this.#text);
      if (match === null) throw this.#failure(`cannot read '${this.#text.slice(start)}'`);
      tokens.push(match[1] ?? match[2] ?? "");
    }
    return tokens;
  }

  #failure(reason: string): CodedError {
    return new CodedError("InvalidSelector", `unable to parse requirement: ${reason} (in "${this.#text}")`);
  }
}
