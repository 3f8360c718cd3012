import { fnv1a } from "../../core/index.ts";

/** Numbers for texts: hashes, so that another process finds the same ones, and others where two texts have the same. */
export class Marks {
  readonly #byId = new Map<string, number>();
  readonly #taken = new Map<number, string>();

  /** The number of a text, never 0 and without the bit `without` (0 to 31). */
  of(id: string, without: number): number {
    const bit = (1 << without) >>> 0;
    const known = this.#byId.get(id);
    if (known !== undefined && (known & bit) === 0) return known;
    if (known !== undefined) this.#taken.delete(known);
    let mark = first(id, bit);
    while ((this.#taken.get(mark) ?? id) !== id || mark === 0) mark = clear(mark + 0x10000, bit);
    this.#byId.set(id, mark);
    this.#taken.set(mark, id);
    return mark;
  }
}

/** The highest bit is left alone: the rest is what fits into the numbers that bit operations give. */
function first(id: string, bit: number): number {
  return clear(fnv1a(id), bit);
}

function clear(value: number, bit: number): number {
  return value & 0x7fff_ffff & ~bit;
}
