import { ChainNumbers } from "./chain-numbers.ts";
import { chainFootSize, chainHeadSize, isChainName } from "./rule-bytes.ts";
import type { EntryLayout } from "./entry-layout.ts";

/** The chains that a table is to have, by numbers, with the length of their rules. There may be very many. */
export class WantedChains {
  readonly layout: EntryLayout;
  readonly #numbers = new ChainNumbers();
  readonly #sizes: number[] = [];
  readonly #rules: number[] = [];
  /** 1 for a chain that was only referred to so far. */
  readonly #isMissing: number[] = [];
  #missing = 0;
  #hasLongName = false;

  /** These chains are wanted with or without rules. */
  constructor(chains: readonly string[], layout: EntryLayout) {
    this.layout = layout;
    for (const chain of chains) this.define(chain);
  }

  /** The number of a chain that the table is to have, from 0 on. */
  define(chain: string): number {
    const number = this.refer(chain);
    if (this.#isMissing[number] === 1) {
      this.#isMissing[number] = 0;
      this.#missing--;
    }
    return number;
  }

  /** The number of a chain that a rule leads to; somebody else has to define it, before or later. */
  refer(chain: string): number {
    const known = this.#numbers.get(chain);
    if (known !== undefined) return known;
    if (!isChainName(chain)) this.#hasLongName = true;
    this.#sizes.push(0);
    this.#rules.push(0);
    this.#isMissing.push(1);
    this.#missing++;
    return this.#numbers.add(chain);
  }

  /** Makes room for a rule of so many bytes in a chain. */
  addRule(number: number, size: number): void {
    this.#sizes[number] = this.size(number) + size;
    this.#rules[number] = this.rules(number) + 1;
  }

  /** Whether a table can be made of them: all that rules lead to are defined, and no name is too long. */
  get isComplete(): boolean {
    return this.#missing === 0 && !this.#hasLongName;
  }

  get count(): number {
    return this.#numbers.count;
  }

  /** The number of a chain; `undefined` when nobody wants it. */
  number(chain: string): number | undefined {
    return this.#numbers.get(chain);
  }

  name(number: number): string {
    return this.#numbers.name(number);
  }

  /** Length of a chain's rules in bytes. */
  size(number: number): number {
    return this.#sizes[number] ?? 0;
  }

  /** How many rules a chain has. */
  rules(number: number): number {
    return this.#rules[number] ?? 0;
  }

  /** Length of a chain with its first and last entry. */
  wholeSize(number: number): number {
    return chainHeadSize(this.layout) + this.size(number) + chainFootSize(this.layout);
  }

  /** The numbers in the order in which a table has the chains. */
  sorted(): Uint32Array {
    return this.#numbers.sorted();
  }
}
