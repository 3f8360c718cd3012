import type { IpFamily } from "../../core/index.ts";
import type { FullOptions } from "../../model/index.ts";
import { elementBatches } from "./element-messages.ts";
import { isFilledByPackets, script, tableOf } from "./statement.ts";
import type { ChainDefinition, SetDefinition, Statement, TableLoad, Written } from "./statement.ts";

/** What a table consists of when it is written anew. */
export interface WholeTable {
  readonly family: IpFamily;
  readonly name: string;
  readonly sets: readonly SetDefinition[];
  /** Those that others jump to come first. */
  readonly chains: readonly ChainDefinition[];
  /** Statements before the elements and after them, such as for chains that elements go to. */
  readonly before?: readonly Statement[];
  readonly after?: readonly Statement[];
  /** Calls back for every element, and stops now and then. */
  readonly each: (visit: (set: string, element: Written) => void) => Iterable<void>;
}

/** How everything is written. */
export interface FullWrite extends FullOptions {
  /** Whether the elements may come as bytes. */
  readonly byNetlink: boolean;
}

/** The statements that make sets and chains, and empty the sets that packets do not fill. */
export function groundStatements({ sets, chains }: Pick<WholeTable, "sets" | "chains">): readonly Statement[] {
  return [
    ...addSets(sets),
    ...sets
      .filter((set) => !isFilledByPackets(set))
      .map((set): Statement => ({ kind: "flush-set", set: set.name, isMap: set.value !== undefined })),
    ...setChains(chains),
  ];
}

/**
 * The load of a table. Elements go to chains, so these come first. What packets come in by comes last when there is no table yet: until then
 * they do not meet what is in it so far. In a table that is there the elements take effect in one go, with the rules of now.
 */
export function tableLoad({ family, name, sets, chains, before = [], after = [], each }: WholeTable): TableLoad {
  return {
    family,
    name,
    steps(isThere) {
      const early = isThere ? chains : chains.filter(({ hook }) => hook === undefined);
      const late = isThere ? [] : chains.filter(({ hook }) => hook !== undefined);
      const table = tableOf(family, name);
      return {
        before: script(table, [...addSets(sets), ...setChains(early), ...before]),
        batches: (batchBytes) => elementBatches({ family, table: name, sets, each }, { flush: isThere, batchBytes }),
        after: script(table, [...setChains(late), ...after]),
      };
    },
  };
}

function addSets(sets: readonly SetDefinition[]): readonly Statement[] {
  return [{ kind: "add-table" }, ...sets.map((set): Statement => ({ kind: "add-set", set }))];
}

function setChains(chains: readonly ChainDefinition[]): readonly Statement[] {
  return chains.map((chain): Statement => ({ kind: "set-chain", chain }));
}
