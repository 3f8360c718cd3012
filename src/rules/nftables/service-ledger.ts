import type { FullOptions } from "../../model/index.ts";
import type { Element } from "../nft/index.ts";
import { Claims } from "./claims.ts";
import { eachGoto, eachLine, eachLineOf, elementOf, lineCount } from "./element-text.ts";
import type { ElementSet, Line } from "./element-text.ts";

/** What brings the kernel from what it has of some Services to what they want. */
export interface ServiceChanges {
  readonly deletions: readonly ElementGroup[];
  readonly additions: readonly ElementGroup[];
  readonly size: number;
  /** How many elements more go to each of these chains than before. */
  readonly chains: ReadonlyMap<string, number>;
  commit(): void;
}

/** What everything has of each Service; absent: what is wanted of all. */
type StateOf = FullOptions["stateOf"];

export interface ElementGroup {
  readonly set: string;
  readonly elements: readonly Element[];
}

/**
 * Knows which elements each Service wants and which ones the kernel has, as one text for a Service. Work is proportional to
 * the elements of the Services that changed, never to the size of the table.
 */
export class ServiceLedger {
  /** What the kernel has. */
  #installed = new Map<string, string>();
  /** What is wanted where that is something else: not written yet, or not all in force. */
  #wanted = new Map<string, string>();
  /** Who must be looked at together with a Service that let go of an entry. */
  readonly #heirs = new Map<string, Set<string>>();
  readonly #claims = new Claims();
  #installedCount = 0;

  /** Replaces what a Service wants; an empty text forgets it. */
  want(service: string, text: string): void {
    const before = this.wanted(service);
    if (before === text) return;
    for (const heir of this.#claims.change(service, before, text)) {
      this.#heirs.set(service, (this.#heirs.get(service) ?? new Set()).add(heir));
      this.#wanted.set(heir, this.wanted(heir));
    }
    this.#wanted.set(service, text);
  }

  wanted(service: string): string {
    return this.#wanted.get(service) ?? this.installed(service);
  }

  installed(service: string): string {
    return this.#installed.get(service) ?? "";
  }

  /** How many elements the kernel has. */
  get installedCount(): number {
    return this.#installedCount;
  }

  changes(services: Iterable<string>): ServiceChanges {
    const texts = new Map<string, string>();
    const deletions = new Map<string, Map<string, Element>>();
    const additions = new Map<string, Map<string, Element>>();
    const chains = new Map<string, number>();
    for (const service of this.#withHeirs(services)) {
      const before = this.installed(service);
      const now = this.#inForce(service, this.wanted(service));
      texts.set(service, now);
      if (before === now) continue;
      const [partBefore, partNow] = differingParts(before, now);
      const had = linesOf(partBefore);
      const wants = linesOf(partNow);
      for (const [place, line] of had) {
        if (wants.get(place)?.value === line.value && wants.has(place)) continue;
        put(deletions, line);
        countChain(chains, line.value, -1);
      }
      for (const [place, line] of wants) {
        // A comment is not worth a change.
        if (had.has(place) && had.get(place)?.value === line.value) continue;
        put(additions, line);
        countChain(chains, line.value, 1);
      }
    }
    dropUnchanged(deletions, additions);
    return {
      deletions: groups(deletions),
      additions: groups(additions),
      size: sizeOf(deletions, additions),
      chains,
      commit: () => {
        for (const [service, text] of texts) this.#commit(service, text);
        for (const service of services) this.#heirs.delete(service);
      },
    };
  }

  /** How many elements are wanted, also those that wait for an entry of another Service; from `most` on it is not counted further. */
  wantedCount(most = Infinity, stateOf?: StateOf): number {
    let count = 0;
    for (const [, text] of this.#texts(stateOf)) {
      count += lineCount(text);
      if (count >= most) break;
    }
    return count;
  }

  /** Calls `visit` for everything that is wanted and in force, Service by Service. */
  *each(visit: (line: Line) => void, stateOf?: StateOf): Generator<void> {
    for (const [service, text] of this.#texts(stateOf)) {
      eachLine(
        text,
        this.#claims.uncontested ? visit : (line) => void (this.#claims.holds(service, line) && visit(line)),
      );
      yield;
    }
  }

  /** Calls `visit` for everything of one set that is wanted and in force, Service by Service. */
  *eachOf(set: ElementSet, visit: (line: Line) => void, stateOf?: StateOf): Generator<void> {
    for (const [service, text] of this.#texts(stateOf)) {
      eachLineOf(text, set, (line) => {
        if (this.#claims.holds(service, line)) visit(line);
      });
      yield;
    }
  }

  /** How many of the elements that are wanted and in force go to each chain; not only chains of shapes. */
  chainCounts(stateOf?: StateOf): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [service, text] of this.#texts(stateOf)) {
      eachGoto(this.#inForce(service, text), (chain) => counts.set(chain, (counts.get(chain) ?? 0) + 1));
    }
    return counts;
  }

