import { chainNameSize, extensionHead, extensionNameAt, standardTargetSize } from "./entry-layout.ts";
import type { EntryLayout } from "./entry-layout.ts";
import { chainHeadSize } from "./rule-bytes.ts";

/** Memory that can become longer. */
export interface TableMemory {
  /** All of it, from an address that is a multiple of 8. Another object after `grow`, which makes the former one invalid. */
  readonly bytes: Uint8Array;
  /** Makes it at least so long; what it has stays. */
  grow(size: number): void;
}

/** The numbers of a legacy table beside its entries: linux/netfilter_ipv4/ip_tables.h, struct ipt_getinfo. */
export interface TableNumbers {
  /** Length of all entries in bytes. */
  readonly size: number;
  /** How many entries there are: the rules, the policies, two for each chain, and one at the end. */
  readonly entries: number;
  /** Where the chain of each hook begins, and where its policy is; of no meaning for hooks that the table does not have. */
  readonly hookEntries: readonly number[];
  readonly underflows: readonly number[];
}

/** A legacy table as the kernel gives it. */
export interface TableImage extends TableNumbers {
  /** The entries at its start. */
  readonly memory: TableMemory;
  /** A bit for each hook that the table has: 1 for the first. */
  readonly hooks: number;
}

/** So many entries of the new table, from `now` on, are those from `before` on in the former one: they keep their counters. */
export interface KeptEntries {
  readonly now: number;
  readonly before: number;
  readonly count: number;
}

/** What became of a table's numbers; its entries were changed in place. */
export interface EditedTable extends TableNumbers {
  readonly kept: readonly KeptEntries[];
}

/** The kernel's own chains by the number of their hook. */
export const hookChains = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;

/** Entries to look at between two pauses: some milliseconds. */
export const entriesAtOnce = 1 << 15;

/** Before the offsets of an entry is a word that nobody uses (`nfcache`). */
const noteSize = 4;

/** Reads entries. Not to be used after its memory has grown. */
export class EntryReader {
  readonly layout: EntryLayout;
  readonly bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Int32Array;

  constructor({ bytes }: TableMemory, layout: EntryLayout) {
    this.layout = layout;
    this.bytes = bytes;
    this.#halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }

  /** Where the entry ends and the next one begins. Throws `RangeError` when this is no entry. */
  end(at: number): number {
    const length = this.#halves[(at + this.layout.nextOffsetAt) >> 1] ?? 0;
    if (length < this.layout.headSize) throw new RangeError(`there is no entry at byte ${at} of the table`);
    return at + length;
  }

  target(at: number): number {
    return at + (this.#halves[(at + this.layout.targetOffsetAt) >> 1] ?? 0);
  }

  /** The verdict of an entry, as `verdicts` or where it jumps to; `undefined` when its target is of another kind. */
  verdict(at: number): number | undefined {
    const target = this.target(at);
    const isStandard = this.bytes[target] === standardTargetSize && this.bytes[target + extensionNameAt] === 0;
    return isStandard ? this.#words[(target + extensionHead) >> 2] : undefined;
  }

  /** Whether the rule here is this one: all is equal but the counters and what the kernel notes for itself. */
  isSame(at: number, rule: Uint8Array): boolean {
    const { targetOffsetAt, headSize } = this.layout;
    if (this.end(at) - at !== rule.length) return false;
    const isEqual = (from: number, to: number): boolean => {
      for (let i = from; i < to; i++) if (this.bytes[at + i] !== rule[i]) return false;
      return true;
    };
    return (
      isEqual(0, targetOffsetAt - noteSize) &&
      isEqual(targetOffsetAt, targetOffsetAt + 4) &&
      isEqual(headSize, rule.length)
    );
  }

  setVerdict(at: number, verdict: number): void {
    this.#words[(this.target(at) + extensionHead) >> 2] = verdict;
  }

  /** Whether a chain begins here, or the table ends. */
  isHead(at: number): boolean {
    // No other target begins with these letters: ER(ROR).
    const name = this.target(at) + extensionNameAt;
    return this.bytes[name] === 0x45 && this.bytes[name + 1] === 0x52 && this.bytes[name + 2] === 0x52;
  }

  /** The name of the chain that begins here. */
  chainName(at: number): string {
    const from = this.target(at) + extensionHead;
    let name = "";
    for (let i = from; i < from + chainNameSize; i++) {
      const letter = this.bytes[i] ?? 0;
      if (letter === 0) break;
      name += String.fromCharCode(letter);
    }
    return name;
  }

  /** Below 0 when the name of the chain at `a` comes before that at `b`. */
  compareNames(a: number, b: number): number {
    const nameA = this.target(a) + extensionHead;
    const nameB = this.target(b) + extensionHead;
    for (let i = 0; i < chainNameSize; i++) {
      const letter = this.bytes[nameA + i] ?? 0;
      const difference = letter - (this.bytes[nameB + i] ?? 0);
      if (difference !== 0 || letter === 0) return difference;
    }
    return 0;
  }
}

/** The chains of a table that the kernel does not have by itself, sorted by name as in the table. */
export class ChainList {
  readonly #reader: EntryReader;
  readonly #heads: Uint32Array;

  /** `heads` has where each begins, and at last where the table's last entry is. */
  constructor(reader: EntryReader, heads: Uint32Array) {
    this.#reader = reader;
    this.#heads = heads;
  }

  /** How many there are. */
  get count(): number {
    return this.#heads.length - 1;
  }

  /** Where a chain begins; for the number behind the last one, where the table's last entry is. */
  head(index: number): number {
    return this.#heads[index] ?? 0;
  }

  name(index: number): string {
    return this.#reader.chainName(this.head(index));
  }

  /** The number of the first chain whose name is not before this one. */
  search(name: string): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.name(middle) < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The number of a chain; `undefined` when there is none. */
  find(name: string): number | undefined {
    const index = this.search(name);
    return index < this.count && this.name(index) === name ? index : undefined;
  }

  /** Where the first rule of a chain is, which is where jumps lead to. */
  firstRule(index: number): number {
    return this.head(index) + chainHeadSize(this.#reader.layout);
  }

  /** Where the last entry of a chain is, which returns: behind its last rule. */
  foot(index: number): number {
    return this.head(index + 1) - this.#reader.layout.headSize - standardTargetSize;
  }
}

/** Finds the chains of a table. `undefined` when they are not sorted, as very old programs leave them. Pauses now and then. */
export function* readChains(image: TableImage, reader: EntryReader): Generator<undefined, ChainList | undefined> {
  // No more than that: a chain takes two entries.
  const heads = new Uint32Array((image.entries >> 1) + 1);
  let count = 0;
  let entries = 0;
  for (let at = 0; at < image.size; at = reader.end(at)) {
    if (reader.isHead(at)) {
      const before = heads[count - 1];
      heads[count++] = at;
      const isLast = reader.end(at) >= image.size;
      if (before !== undefined && !isLast && reader.compareNames(before, at) >= 0) return undefined;
    }
    if (++entries % entriesAtOnce === 0) yield;
  }
  return count === 0 ? undefined : new ChainList(reader, heads.subarray(0, count));
}
