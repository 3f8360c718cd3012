import type { IpFamily } from "../../core/index.ts";
import type { ChainDefinition, Statement } from "../nft/index.ts";
import { recallChain, shapeChain } from "./shape.ts";
import type { Shape } from "./shape.ts";

/** A chain that nothing goes to any more is deleted this many transactions later: numbers of endpoints come back soon. */
const graceTransactions = 32;

/** Knows which chains of shapes the kernel has, and how many elements go to each. */
export class ChainLedger {
  readonly #family: IpFamily;
  readonly #shapes = new Map<string, Shape>();
  /** Chains of the kernel, with the number of elements that go there. */
  #present: ReadonlyMap<string, number> = new Map();
  #recalls: ReadonlySet<string> = new Set();
  readonly #idleSince = new Map<string, number>();
  #transactions = 0;

  constructor(family: IpFamily) {
    this.#family = family;
  }

  /** Takes note of a shape that elements may go to. */
  know(name: string, shape: Shape): void {
    if (!this.#shapes.has(name)) this.#shapes.set(name, shape);
  }

  /**
   * The chains to make before elements change so, and those to delete after. Call `commit` when the kernel has taken them.
   * Chains that are no shapes are not looked at.
   */
  change(counts: ReadonlyMap<string, number>, masqueradeBit: number) {
    const next = new Map(this.#present);
    const fresh: string[] = [];
    for (const [name, count] of counts) {
      if (!this.#shapes.has(name)) continue;
      if (!next.has(name)) fresh.push(name);
      next.set(name, (next.get(name) ?? 0) + count);
    }
    const stale = this.#stale(next);
    for (const name of stale) next.delete(name);
    const recalls = this.#recallsOf(next.keys());
    const chains = this.#definitions(fresh, masqueradeBit).filter(({ name }) => !this.#recalls.has(name));
    const gone = [...stale, ...[...this.#recalls].filter((name) => !recalls.has(name))];
    return {
      before: setChains(chains),
      after: gone.map((chain): Statement => ({ kind: "delete-chain", chain })),
      commit: () => this.#commit(next, recalls),
    };
  }

  /** The same for a table that is written anew: `counts` are all elements. Chains that nothing went to are deleted. */
  replace(counts: ReadonlyMap<string, number>, masqueradeBit: number) {
    const next = new Map([...counts].filter(([name]) => this.#shapes.has(name)));
    // What is in use until this transaction goes with a later one.
    const leaving = [...this.#present].filter(([name]) => !next.has(name));
    for (const [name, count] of leaving) if (count > 0) next.set(name, 0);
    const idle = leaving.filter(([, count]) => count <= 0).map(([name]) => name);
    return {
      before: setChains(this.#definitions(next.keys(), masqueradeBit)),
      after: idle.map((chain): Statement => ({ kind: "delete-chain", chain })),
      commit: () => this.#commit(next, this.#recallsOf(next.keys())),
    };
  }

  /** The chains of shapes that the kernel has. */
  names(): Iterable<string> {
    return this.#present.keys();
  }

  /** Takes note that the kernel has none of them. */
  forget(): void {
    this.#present = new Map();
    this.#recalls = new Set();
    this.#idleSince.clear();
  }

  #stale(counts: ReadonlyMap<string, number>): readonly string[] {
    const stale: string[] = [];
    for (const [name, since] of this.#idleSince) {
      if (counts.get(name) === 0 && this.#transactions - since >= graceTransactions) stale.push(name);
    }
    return stale;
  }

  #commit(next: ReadonlyMap<string, number>, recalls: ReadonlySet<string>): void {
    this.#transactions++;
    this.#present = next;
    this.#recalls = recalls;
    for (const name of this.#idleSince.keys()) if (next.get(name) !== 0) this.#idleSince.delete(name);
    for (const [name, count] of next) {
      if (count === 0 && !this.#idleSince.has(name)) this.#idleSince.set(name, this.#transactions);
    }
  }

  /** The chains of these shapes, and before them those that they jump to. */
  #definitions(names: Iterable<string>, masqueradeBit: number): readonly ChainDefinition[] {
    const chains = new Map<string, ChainDefinition>();
    for (const name of names) {
      const shape = this.#shapes.get(name);
      if (shape === undefined) continue;
      const recall = recallChain(this.#family, shape);
      if (recall !== undefined) chains.set(recall.name, recall);
      chains.set(name, shapeChain(this.#family, shape, masqueradeBit));
    }
    return [...chains.values()];
  }

  #recallsOf(names: Iterable<string>): ReadonlySet<string> {
    const recalls = new Set<string>();
    for (const name of names) {
      const shape = this.#shapes.get(name);
      const recall = shape === undefined ? undefined : recallChain(this.#family, shape);
      if (recall !== undefined) recalls.add(recall.name);
    }
    return recalls;
  }
}

function setChains(chains: readonly ChainDefinition[]): readonly Statement[] {
  return chains.map((chain) => ({ kind: "set-chain", chain }));
}
