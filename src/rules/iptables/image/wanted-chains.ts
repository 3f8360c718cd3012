import type { Rule } from "../rule.ts";
import { ChainNumbers } from "./chain-numbers.ts";
import { chainFootSize, chainHeadSize, isChainName, ruleSize } from "./rule-bytes.ts";
import type { EntryLayout } from "./entry-layout.ts";

/** The chains that a table is to have, by numbers, with the length of their rules. There may be very many. */
export class WantedChains {
  readonly layout: EntryLayout;
  readonly #numbers = new ChainNumbers();
  readonly #sizes: number[] = [];
  readonly #rules: number[] = [];
  #isKnown = true;
  #lastChain = "";
  #lastNumber = -1;

  /** These chains are wanted with or without rules. */
  constructor(chains: readonly string[], layout: EntryLayout) {
    this.layout = layout;
    for (const chain of chains) this.#add(chain);
  }

  /** Makes room for a rule in its chain. */
  add({ chain, rule }: { readonly chain: string; readonly rule: Rule }): void {
    if (chain !== this.#lastChain) this.#lastNumber = this.#numbers.get(chain) ?? this.#add(chain);
    this.#lastChain = chain;
    const number = this.#lastNumber;
    const size = ruleSize(rule, this.layout);
    if (size === undefined) this.#isKnown = false;
    this.#sizes[number] = this.size(number) + (size ?? 0);
    this.#rules[number] = this.rules(number) + 1;
  }

  /** Whether the bytes of all rules are known. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  get count(): number {
    return this.#numbers.count;
  }

  /** The number of a chain, from 0 on. */
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

  #add(chain: string): number {
    if (!isChainName(chain)) this.#isKnown = false;
    this.#sizes.push(0);
    this.#rules.push(0);
    return this.#numbers.add(chain);
  }
}
