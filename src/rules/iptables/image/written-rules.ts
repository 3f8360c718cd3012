import type { Rule } from "../rule.ts";
import { extensionHead, standardTargetSize } from "./entry-layout.ts";
import type { EntryLayout } from "./entry-layout.ts";
import { ruleSize, writeRule } from "./rule-bytes.ts";
import { WantedChains } from "./wanted-chains.ts";

/** Bytes of one piece of memory; many times as long as a rule, and no piece is moved when another one comes. */
const pieceSize = 1 << 20;
/** Rules to copy between two pauses: some milliseconds. */
const rulesAtOnce = 1 << 13;

/** In the place of a chain's number: the rule leads nowhere, or only on to the next rule. */
const leadsNowhere = -1;
const leadsOn = -2;

/** Where the entry of a rule is, and what is still to be written into it. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Of each rule: the number of its chain, that of the chain that it leads to, and its length in bytes. */
  readonly chains: number[];
  readonly targets: number[];
  readonly sizes: number[];
}

/**
 * The entries of rules in the order in which somebody makes them, until all are known and each has its place in the table. Making and
 * writing them once costs less time than making them twice, to see how long they are first.
 */
export class WrittenRules {
  readonly chains: WantedChains;
  readonly #layout: EntryLayout;
  readonly #pieces: Piece[] = [];
  #used = pieceSize;
  #isKnown = true;
  #lastChain = "";
  #lastNumber = -1;

  /** These chains are wanted with or without rules. */
  constructor(chains: readonly string[], layout: EntryLayout) {
    this.chains = new WantedChains(chains, layout);
    this.#layout = layout;
  }

  /** Whether the bytes of all rules are known, and every chain that they lead to. */
  get isKnown(): boolean {
    return this.#isKnown && this.chains.isComplete;
  }

  /** Writes a rule; it comes behind those that its chain has already. */
  add({ chain, rule }: { readonly chain: string; readonly rule: Rule }): void {
    const size = ruleSize(rule, this.#layout);
    if (size === undefined || size > pieceSize) {
      this.#isKnown = false;
      return;
    }
    if (chain !== this.#lastChain) this.#lastNumber = this.chains.define(chain);
    this.#lastChain = chain;
    this.chains.addRule(this.#lastNumber, size);
    const piece = this.#pieceFor(size);
    writeRule(piece.view, piece.bytes, this.#used, rule, { layout: this.#layout, size, jumpTo: 0 });
    this.#used += size;
    const { target } = rule;
    const leadsTo = target?.kind === "jump" ? this.chains.refer(target.chain) : leadsNowhere;
    piece.chains.push(this.#lastNumber);
    piece.targets.push(target === undefined ? leadsOn : leadsTo);
    piece.sizes.push(size);
  }

  /** Copies all rules to their places; `starts` has where the first rule of each chain belongs, by its number. */
  *copyTo(
    { view, bytes }: { readonly view: DataView; readonly bytes: Uint8Array },
    starts: Float64Array,
  ): Generator<undefined, void> {
    const next = Float64Array.from(starts);
    let copied = 0;
    for (const piece of this.#pieces) {
      let from = 0;
      for (const [i, chain] of piece.chains.entries()) {
        if (++copied % rulesAtOnce === 0) yield;
        const size = piece.sizes[i] ?? 0;
        const at = next[chain] ?? 0;
        const end = at + size;
        bytes.set(piece.bytes.subarray(from, from + size), at);
        const target = piece.targets[i] ?? leadsNowhere;
        if (target !== leadsNowhere) {
          const to = target === leadsOn ? end : (starts[target] ?? 0);
          view.setInt32(end - standardTargetSize + extensionHead, to, true);
        }
        next[chain] = end;
        from += size;
      }
    }
  }

  #pieceFor(size: number): Piece {
    const last = this.#pieces.at(-1);
    if (last !== undefined && this.#used + size <= pieceSize) return last;
    const bytes = new Uint8Array(pieceSize);
    const piece = { bytes, view: new DataView(bytes.buffer), chains: [], targets: [], sizes: [] };
    this.#pieces.push(piece);
    this.#used = 0;
    return piece;
  }
}
