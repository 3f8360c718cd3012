import type { ChainPlace } from "./rules-port.ts";

/** What a chain watch asks. */
export interface ChainWatchOptions {
  /** The chains that the kernel must have at present. */
  readonly chains: () => readonly ChainPlace[];
  /** How many rules a chain has and how many rules and elements lead to it, in one number; `undefined` when it is not there. */
  readonly useOf: (place: ChainPlace) => number | undefined;
}

/**
 * Tells whether somebody took chains, their rules, or elements that lead to them. A question for each chain, and their number does not grow with that of
 * Services; elements without a chain are not seen.
 */
export class ChainWatch {
  readonly #options: ChainWatchOptions;
  /** The numbers after the last write; undefined when they were not asked for since then. */
  #uses: ReadonlyMap<string, number> | undefined;

  constructor(options: ChainWatchOptions) {
    this.#options = options;
  }

  /** The chains have been written: what is known of them does not hold any more. */
  written(): void {
    this.#uses = undefined;
  }

  /** Asks for the numbers, if they are not known. To be called while nobody but ourselves has changed anything. */
  note(): void {
    this.#uses ??= this.#ask();
  }

  /** Whether a chain is gone, or has less than it was noted to have. */
  areDamaged(): boolean {
    const before = this.#uses;
    const now = this.#ask();
    if (this.#options.chains().some((place) => !now.has(idOf(place)))) return true;
    for (const [id, use] of before ?? []) if ((now.get(id) ?? 0) < use) return true;
    return false;
  }

  #ask(): ReadonlyMap<string, number> {
    const { chains, useOf } = this.#options;
    const uses = new Map<string, number>();
    for (const place of chains()) {
      const use = useOf(place);
      if (use !== undefined) uses.set(idOf(place), use);
    }
    return uses;
  }
}

function idOf({ family, table, chain }: ChainPlace): string {
  return `${family} ${table} ${chain}`;
}
