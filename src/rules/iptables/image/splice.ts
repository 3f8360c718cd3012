import { chainHeadSize } from "./rule-bytes.ts";
import { entriesAtOnce } from "./table-image.ts";
import type { EditedTable, EntryReader, KeptEntries, TableImage } from "./table-image.ts";

/** Entries that go and entries that come at one place of a table. */
export interface Splice {
  /** Where, in bytes from the start of the table as it is. */
  readonly at: number;
  /** Bytes that go. */
  readonly removed: number;
  /** Bytes and entries that come; nobody has written them yet. */
  readonly size: number;
  readonly entries: number;
}

/** A table that has its new size, with gaps for what comes. */
export interface SplicedTable {
  readonly edited: EditedTable;
  /** Where the gap for each splice begins. */
  readonly gaps: readonly number[];
  /** Where an entry of the former table is now; entries that went have no place. */
  readonly moved: (at: number) => number | undefined;
}

/**
 * Makes room in a table, in place: entries that stay move together or apart, and their jumps follow their chains.
 * `splices` are in order and do not overlap; what comes at the place of an entry comes before it, and `splices` whose place is
 * the same come in their order, the one that removes last. `undefined` when a rule that stays leads to a chain that goes: the image is
 * worth nothing then. Pauses now and then.
 */
export function* spliceTable(
  image: TableImage,
  reader: EntryReader,
  splices: readonly Splice[],
): Generator<undefined, SplicedTable | undefined> {
  const shifts = new Shifts(splices);
  const kept = yield* relocate(image, reader, splices, shifts);
  if (kept === undefined) return undefined;
  const size = image.size + shifts.total;
  image.memory.grow(size);
  moveRanges(image.memory.bytes, image.size, splices, shifts);
  const { hooks, hookEntries, underflows } = image;
  const ofHooks = (places: readonly number[], place: (at: number) => number): readonly number[] =>
    places.map((at, hook) => ((hooks & (1 << hook)) === 0 ? 0 : place(at)));
  return {
    edited: {
      size,
      entries: kept.entries,
      kept: kept.ranges,
      hookEntries: ofHooks(hookEntries, (at) => shifts.before(at)),
      underflows: ofHooks(underflows, (at) => shifts.after(at)),
    },
    gaps: splices.map((_, i) => shifts.gap(i)),
    moved: (at) => (shifts.isRemoved(at) ? undefined : shifts.after(at)),
  };
}

/** How far entries move. */
class Shifts {
  readonly #splices: readonly Splice[];
  /** Of entries before the splice of this number. */
  readonly #sums: readonly number[];
  readonly total: number;

  constructor(splices: readonly Splice[]) {
    this.#splices = splices;
    let sum = 0;
    this.#sums = splices.map(({ removed, size }) => {
      const before = sum;
      sum += size - removed;
      return before;
    });
    this.total = sum;
  }

  /** How far everything between a splice and the one before moves. */
  sum(index: number): number {
    return this.#sums[index] ?? this.total;
  }

  /** Where the gap of a splice begins. */
  gap(index: number): number {
    return (this.#splices[index]?.at ?? 0) + this.sum(index);
  }

  /** The new place of what begins here, with what comes at this place behind it. */
  before(at: number): number {
    return at + this.sum(this.#firstFrom(at));
  }

  /** The new place of an entry that stays. */
  after(at: number): number {
    return at + this.sum(this.#firstFrom(at + 1));
  }

  isRemoved(at: number): boolean {
    const splice = this.#splices[this.#firstFrom(at + 1) - 1];
    return splice !== undefined && at < splice.at + splice.removed;
  }

  /** The number of the first splice at this place or behind. */
  #firstFrom(at: number): number {
    let low = 0;
    let high = this.#splices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#splices[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Lets the verdicts of all that stays say where they lead in the new table, before anything moves; counts what stays. */
function* relocate(
  image: TableImage,
  reader: EntryReader,
  splices: readonly Splice[],
  shifts: Shifts,
): Generator<undefined, { readonly entries: number; readonly ranges: readonly KeptEntries[] } | undefined> {
  const ranges: KeptEntries[] = [];
  const headSize = chainHeadSize(reader.layout);
  let at = 0;
  let before = 0;
  let now = 0;
  for (let index = 0; index <= splices.length; index++) {
    const splice = splices[index];
    const first = before;
    for (const end = splice?.at ?? image.size; at < end; before++) {
      const next = reader.end(at);
      const verdict = reader.verdict(at);
      if (verdict !== undefined && verdict >= 0) {
        // A rule without a target goes on with the next one, every other jump leads behind the head of a chain.
        const isJump = verdict !== next;
        if (isJump && shifts.isRemoved(verdict - headSize)) return undefined;
        const moved = isJump ? shifts.after(verdict - headSize) + headSize : next + shifts.sum(index);
        if (moved !== verdict) reader.setVerdict(at, moved);
      }
      at = next;
      if (before % entriesAtOnce === 0) yield;
    }
    if (before > first) ranges.push({ now, before: first, count: before - first });
    now += before - first + (splice?.entries ?? 0);
    for (const end = at + (splice?.removed ?? 0); at < end; before++) at = reader.end(at);
  }
  return { entries: now, ranges };
}

/** Moves everything between the splices: to the left from the left on, then to the right from the right on, so that nothing is overwritten. */
function moveRanges(bytes: Uint8Array, size: number, splices: readonly Splice[], shifts: Shifts): void {
  const move = (index: number): void => {
    const former = splices[index - 1];
    const from = former === undefined ? 0 : former.at + former.removed;
    const to = splices[index]?.at ?? size;
    bytes.copyWithin(from + shifts.sum(index), from, to);
  };
  for (let index = 0; index <= splices.length; index++) if (shifts.sum(index) < 0) move(index);
  for (let index = splices.length; index >= 0; index--) if (shifts.sum(index) > 0) move(index);
}
