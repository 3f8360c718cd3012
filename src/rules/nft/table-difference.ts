import { withoutFullPrefix } from "./parse-table.ts";
import { ruleText } from "./rule.ts";
import type { MatchTarget, Rule } from "./rule.ts";
import { isFilledByPackets } from "./statement.ts";
import type { ChainDefinition, Element, SetDefinition } from "./statement.ts";
import type { TableState } from "./table-state.ts";

/** One thing that two tables do not have in common. */
export interface TableDifference {
  /** Such as `chain pick-2` or `element 10.96.0.20 . tcp . 80 of services`. */
  readonly what: string;
  /** Texts of nft; absent where it is missing. */
  readonly wanted?: string;
  readonly found?: string;
}

/**
 * What of a table is not as it is wanted. What nft writes in several ways counts as the same; comments, and elements that
 * packets fill in, are not looked at.
 */
export function tableDifferences(wanted: TableState, found: TableState): readonly TableDifference[] {
  return [...compare("chain", chainTexts(wanted), chainTexts(found)), ...compareSets(wanted, found)];
}

function* compareSets(wanted: TableState, found: TableState): Generator<TableDifference> {
  yield* compare("set", setTexts(wanted), setTexts(found));
  for (const [name, { definition, elements }] of wanted.sets) {
    if (isFilledByPackets(definition)) continue;
    const other = found.sets.get(name)?.elements ?? new Map<string, Element>();
    yield* compare("element", elementTexts(elements), elementTexts(other), ` of ${name}`);
  }
}

function* compare(
  what: string,
  wanted: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  where = "",
): Generator<TableDifference> {
  for (const [name, text] of wanted) {
    const other = found.get(name);
    if (other === text) continue;
    yield { what: `${what} ${name}${where}`, wanted: text, ...(other === undefined ? {} : { found: other }) };
  }
  for (const [name, text] of found) if (!wanted.has(name)) yield { what: `${what} ${name}${where}`, found: text };
}

function chainTexts({ chains }: TableState): ReadonlyMap<string, string> {
  return new Map([...chains].map(([name, chain]) => [name, chainText(chain)]));
}

function chainText({ hook, rules }: ChainDefinition): string {
  const start = hook === undefined ? [] : [`${hook.type} ${hook.hook} ${hook.priority}`];
  return [...start, ...rules.map((rule) => ruleText(plain(rule)))].join("\n");
}

function setTexts({ sets }: TableState): ReadonlyMap<string, string> {
  const text = ({ key, value, flags = [], size }: SetDefinition): string =>
    JSON.stringify({ key, value, flags: [...flags].sort(), size });
  return new Map([...sets].map(([name, { definition }]) => [name, text(definition)]));
}

function elementTexts(elements: ReadonlyMap<string, Element>): ReadonlyMap<string, string> {
  return new Map(
    [...elements].map(([key, { value = "" }]) => [key.split(" . ").map(withoutFullPrefix).join(" . "), value]),
  );
}

/** nft writes a list of one constant without braces, and longer ones in an order of its own. */
function plain(rule: Rule): Rule {
  return rule.map((statement) => {
    if (statement.kind !== "match" || statement.right.kind !== "values") return statement;
    return { ...statement, right: plainValues(statement.right.values) };
  });
}

function plainValues(values: readonly (string | number)[]): MatchTarget {
  const sorted = values.map((value) => (typeof value === "string" ? withoutFullPrefix(value) : value)).sort();
  const [first] = sorted;
  return sorted.length === 1 && first !== undefined
    ? { kind: "value", value: first }
    : { kind: "values", values: sorted };
}