  /** To be called when the kernel has what `eachOf` gave of every set. */
  commitAll(stateOf?: StateOf): void {
    if (stateOf === undefined && this.#installed.size === 0 && this.#claims.uncontested) return this.#commitFirst();
    for (const [service, text] of this.#texts(stateOf)) this.#commit(service, this.#inForce(service, text));
    this.#heirs.clear();
  }

  /** Takes note that the kernel has none of the elements any more. */
  forgetInstalled(): void {
    for (const [service, text] of this.#installed) if (!this.#wanted.has(service)) this.#wanted.set(service, text);
    this.#installed.clear();
    this.#installedCount = 0;
  }

  *#texts(stateOf: StateOf = () => "wanted"): Generator<readonly [string, string]> {
    for (const [service, text] of this.#installed) {
      if (!this.#wanted.has(service)) yield [service, stateOf(service) === "none" ? "" : text];
    }
    for (const entry of this.#wanted) {
      const [service] = entry;
      const state = stateOf(service);
      if (state === "wanted") yield entry;
      else yield [service, state === "former" ? this.installed(service) : ""];
    }
  }

  #withHeirs(services: Iterable<string>): ReadonlySet<string> {
    const all = new Set(services);
    for (const service of all) for (const heir of this.#heirs.get(service) ?? []) all.add(heir);
    return all;
  }

  /** The part of a text that is not held by others. */
  #inForce(service: string, text: string): string {
    if (this.#claims.uncontested) return text;
    let held = true;
    eachLine(text, (line) => (held &&= this.#claims.holds(service, line)));
    if (held) return text;
    const kept: string[] = [""];
    for (const part of text.split("\n").slice(1)) {
      let keep = true;
      eachLine(`\n${part}`, (line) => (keep = this.#claims.holds(service, line)));
      if (keep) kept.push(part);
    }
    return kept.join("\n");
  }

  /** Everything that is wanted is there, and was not before. */
  #commitFirst(): void {
    for (const [service, text] of this.#wanted) {
      if (text === "") this.#wanted.delete(service);
      this.#installedCount += lineCount(text);
    }
    this.#installed = this.#wanted;
    this.#wanted = new Map();
    this.#heirs.clear();
  }

  #commit(service: string, text: string): void {
    this.#installedCount += lineCount(text) - lineCount(this.installed(service));
    const wanted = this.wanted(service);
    if (text === "") this.#installed.delete(service);
    else this.#installed.set(service, text);
    if (wanted === text) this.#wanted.delete(service);
  }
}

function linesOf(text: string): ReadonlyMap<string, Line> {
  const lines = new Map<string, Line>();
  if (text !== "") eachLine(text, (line) => lines.set(`${line.set} ${line.key}`, line));
  return lines;
}

/** The lines in which two texts differ, without those that both begin or end with: few, however long the texts are. */
function differingParts(a: string, b: string): readonly [string, string] {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a.charCodeAt(start) === b.charCodeAt(start)) start++;
  start = Math.max(0, a.lastIndexOf("\n", start - 1));
  let tail = 0;
  while (tail < shorter - start && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) tail++;
  // The end that both have begins with a whole line.
  const endA = a.indexOf("\n", a.length - tail);
  const rest = endA < 0 ? 0 : a.length - endA;
  // What is before `start` is the same in both. One of them may begin a group there, and the other go on with the one before.
  const header = start === 0 ? -1 : a.lastIndexOf("\n#", start - 1);
  const group = header < 0 ? "" : a.slice(header, a.indexOf("\n", header + 1));
  return [group + a.slice(start, a.length - rest), group + b.slice(start, b.length - rest)];
}

function put(groups: Map<string, Map<string, Element>>, line: Line): void {
  const group = groups.get(line.set) ?? new Map<string, Element>();
  groups.set(line.set, group.set(line.key, elementOf(line)));
}

function countChain(chains: Map<string, number>, value: string | undefined, by: number): void {
  if (value === undefined || !value.startsWith("goto ")) return;
  const chain = value.slice(5);
  chains.set(chain, (chains.get(chain) ?? 0) + by);
}

/** What one Service gives up and another takes over as it is does not change. */
function dropUnchanged(
  deletions: Map<string, Map<string, Element>>,
  additions: Map<string, Map<string, Element>>,
): void {
  for (const [set, removed] of deletions) {
    const added = additions.get(set);
    if (added === undefined) continue;
    for (const [key, element] of removed) {
      const heir = added.get(key);
      // What one Service had and another has now must name that one. A pod's own packets are of no Service.
      const saysSame = set === "hairpin" || heir?.comment === element.comment;
      if (heir !== undefined && heir.value === element.value && saysSame) {
        removed.delete(key);
        added.delete(key);
      }
    }
  }
}

function groups(all: ReadonlyMap<string, ReadonlyMap<string, Element>>): readonly ElementGroup[] {
  return [...all]
    .filter(([, elements]) => elements.size > 0)
    .map(([set, elements]) => ({ set, elements: [...elements.values()] }));
}

/** Elements added, replaced or deleted. */
function sizeOf(
  deletions: ReadonlyMap<string, ReadonlyMap<string, Element>>,
  additions: ReadonlyMap<string, ReadonlyMap<string, Element>>,
): number {
  let size = 0;
  for (const elements of additions.values()) size += elements.size;
  for (const [set, elements] of deletions)
    for (const key of elements.keys()) if (additions.get(set)?.has(key) !== true) size++;
  return size;
}
