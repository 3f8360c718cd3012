import { fixedChains } from "../chain-names.ts";
import { fixedChainsOf, fixedRules, jumpRules } from "../fixed-rules.ts";
import type { PlacedRule } from "../fixed-rules.ts";
import type { FullScriptParts } from "../full-script.ts";
import { isOurs } from "../removal-script.ts";
import { tables } from "../rule.ts";
import type { Rule } from "../rule.ts";
import type { TableStep } from "../script.ts";
import { planRules } from "../service-rules.ts";
import { countByTable, noRules } from "../table-counts.ts";
import { placeChains, planChains } from "./chain-places.ts";
import { spaceOf, writeRules } from "./change-steps.ts";
import { entryLayouts } from "./entry-layout.ts";
import type { EntryLayout } from "./entry-layout.ts";
import { TableEditor } from "./table-editor.ts";
import { hookChains } from "./table-image.ts";
import { WrittenRules } from "./written-rules.ts";
import type { EditedTable, TableImage } from "./table-image.ts";

/** Services whose rules are made between two pauses: some milliseconds. */
const servicesAtOnce = 100;

/**
 * The steps that write everything into the legacy tables, over whatever is there: each table at once. `undefined` when the bytes of
 * a rule are not known.
 */
export function* fullSteps(parts: FullScriptParts): Generator<undefined, readonly TableStep[] | undefined> {
  const { family, settings, services, counted } = parts;
  const layout = entryLayouts[family];
  const written = new Map(
    tables.map((table) => [table, new WrittenRules(fixedChainsOf(table, family, settings), layout)]),
  );
  let counts = noRules;
  let seen = 0;
  for (const plans of services()) {
    for (const plan of plans) {
      const rules = planRules(plan, settings);
      counts = countByTable(rules, counts);
      for (const rule of rules) written.get(rule.table)?.add(rule);
    }
    if (++seen % servicesAtOnce === 0) yield;
  }
  for (const [table, rules] of written) {
    const fixed = fixedRules(table, family, settings);
    counts = countByTable(fixed, counts);
    for (const rule of fixed) rules.add(rule);
    if (!rules.isKnown) return undefined;
  }
  counted(counts);
  return [...written].map(([table, rules]) => ({
    table,
    edit: (image) => edit(image, rules, { layout, jumps: jumpRules(table, family, settings) }),
  }));
}

function* edit(
  image: TableImage,
  rules: WrittenRules,
  { layout, jumps }: { readonly layout: EntryLayout; readonly jumps: readonly PlacedRule[] },
): Generator<undefined, EditedTable | undefined> {
  const editor = yield* TableEditor.open(image, layout);
  if (editor === undefined) return undefined;
  const { chains } = rules;
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
  yield* rules.copyTo(placed, starts);
  return placed.edited;
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
