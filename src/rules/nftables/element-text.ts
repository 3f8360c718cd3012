import type { Element } from "../nft/index.ts";

/**
 * What a Service wants is kept as one text, which takes a fifth of the memory of objects: groups that begin with `#comment`,
 * and in them a line for each element: the letter of its set, the key, and after tabulators value and comment of its own.
 */
export interface Line {
  readonly set: ElementSet;
  readonly key: string;
  readonly value: string | undefined;
  readonly comment: string | undefined;
}

/** Every set of the table that Services fill, in the order in which scripts fill them. */
export const elementSets = [
  "services",
  "short-circuits",
  "local-services",
  "endpoints",
  "no-endpoints",
  "cluster-ips",
  "guarded",
  "source-ranges",
  "hairpin",
  "sticky-services",
  "sticky-slots",
  "sticky-endpoints",
  "sticky-local-endpoints",
] as const;

export type ElementSet = (typeof elementSets)[number];

const letterOf: Readonly<Record<ElementSet, string>> = {
  services: "a",
  "short-circuits": "b",
  "local-services": "c",
  endpoints: "d",
  "no-endpoints": "e",
  "cluster-ips": "f",
  guarded: "g",
  "source-ranges": "h",
  hairpin: "i",
  "sticky-services": "j",
  "sticky-slots": "k",
  "sticky-endpoints": "l",
  "sticky-local-endpoints": "m",
};

/** Writes the text of one Service. The same element twice counts once. */
export class ElementTextWriter {
  readonly #lines: string[] = [""];
  readonly #seen = new Set<string>();

  group(comment: string): void {
    this.#lines.push(`#${comment}`);
  }

  /** Whether the element is new. */
  add(set: ElementSet, key: string, value = "", comment = ""): boolean {
    const place = letterOf[set] + key;
    if (this.#seen.has(place)) return false;
    this.#seen.add(place);
    this.#lines.push(comment !== "" ? `${place}\t${value}\t${comment}` : value !== "" ? `${place}\t${value}` : place);
    return true;
  }

  /** The same for elements of an entry that is new: nobody else has them. */
  addOwn(set: ElementSet, key: string, value: string): void {
    this.#lines.push(`${letterOf[set]}${key}\t${value}`);
  }

  /** Empty when nothing was added. */
  text(): string {
    return this.#seen.size === 0 ? "" : this.#lines.join("\n");
  }
}

/** Calls `visit` for each element of a Service. */
export function eachLine(text: string, visit: (line: Line) => void): void {
  let comment: string | undefined;
  for (let start = 1; start < text.length;) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    if (text.charCodeAt(start) === 0x23) comment = text.slice(start + 1, end);
    else visit(readLine(text, start, end, comment));
    start = end + 1;
  }
}

/** Calls `visit` for the elements of one set; costs little for a text without any. */
export function eachLineOf(text: string, set: ElementSet, visit: (line: Line) => void): void {
  const mark = `\n${letterOf[set]}`;
  let comment: string | undefined;
  let nextHeader = text.indexOf("\n#");
  for (let at = text.indexOf(mark); at >= 0;) {
    while (nextHeader >= 0 && nextHeader < at) {
      comment = text.slice(nextHeader + 2, text.indexOf("\n", nextHeader + 1));
      nextHeader = text.indexOf("\n#", nextHeader + 1);
    }
    const start = at + 1;
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    visit(readLine(text, start, end, comment));
    at = text.startsWith(mark, end) ? end : text.indexOf(mark, end);
  }
}

/** Calls back with the chain of each element that goes to one. */
export function eachGoto(text: string, visit: (chain: string) => void): void {
  const mark = "\tgoto ";
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at)) {
    at += mark.length;
    const end = text.indexOf("\n", at);
    // Elements with a chain have no comment of their own.
    visit(end < 0 ? text.slice(at) : text.slice(at, end));
  }
}

/** The lines of the group with this comment, as a text of its own; empty when there is none. */
export function groupOf(text: string, comment: string): string {
  const header = `\n#${comment}\n`;
  const start = text.indexOf(header);
  if (start < 0) return "";
  const end = text.indexOf("\n#", start + header.length - 1);
  return text.slice(start, end < 0 ? text.length : end);
}

/** The elements of some sets, each as the letter of its set and its key, in strings that do not keep the text alive. */
export function placesIn(text: string, sets: ReadonlySet<ElementSet>): readonly string[] {
  const places: string[] = [];
  for (let at = text.indexOf("\n"); at >= 0;) {
    const next = text.indexOf("\n", at + 1);
    const set = elementSets[text.charCodeAt(at + 1) - 0x61];
    if (set !== undefined && sets.has(set)) {
      const end = next < 0 ? text.length : next;
      const tab = text.indexOf("\t", at);
      places.push([text[at + 1], text.slice(at + 2, tab < 0 || tab > end ? end : tab)].join(""));
    }
    at = next;
  }
  return places;
}

/** How `placesIn` names an element of a set. */
export function placeOf(set: ElementSet, key: string): string {
  return letterOf[set] + key;
}

/** How many elements a text has. */
export function lineCount(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) if (text[at + 1] !== "#") count++;
  return count;
}

/** The element that a line stands for. */
export function elementOf({ set, key, value, comment }: Line): Element {
  return { set, key, ...(value === undefined ? {} : { value }), ...(comment === undefined ? {} : { comment }) };
}

function readLine(text: string, start: number, end: number, groupComment: string | undefined): Line {
  const set = elementSets[text.charCodeAt(start) - 0x61] ?? "services";
  const tab = text.indexOf("\t", start);
  if (tab < 0 || tab > end) return { set, key: text.slice(start + 1, end), value: undefined, comment: groupComment };
  const key = text.slice(start + 1, tab);
  const second = text.indexOf("\t", tab + 1);
  const hasComment = second >= 0 && second < end;
  const value = text.slice(tab + 1, hasComment ? second : end);
  const comment = hasComment ? text.slice(second + 1, end) : groupComment;
  return { set, key, value: value === "" ? undefined : value, comment };
}
