import { isServiceChain } from "./chain-names.ts";
import type { RulePlan, RuleSettings } from "./planned-rule.ts";
import { ruleText } from "./rule-text.ts";
import type { Rule } from "./rule.ts";
import { chainLine } from "./script.ts";
import { planRules } from "./service-rules.ts";
import { addCounts, countByTable, noRules } from "./table-counts.ts";
import type { TableCounts } from "./table-counts.ts";

/** What leads from the rules of some plans to those of others. */
export interface RuleChange {
  /** Chains to define anew, with all rules that they then have. */
  readonly written: ReadonlyMap<string, readonly WrittenRule[]>;
  /** Chains that are not needed any more. */
  readonly dropped: readonly string[];
  /** Rules of shared chains, as `TABLE CHAIN RULE`. */
  readonly added: readonly SharedRule[];
  readonly deleted: readonly SharedRule[];
  /** Rules more (or, below 0, fewer) in the kernel. */
  readonly growth: TableCounts;
}

/** A rule, and how the tool is told of it. */
export interface WrittenRule {
  readonly rule: Rule;
  readonly text: string;
}

/** A rule in a chain that Services share. */
export interface SharedRule extends WrittenRule {
  readonly table: "filter" | "nat";
  readonly chain: string;
}

/** The difference between two states of one Service; work depends on that Service only. */
export function changeOf(before: readonly RulePlan[], now: readonly RulePlan[], settings: RuleSettings): RuleChange {
  const old = grouped(before, settings);
  const wanted = grouped(now, settings);
  const written = new Map<string, readonly WrittenRule[]>();
  for (const [chain, rules] of wanted.own) {
    if (!sameRules(rules, old.own.get(chain))) written.set(chain, rules);
  }
  return {
    written,
    dropped: [...old.own.keys()].filter((chain) => !wanted.own.has(chain)),
    added: without(wanted.shared, old.shared),
    deleted: without(old.shared, wanted.shared),
    growth: addCounts(wanted.counts, old.counts, -1),
  };
}

/** How many rules a change writes. */
export function writtenBy({ written, added }: RuleChange): TableCounts {
  const own = [...written.values()].reduce((sum, rules) => sum + rules.length, 0);
  return countByTable(added, { ...noRules, nat: own });
}

/** Whether the kernel has everything already. */
export function isNoChange({ written, dropped, added, deleted }: RuleChange): boolean {
  return written.size + dropped.length + added.length + deleted.length === 0;
}

/**
 * The lines that make these changes. First what refuses packets, then the redirections, and last what refused them: in
 * between, none is neither redirected nor refused.
 */
export function* changeLines(changes: readonly RuleChange[]): Iterable<string> {
  const shared = (list: "added" | "deleted", table: SharedRule["table"]) =>
    changes.flatMap((change) => change[list].filter((rule) => rule.table === table));
  yield* tableLines("filter", shared("added", "filter").reverse().map(inserted));
  yield* tableLines("nat", [
    ...changes.flatMap(({ written, dropped }) => [...written.keys(), ...dropped].map(chainLine)),
    ...shared("deleted", "nat").map(deletion),
    ...changes.flatMap(({ written }) =>
      [...written].flatMap(([chain, rules]) => rules.map(({ text }) => `-A ${chain} ${text}`)),
    ),
    // Each comes on top of the one before.
    ...shared("added", "nat").reverse().map(inserted),
    ...changes.flatMap(({ dropped }) => dropped.map((chain) => `-X ${chain}`)),
  ]);
  yield* tableLines("filter", shared("deleted", "filter").map(deletion));
}

function* tableLines(table: string, lines: readonly string[]): Iterable<string> {
  if (lines.length === 0) return;
  yield `*${table}`;
  yield* lines;
  yield "COMMIT";
}

/** On top, because the last rules of some chains must stay the last. */
function inserted({ chain, text }: SharedRule): string {
  return `-I ${chain} 1 ${text}`;
}

function deletion({ chain, text }: SharedRule): string {
  return `-D ${chain} ${text}`;
}

interface Grouped {
  readonly own: ReadonlyMap<string, readonly WrittenRule[]>;
  readonly shared: readonly SharedRule[];
  readonly counts: TableCounts;
}

function grouped(plans: readonly RulePlan[], settings: RuleSettings): Grouped {
  const own = new Map<string, WrittenRule[]>();
  const shared: SharedRule[] = [];
  let counts = noRules;
  for (const plan of plans) {
    const planned = planRules(plan, settings);
    counts = countByTable(planned, counts);
    for (const { table, chain, rule } of planned) {
      const text = ruleText(rule);
      if (table === "mangle" || !isServiceChain(chain)) {
        if (table !== "mangle") shared.push({ table, chain, rule, text });
        continue;
      }
      const rules = own.get(chain) ?? [];
      rules.push({ rule, text });
      own.set(chain, rules);
    }
  }
  return { own, shared, counts };
}

function sameRules(a: readonly WrittenRule[], b: readonly WrittenRule[] | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every(({ text }, i) => text === b[i]?.text);
}

/** The rules of `all` that are not in `others`; one that is there twice counts twice. */
function without(all: readonly SharedRule[], others: readonly SharedRule[]): readonly SharedRule[] {
  const counts = new Map<string, number>();
  for (const rule of others) counts.set(keyOf(rule), (counts.get(keyOf(rule)) ?? 0) + 1);
  return all.filter((rule) => {
    const count = counts.get(keyOf(rule)) ?? 0;
    counts.set(keyOf(rule), count - 1);
    return count <= 0;
  });
}

function keyOf({ table, chain, text }: SharedRule): string {
  return `${table} ${chain} ${text}`;
}
