import type { IpFamily } from "../../core/index.ts";
import { renderRule } from "./render.ts";
import type { Chain, Element, TableState } from "./statement.ts";

/** What is different between two states of a table; empty texts mean that one does not have it. */
export interface TableDifference {
  /** A chain, or a set and the key of an element in it. */
  readonly place: string;
  readonly wanted: string;
  readonly found: string;
}

/** Compares what a table should be with what it is, in the order of the places. Comments and the order of elements do not count. */
export function tableDifferences(family: IpFamily, wanted: TableState, found: TableState): readonly TableDifference[] {
  const [should, is] = [placesOf(family, wanted), placesOf(family, found)];
  return [...new Set([...should.keys(), ...is.keys()])]
    .sort()
    .map((place) => ({ place, wanted: should.get(place) ?? "", found: is.get(place) ?? "" }))
    .filter((difference) => difference.wanted !== difference.found);
}

function placesOf(family: IpFamily, { chains, elements }: TableState): ReadonlyMap<string, string> {
  return new Map([
    ...chains.map((chain): [string, string] => [`chain ${chain.name}`, chainText(family, chain)]),
    ...elements.map((element): [string, string] => [`${element.set} ${element.key}`, elementValue(element)]),
  ]);
}

function chainText(family: IpFamily, { hook, rules }: Chain): string {
  const start = hook === undefined ? [] : [`${hook.type} ${hook.hook} ${hook.priority}`];
  return [...start, "rules:", ...rules.map((rule) => renderRule(family, rule))].join("\n");
}

function elementValue({ value }: Element): string {
  return value ?? "present";
}
