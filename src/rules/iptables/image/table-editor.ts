import type { Rule } from "../rule.ts";
import { chainHeadSize, ruleSize, writeRule } from "./rule-bytes.ts";
import type { EntryLayout } from "./entry-layout.ts";
import { spliceTable } from "./splice.ts";
import type { Splice } from "./splice.ts";
import { EntryReader, hookChains, readChains } from "./table-image.ts";
import type { ChainList, EditedTable, TableImage } from "./table-image.ts";

/** Rules by their number and the length of their entries. */
export interface RuleSpace {
  readonly size: number;
  readonly rules: number;
}

/** A table that has all changes, with gaps for what came. */
export interface PlacedTable {
  readonly edited: EditedTable;
  /** Where the gap of a splice begins, by the number that `splice` gave. */
  readonly gap: (number: number) => number;
  /** Where jumps to a chain that stayed lead, by the number that it had. */
  readonly firstRule: (chain: number) => number | undefined;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

/** From the first rule of a chain to behind its last one. */
export interface RuleRange {
  readonly first: number;
  readonly end: number;
}

/** Collects changes of a legacy table, then makes them all at once. Every method but `apply` speaks of the table as it was. */
export class TableEditor {
  readonly layout: EntryLayout;
  readonly reader: EntryReader;
  readonly chains: ChainList;
  readonly #image: TableImage;
  readonly #splices: Splice[] = [];
  readonly #removed = new Set<number>();

  private constructor(image: TableImage, reader: EntryReader, chains: ChainList) {
    this.layout = reader.layout;
    this.reader = reader;
    this.chains = chains;
    this.#image = image;
  }

  /** Reads a table; `undefined` when its chains are not sorted. */
  static *open(image: TableImage, layout: EntryLayout): Generator<undefined, TableEditor | undefined> {
    const reader = new EntryReader(image.memory, layout);
    const chains = yield* readChains(image, reader);
    return chains === undefined ? undefined : new TableEditor(image, reader, chains);
  }

  /** The kernel's own chains that the table has. */
  get hooks(): readonly string[] {
    return hookChains.filter((_, hook) => (this.#image.hooks & (1 << hook)) !== 0);
  }

  /** Entries go and a gap for others comes; gives back a number for it. Of several at one place the first comes first. */
  splice(splice: Splice): number {
    return this.#splices.push(splice) - 1;
  }

  /** Takes away the rule that begins here. */
  remove(at: number): void {
    this.#removed.add(at);
    this.splice({ at, removed: this.reader.end(at) - at, size: 0, entries: 0 });
  }

  /** Whether `remove` was told to take the rule away that begins here. */
  isRemoved(at: number): boolean {
    return this.#removed.has(at);
  }

  /** Takes the first rule away that is equal to this one; `false` when there is none. Twice takes two. */
  removeRule(chain: string, rule: Rule): boolean {
    const bytes = this.encoded(rule);
    if (bytes === undefined) return false;
    for (const at of this.rulesOf(chain)) {
      if (!this.reader.isSame(at, bytes) || this.isRemoved(at)) continue;
      this.remove(at);
      return true;
    }
    return false;
  }

  /** Where the rules of a chain are, also of the kernel's own; `undefined` when there is no such chain. */
  range(chain: string): RuleRange | undefined {
    const hook = hookChains.findIndex((name) => name === chain);
    if (hook >= 0) {
      if ((this.#image.hooks & (1 << hook)) === 0) return undefined;
      return { first: this.#image.hookEntries[hook] ?? 0, end: this.#image.underflows[hook] ?? 0 };
    }
    const index = this.chains.find(chain);
    return index === undefined ? undefined : { first: this.chains.firstRule(index), end: this.chains.foot(index) };
  }

  /** Where each rule of a chain begins, in turn. */
  *rulesOf(chain: string): Generator<number> {
    const range = this.range(chain);
    if (range === undefined) return;
    for (let at = range.first; at < range.end; at = this.reader.end(at)) yield at;
  }

  /** The name of the chain that the rule here leads to; `undefined` when it leads nowhere. */
  jumpOf(at: number): string | undefined {
    const verdict = this.reader.verdict(at);
    if (verdict === undefined || verdict < 0 || verdict === this.reader.end(at)) return undefined;
    return this.reader.chainName(verdict - chainHeadSize(this.layout));
  }

  /** The entry of a rule as it would be in the table as it is; `undefined` when it leads to a chain that is not there. */
  encoded(rule: Rule): Uint8Array | undefined {
    const size = ruleSize(rule, this.layout);
    const index = rule.target?.kind === "jump" ? this.chains.find(rule.target.chain) : -1;
    if (size === undefined || index === undefined) return undefined;
    const bytes = new Uint8Array(size);
    const jumpTo = index < 0 ? 0 : this.chains.firstRule(index);
    writeRule(new DataView(bytes.buffer), bytes, 0, rule, { layout: this.layout, size, jumpTo });
    return bytes;
  }

  /** Makes all changes; the gaps are still to be filled. `undefined` when the table cannot be like that. */
  *apply(): Generator<undefined, PlacedTable | undefined> {
    const order = this.#splices.map((_, i) => i);
    const splices = this.#splices;
    order.sort((a, b) => compare(splices[a], splices[b]) || a - b);
    const spliced = yield* spliceTable(
      this.#image,
      this.reader,
      order.flatMap((i) => splices[i] ?? []),
    );
    if (spliced === undefined) return undefined;
    const { edited, gaps, moved } = spliced;
    const gapOf = new Map(order.map((number, i) => [number, gaps[i] ?? 0]));
    const { bytes } = this.#image.memory;
    return {
      edited,
      gap: (number) => gapOf.get(number) ?? 0,
      firstRule: (chain) => {
        const head = moved(this.chains.head(chain));
        return head === undefined ? undefined : head + chainHeadSize(this.layout);
      },
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    };
  }
}

/** By their places; what comes is before what goes. */
function compare(a: Splice | undefined, b: Splice | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.at - b.at || a.removed - b.removed;
}
