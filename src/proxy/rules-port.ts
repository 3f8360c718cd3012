import type { IpFamily } from "../core/index.ts";
import type { Notice } from "./engine.ts";

/** A chain of nftables. */
export interface ChainPlace {
  readonly family: IpFamily;
  readonly table: string;
  readonly chain: string;
}

/** Where scripts go: the node's network namespace. */
export interface RulesPort<S = string> {
  /**
   * Applies the script as one transaction, all or nothing; `full` says that it defines everything anew. Rejects with an
   * error whose `code` is `ENOENT` or `EEXIST` when the kernel has something else than the script expects, and `EMSGSIZE`
   * when the script is too big for one transaction.
   */
  apply(script: S, options: { readonly full: boolean }): Promise<void>;
  /**
   * Rejects like `apply` with `full`, as far as that can be told without writing anything. Absent where nothing can be told; what passes may
   * still be refused.
   */
  check?(script: S): Promise<void>;
  /** Grows by one with each transaction of anyone, by which changes of others are noticed. */
  generation?(): number;
  /** How many transactions this port has made at most; absent: one for each script. */
  transactions?(): number;
  /** How many rules such a chain has, and how many rules and elements lead to it, in one number; `undefined` when it is not there. */
  chainUse?(place: ChainPlace): number | undefined;
  /** Asked instead where there is no such number: what others did to what was written last. */
  look?(): Notice;
  close?(): void;
}
