import type { IpFamily } from "../../../core/index.ts";
import type { RuleChange, SharedRule } from "../change-script.ts";
import type { Rule, Table } from "../rule.ts";
import type { TableStep } from "../script.ts";
import { entryLayouts } from "./entry-layout.ts";
import type { EntryLayout } from "./entry-layout.ts";
import {
  chainFootSize,
  chainHeadSize,
  isChainName,
  ruleSize,
  writeChainFoot,
  writeChainHead,
  writeRule,
} from "./rule-bytes.ts";
import { TableEditor } from "./table-editor.ts";
import type { PlacedTable, RuleSpace } from "./table-editor.ts";
import type { EditedTable, TableImage } from "./table-image.ts";

/** What changes in one table. */
interface TableChange {
  readonly table: Table;
  readonly written: readonly (readonly [chain: string, rules: readonly Rule[]])[];
  readonly dropped: readonly string[];
  /** The first is to be on top. */
  readonly added: readonly SharedRule[];
  readonly deleted: readonly SharedRule[];
}

/**
 * The steps that make these changes in the legacy tables, in the same order as `changeLines`. `undefined` when the bytes of a
 * rule are not known.
 */
export function changeSteps(changes: readonly RuleChange[], family: IpFamily): readonly TableStep[] | undefined {
  const layout = entryLayouts[family];
  const shared = (list: "added" | "deleted", table: Table) =>
    changes.flatMap((change) => change[list].filter((rule) => rule.table === table));
  const nothing = { written: [], dropped: [], added: [], deleted: [] };
  const all: readonly TableChange[] = [
    { ...nothing, table: "filter", added: shared("added", "filter") },
    {
      table: "nat",
      written: changes.flatMap(({ written }) =>
        [...written].map(([chain, rules]) => [chain, rules.map(({ rule }) => rule)] as const),
      ),
      dropped: changes.flatMap(({ dropped }) => dropped),
      added: shared("added", "nat"),
      deleted: shared("deleted", "nat"),
    },
    { ...nothing, table: "filter", deleted: shared("deleted", "filter") },
  ];
  const wanted = all.filter(
    ({ written, dropped, added, deleted }) => written.length + dropped.length + added.length + deleted.length > 0,
  );
  const isKnown = wanted.every(
    (change) =>
      change.written.every(([chain]) => isChainName(chain)) &&
      rulesIn(change).every((rule) => ruleSize(rule, layout) !== undefined),
  );
  if (!isKnown) return undefined;
  return wanted.map((change) => ({ table: change.table, edit: (image) => edit(image, change, layout) }));
}

function rulesIn({ written, added, deleted }: TableChange): readonly Rule[] {
  return [
    ...written.flatMap(([, rules]) => rules),
    ...added.map(({ rule }) => rule),
    ...deleted.map(({ rule }) => rule),
  ];
}

