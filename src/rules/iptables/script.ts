import type { IpFamily } from "../../core/index.ts";
import type { EditedTable, TableImage } from "./image/table-image.ts";
import type { Table } from "./rule.ts";

/** What a table has, as far as a script must know: a list of everything would be long. */
export interface TableOutline {
  /** Names of all chains. */
  readonly chains: readonly string[];
  /** Rules (as listed, `-A CHAIN ...`) in chains not named KUBE-..., that name a chain KUBE-... */
  readonly references: readonly string[];
}

/** The tables of one family that exist, by name. */
export type RulesOutline = ReadonlyMap<string, TableOutline>;

/** How much one run may define. */
export interface RunLimits {
  /** Chains; the tool's time grows with their square. */
  readonly chains: number;
}

/** A change of one legacy table. */
export interface TableStep {
  readonly table: Table;
  /** Changes an image of the table in place, with pauses. `undefined`: the tool has to do it, or to say what is wrong. */
  edit(image: TableImage): Generator<undefined, EditedTable | undefined>;
}

/** What one family's tool is to do. */
export interface FamilyScript {
  readonly family: IpFamily;
  /** Whether `runs` depends on what is there; else it is called with an empty outline. */
  readonly needsOutline: boolean;
  /** The chains of ours that are there after a full script, and that all rules of Services hang on. */
  readonly lasting?: readonly { readonly table: Table; readonly chain: string }[];
  /**
   * Texts for `iptables-restore --noflush`, one after another, each in pieces of whole lines. Each run takes effect table by
   * table. What a later run needs is there before: until the last one nothing leads to new chains. The same call gives the
   * same text until the transaction is committed.
   */
  runs(there: RulesOutline, limits: RunLimits): Iterable<Iterable<string>>;
  /**
   * What `runs` does, as changes of the legacy tables one after another, which do not need the tool. Pauses now and then.
   * `undefined` when only the tool can do it.
   */
  steps?(): Generator<undefined, readonly TableStep[] | undefined>;
  /** Texts that take everything of this engine out of tables that have this outline; empty when there is nothing. */
  removal(there: RulesOutline, limits: RunLimits): Iterable<Iterable<string>>;
}

/** What `iptables-restore` and `ip6tables-restore` are to do. */
export interface IptablesScript {
  /** `remove` takes everything away, in both variants of iptables. */
  readonly kind: "write" | "remove";
  readonly families: readonly FamilyScript[];
}

/** Longest piece of a script, in characters. */
const pieceLength = 1 << 16;

/** Joins lines to pieces that are worth a write each. */
export function* inPieces(lines: Iterable<string>): Iterable<string> {
  let piece = "";
  for (const line of lines) {
    piece += line;
    piece += "\n";
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

/** Defines a chain, empty, whether it is there or not. */
export function chainLine(name: string): string {
  return `:${name} - [0:0]`;
}
