import { fixedChains } from "../chain-names.ts";
import { fixedChainsOf, fixedRules, jumpRules } from "../fixed-rules.ts";
import type { PlacedRule } from "../fixed-rules.ts";
import type { FullScriptParts } from "../full-script.ts";
import { isOurs } from "../removal-script.ts";
import type { Rule, Table } from "../rule.ts";
import type { TableStep } from "../script.ts";
import { planRules } from "../service-rules.ts";
import { placeChains, planChains } from "./chain-places.ts";
import { spaceOf, writeRules } from "./change-steps.ts";
import { entryLayouts } from "./entry-layout.ts";
import type { EntryLayout } from "./entry-layout.ts";
import { ruleSize, writeRule } from "./rule-bytes.ts";
import { TableEditor } from "./table-editor.ts";
import type { PlacedTable } from "./table-editor.ts";
import { hookChains } from "./table-image.ts";
import { WantedChains } from "./wanted-chains.ts";
import type { EditedTable, TableImage } from "./table-image.ts";

/** Rules with their chains, always the same ones; `undefined` between them is an opportunity to pause. */
type RuleSource = () => Iterable<ChainRule | undefined>;

interface ChainRule {
  readonly chain: string;
  readonly rule: Rule;
}

/** What a table of ours has: how long each chain is, in the order in which the rules come. */
interface WantedTable {
  readonly table: Table;
  readonly chains: WantedChains;
  readonly rules: RuleSource;
}

/** Services whose rules are made between two pauses: some milliseconds. */
const servicesAtOnce = 100;

/**
 * The steps that write everything into the legacy tables, over whatever is there: each table at once, without a list of all
 * rules in memory. Rules are made twice, to see how long they are and to write them. `undefined` when the bytes of one are not known.
 */
export function* fullSteps(parts: FullScriptParts): Generator<undefined, readonly TableStep[] | undefined> {
  const { family, settings, services, counted } = parts;
  const layout = entryLayouts[family];
  const filter: ChainRule[] = [];
  const nat = new WantedChains(fixedChainsOf("nat", family, settings), layout);
  let count = 0;
  let seen = 0;
  for (const plans of services()) {
    for (const plan of plans) {
      for (const planned of planRules(plan, settings)) {
        count++;
        if (planned.table === "filter") filter.push(planned);
        else nat.add(planned);
      }
    }
    if (++seen % servicesAtOnce === 0) yield;
  }
  const small = (table: Table, first: readonly ChainRule[]): WantedTable => {
    const rules = [...first, ...fixedRules(table, family, settings)];
    const chains = new WantedChains(fixedChainsOf(table, family, settings), layout);
    for (const rule of rules) chains.add(rule);
    return { table, chains, rules: () => rules };
  };
  const fixedNat = fixedRules("nat", family, settings);
  for (const rule of fixedNat) nat.add(rule);
  const wanted = [
    small("mangle", []),
    small("filter", filter),
    { table: "nat", chains: nat, rules: natRules } as const,
  ];
  if (wanted.some(({ chains }) => !chains.isKnown)) return undefined;
  counted(count + wanted.reduce((sum, { table }) => sum + fixedRules(table, family, settings).length, 0));
  return wanted.map((table) => ({
    table: table.table,
    edit: (image) => edit(image, table, { layout, jumps: jumpRules(table.table, family, settings) }),
  }));

  function* natRules(): ReturnType<RuleSource> {
    let made = 0;
    for (const plans of services()) {
      for (const plan of plans) {
        for (const planned of planRules(plan, settings)) if (planned.table === "nat") yield planned;
      }
      if (++made % servicesAtOnce === 0) yield undefined;
    }
    yield* fixedNat;
  }
}

function* edit(
  image: TableImage,
  { chains, rules }: WantedTable,
  { layout, jumps }: { readonly layout: EntryLayout; readonly jumps: readonly PlacedRule[] },
): Generator<undefined, EditedTable | undefined> {
  const editor = yield* TableEditor.open(image, layout);
  if (editor === undefined) return undefined;
  const missing = missingJumps(editor, jumps);
  const tops = [...missing].map(([hook, wanted]) => {
    const { size } = spaceOf(wanted, layout);
    const at = editor.range(hook)?.first ?? 0;
    return { wanted, number: editor.splice({ at, removed: 0, size, entries: wanted.length }) };
  });
  const plan = yield* planChains(editor, chains);
  const placed = yield* editor.apply();
  if (placed === undefined) return undefined;
  const starts = yield* placeChains(placed, plan, chains);
  const jumpTo = (chain: string): number | undefined => starts[chains.number(chain) ?? -1];
  for (const { wanted, number } of tops) {
    if (writeRules(placed, placed.gap(number), wanted, { layout, jumpTo }) === undefined) return undefined;
  }
  return (yield* fillChains(placed, chains, { rules: rules(), starts })) ? placed.edited : undefined;
}

/** Removes jumps from the kernel's chains to ours that should not be, and finds those that are missing, by their chain. */
function missingJumps(editor: TableEditor, jumps: readonly PlacedRule[]): ReadonlyMap<string, readonly Rule[]> {
  const missing = new Map<string, readonly Rule[]>();
  for (const hook of hookChains) {
    const wanted = new Set(jumps.filter(({ chain }) => chain === hook).map(({ rule }) => rule));
    for (const at of editor.rulesOf(hook)) {
      const to = editor.jumpOf(at);
      if (to === undefined || !isOurs(to)) continue;
      const same = [...wanted].find((rule) => isAt(editor, at, rule));
      if (same !== undefined) wanted.delete(same);
      else if (to !== fixedChains.firewall) editor.remove(at);
    }
    if (wanted.size > 0) missing.set(hook, [...wanted]);
  }
  return missing;
}

function isAt(editor: TableEditor, at: number, rule: Rule): boolean {
  const bytes = editor.encoded(rule);
  return bytes !== undefined && editor.reader.isSame(at, bytes);
}

/** Writes all rules where there is room for them; `false` when they are not those that room was made for. */
function* fillChains(
  { view, bytes }: PlacedTable,
  chains: WantedChains,
  { rules, starts }: { readonly rules: ReturnType<RuleSource>; readonly starts: Float64Array },
): Generator<undefined, boolean> {
  const { layout } = chains;
  const next = Float64Array.from(starts);
  let number = -1;
  let last = "";
  for (const planned of rules) {
    if (planned === undefined) {
      yield;
      continue;
    }
    const { chain, rule } = planned;
    if (chain !== last) number = chains.number(chain) ?? -1;
    last = chain;
    const at = next[number];
    const size = ruleSize(rule, layout);
    const jumpTo = rule.target?.kind === "jump" ? starts[chains.number(rule.target.chain) ?? -1] : 0;
    if (at === undefined || size === undefined || jumpTo === undefined) return false;
    writeRule(view, bytes, at, rule, { layout, size, jumpTo });
    next[number] = at + size;
  }
  return next.every((end, i) => end === (starts[i] ?? 0) + chains.size(i));
}