/** Changes a table in place; `undefined` when it is not what the change expects. */
function* edit(
  image: TableImage,
  { written, dropped, added, deleted }: TableChange,
  layout: EntryLayout,
): Generator<undefined, EditedTable | undefined> {
  const editor = yield* TableEditor.open(image, layout);
  if (editor === undefined) return undefined;
  const { chains } = editor;
  const rooms: Room[] = [];
  const ordered = written.toSorted(([a], [b]) => (a < b ? -1 : 1));
  for (const [chain, rules] of ordered) rooms.push(defined(editor, chain, rules));
  for (const chain of dropped) {
    const index = chains.find(chain);
    if (index === undefined) continue;
    const at = chains.head(index);
    editor.splice({ at, removed: chains.head(index + 1) - at, size: 0, entries: 0 });
  }
  for (const [chain, rules] of byChain(added)) {
    const at = editor.range(chain)?.first;
    if (at === undefined) return undefined;
    const { size } = spaceOf(rules, layout);
    rooms.push({ number: editor.splice({ at, removed: 0, size, entries: rules.length }), rules });
  }
  for (const { chain, rule } of deleted) if (!editor.removeRule(chain, rule)) return undefined;
  const targets = targetsOf(editor, rooms);
  const placed = targets === undefined ? undefined : yield* editor.apply();
  if (placed === undefined || targets === undefined) return undefined;
  const newChains = new Map(rooms.map(({ newChain = "", number }) => [newChain, number]));
  const jumpTo = (chain: string): number | undefined => {
    const number = newChains.get(chain);
    if (number !== undefined) return placed.gap(number) + chainHeadSize(layout);
    return placed.firstRule(targets.get(chain) ?? -1);
  };
  for (const { number, rules, newChain } of rooms) {
    const gap = placed.gap(number);
    const first = newChain === undefined ? gap : writeChainHead(placed.view, placed.bytes, gap, newChain, layout);
    const end = writeRules(placed, first, rules, { layout, jumpTo });
    if (end === undefined) return undefined;
    if (newChain !== undefined) writeChainFoot(placed.view, placed.bytes, end, layout);
  }
  return placed.edited;
}

/** A gap for rules, or with `newChain` for a whole chain. */
interface Room {
  readonly number: number;
  readonly rules: readonly Rule[];
  readonly newChain?: string;
}

/** Makes room for a chain, or for other rules in it when it is there. */
function defined(editor: TableEditor, chain: string, rules: readonly Rule[]): Room {
  const { chains, layout } = editor;
  const { size } = spaceOf(rules, layout);
  const range = editor.range(chain);
  if (range !== undefined) {
    const removed = range.end - range.first;
    return { number: editor.splice({ at: range.first, removed, size, entries: rules.length }), rules };
  }
  const whole = chainHeadSize(layout) + size + chainFootSize(layout);
  const at = chains.head(chains.search(chain));
  return { number: editor.splice({ at, removed: 0, size: whole, entries: rules.length + 2 }), rules, newChain: chain };
}

/** The numbers of the chains that rules lead to and that were there; `undefined` when one is missing. */
function targetsOf({ chains }: TableEditor, rooms: readonly Room[]): ReadonlyMap<string, number> | undefined {
  const newChains = new Set(rooms.map(({ newChain }) => newChain));
  const targets = new Map<string, number>();
  for (const { target } of rooms.flatMap(({ rules }) => rules)) {
    if (target?.kind !== "jump" || newChains.has(target.chain)) continue;
    const number = chains.find(target.chain);
    if (number === undefined) return undefined;
    targets.set(target.chain, number);
  }
  return targets;
}

function byChain(added: readonly SharedRule[]): ReadonlyMap<string, readonly Rule[]> {
  const rules = new Map<string, Rule[]>();
  for (const { chain, rule } of added) {
    const list = rules.get(chain) ?? [];
    list.push(rule);
    rules.set(chain, list);
  }
  return rules;
}

/** How much room rules take. */
export function spaceOf(rules: readonly Rule[], layout: EntryLayout): RuleSpace {
  return { size: rules.reduce((sum, rule) => sum + (ruleSize(rule, layout) ?? 0), 0), rules: rules.length };
}

/** Writes rules one behind the other, and gives back where the last one ends; `undefined` when one leads to a chain that goes. */
export function writeRules(
  { view, bytes }: PlacedTable,
  first: number,
  rules: readonly Rule[],
  { layout, jumpTo }: { readonly layout: EntryLayout; readonly jumpTo: (chain: string) => number | undefined },
): number | undefined {
  let at = first;
  for (const rule of rules) {
    const size = ruleSize(rule, layout);
    const to = rule.target?.kind === "jump" ? jumpTo(rule.target.chain) : 0;
    if (size === undefined || to === undefined) return undefined;
    writeRule(view, bytes, at, rule, { layout, size, jumpTo: to });
    at += size;
  }
  return at;
}
