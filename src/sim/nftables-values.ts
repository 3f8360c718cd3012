import { cidrContains, parseCidr, parseIp } from "../core/index.ts";
import type { ElementType, Expression, TableSet } from "../rules/nft/index.ts";
import type { Atom } from "./packet.ts";

/** How a value is written in elements: priorities are `1:0`, everything else is as it is. */
type Writing = "priority" | "plain";

/** A set made ready for looking up. */
export interface SetIndex {
  /** What stands at the key, in words; `undefined` when nothing does. */
  find(key: readonly Atom[]): { readonly value?: string; readonly comment?: string } | undefined;
  /** Reads a value of the map. */
  readValue(text: string): readonly Atom[];
}

const indexes = new WeakMap<TableSet, SetIndex>();

/** The index of a set; made once. */
export function indexOf(set: TableSet): SetIndex {
  const known = indexes.get(set) ?? makeIndex(set);
  indexes.set(set, known);
  return known;
}

/** A key as one text; equal keys give equal texts. */
export function keyText(atoms: readonly Atom[]): string {
  return atoms.join(" . ");
}

function makeIndex({ definition, elements }: TableSet): SetIndex {
  const writings = writingsOf(definition.key);
  const values = definition.value === undefined || definition.value === "verdict" ? [] : writingsOf(definition.value);
  const readValue = (text: string): readonly Atom[] => readAtoms(text, values);
  if (definition.flags?.includes("interval") === true) {
    const ranges = [...elements.values()].map((element) => ({ parts: element.key.split(" . "), element }));
    return {
      find: (key) =>
        ranges.find(({ parts }) => parts.length === key.length && parts.every((part, i) => isWithin(key[i], part)))
          ?.element,
      readValue,
    };
  }
  const byKey = new Map(
    [...elements.values()].map((element) => [keyText(readAtoms(element.key, writings)), element] as const),
  );
  return { find: (key) => byKey.get(keyText(key)), readValue };
}

function writingsOf(type: ElementType): readonly Writing[] {
  if (type.kind === "types") return type.names.map((name) => (name === "classid" ? "priority" : "plain"));
  return partsOf(type).map((part) => (part.kind === "field" && part.field === "meta priority" ? "priority" : "plain"));
}

function partsOf(expression: Expression): readonly Expression[] {
  return expression.kind === "concat" ? expression.parts.flatMap(partsOf) : [expression];
}

function readAtoms(text: string, writings: readonly Writing[]): readonly Atom[] {
  return text.split(" . ").map((part, i) => readAtom(part, writings[i] ?? "plain"));
}

function readAtom(text: string, writing: Writing): Atom {
  if (writing === "priority") {
    const [high = "0", low = "0"] = text.split(":");
    return Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16);
  }
  return /^(0x[\da-f]+|\d+)$/.test(text) ? Number(text) : text;
}

/** Whether a value is the constant, or inside the range that the constant names. */
export function isWithin(atom: Atom | undefined, constant: Atom): boolean {
  if (atom === undefined) return false;
  if (atom === constant) return true;
  const text = `${constant}`;
  if (typeof atom === "number") {
    const [low = "", high] = text.split("-");
    return high === undefined ? Number(low) === atom : Number(low) <= atom && atom <= Number(high);
  }
  if (text.endsWith("*")) return atom.startsWith(text.slice(0, -1));
  const range = text.includes("/") ? parseCidr(text) : undefined;
  const address = range === undefined ? undefined : parseIp(atom);
  return range !== undefined && address !== undefined && cidrContains(range, address);
}
