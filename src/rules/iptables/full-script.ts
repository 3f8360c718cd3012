import type { IpFamily } from "../../core/index.ts";
import { fixedChains, isServiceChain } from "./chain-names.ts";
import { fixedChainsOf, fixedRules, jumpRules } from "./fixed-rules.ts";
import { parseRule } from "./parse-rule.ts";
import type { PlannedRule, RulePlan, RuleSettings } from "./planned-rule.ts";
import { isBuiltIn, isOurs, jumpTarget, serviceChainRuns } from "./removal-script.ts";
import { ruleIdentity, ruleText } from "./rule-text.ts";
import { tables } from "./rule.ts";
import type { Rule, Table } from "./rule.ts";
import { chainLine, inPieces } from "./script.ts";
import type { RulesOutline, RunLimits } from "./script.ts";
import { planRules } from "./service-rules.ts";
import { countByTable, noRules } from "./table-counts.ts";
import type { TableCounts } from "./table-counts.ts";

/** What a full script is made of. */
export interface FullScriptParts {
  readonly family: IpFamily;
  readonly settings: RuleSettings;
  /** The plans of this family, Service by Service; the same at each call. */
  readonly services: () => Iterable<readonly RulePlan[]>;
  /** Is told how many rules there are when all are written. */
  readonly counted: (rules: TableCounts) => void;
}

/**
 * Everything, over whatever is there: chains of Services, in parts when there are many, and at last the chains that lead to
 * them. Chains of Services that are not wanted go; jumps from the kernel's chains are added where they are missing.
 *
 * Where nothing is yet, the list of Services grows with the parts: the tool knows the chains of its run, and looks for
 * others on the disk, as extensions, first. Nothing leads to the list before the end.
 */
export function* fullRuns(parts: FullScriptParts, there: RulesOutline, limits: RunLimits): Iterable<Iterable<string>> {
  const { family, settings, services, counted } = parts;
  const collected = new Collected();
  const isNew = there.get("nat")?.chains.includes(fixedChains.services) !== true;
  let begun = 0;
  for (const plans of services()) {
    // Lines that refer to a chain need it in the tool's memory: the parts are whole Services.
    if (collected.ownChains >= limits.chains) {
      const shared = isNew ? { define: begun === 0, rules: collected.takeShared() } : undefined;
      yield inPieces(partLines(collected.takeOwn(), family, settings, shared));
      begun++;
    }
    for (const plan of plans) collected.add(planRules(plan, settings));
  }
  const fixed = tables.flatMap((table) => fixedRules(table, family, settings));
  counted(countByTable(fixed, collected.counts));
  yield inPieces(lastRun());
  yield* serviceChainRuns("nat", staleChains("nat").filter(isServiceChain), limits);

  function* lastRun(): Iterable<string> {
    for (const table of tables) {
      yield `*${table}`;
      const stale = staleChains(table).filter((chain) => !isServiceChain(chain));
      const own = table === "nat" ? collected.takeOwn() : nothing;
      yield* chainLines(own.chains);
      for (const chain of fixedChainsOf(table, family, settings)) {
        const isBegun = table === "nat" && isNew && begun > 0 && sharedChains.has(chain);
        if (!isBegun) yield chainLine(chain);
      }
      for (const chain of stale) yield chainLine(chain);
      yield* jumpLines(table, family, settings, there);
      yield* own.rules;
      if (table === "nat") yield* collected.takeShared();
      if (table === "filter") yield* collected.filter;
      for (const { chain, rule } of fixedRules(table, family, settings)) {
        yield appended(chain, rule);
      }
      for (const chain of stale) yield `-X ${chain}`;
      yield "COMMIT";
    }
  }

  function staleChains(table: Table): readonly string[] {
    const fixed = new Set(fixedChainsOf(table, family, settings));
    const present = there.get(table)?.chains ?? [];
    // The kubelet may want KUBE-FIREWALL.
    return present.filter(
      (chain) => isOurs(chain) && !fixed.has(chain) && chain !== fixedChains.firewall && !collected.names.has(chain),
    );
  }
}

interface OwnLines {
  readonly chains: readonly string[];
  readonly rules: readonly string[];
}

const nothing: OwnLines = { chains: [], rules: [] };

/** The lines of the Services that were looked at. */
class Collected {
  readonly names = new Set<string>();
  readonly filter: string[] = [];
  counts = noRules;
  #chains: string[] = [];
  #own: string[] = [];
  #shared: string[] = [];

  /** Chains that were not taken yet. */
  get ownChains(): number {
    return this.#chains.length;
  }

  add(planned: readonly PlannedRule[]): void {
    this.counts = countByTable(planned, this.counts);
    for (const { table, chain, rule } of planned) {
      const line = appended(chain, rule);
      if (table === "filter") this.filter.push(line);
      else if (!isServiceChain(chain)) this.#shared.push(line);
      else {
        this.#own.push(line);
        if (this.names.has(chain)) continue;
        this.names.add(chain);
        this.#chains.push(chain);
      }
    }
  }

  /** The Services' own chains since the last call, which are then forgotten. */
  takeOwn(): OwnLines {
    const own = { chains: this.#chains, rules: this.#own };
    this.#chains = [];
    this.#own = [];
    return own;
  }

  /** The rules in the list of Services since the last call, which are then forgotten. */
  takeShared(): readonly string[] {
    const shared = this.#shared;
    this.#shared = [];
    return shared;
  }
}

/** Backwards by name: both variants of the tool insert each chain into a sorted list, and look from its start. */
function* chainLines(chains: readonly string[]): Iterable<string> {
  for (const chain of [...chains].sort().reverse()) yield chainLine(chain);
}

/** A part of the Services' chains with the chains that they lead to; with `shared`, also their part of the list of Services. */
function* partLines(
  own: OwnLines,
  family: IpFamily,
  settings: RuleSettings,
  shared: { readonly define: boolean; readonly rules: readonly string[] } | undefined,
): Iterable<string> {
  yield "*nat";
  yield* chainLines(own.chains);
  const marks = fixedRules("nat", family, settings).filter(({ chain }) => markChains.has(chain));
  for (const chain of new Set(marks.map(({ chain }) => chain))) yield chainLine(chain);
  if (shared?.define === true) for (const chain of sharedChains) yield chainLine(chain);
  for (const { chain, rule } of marks) yield appended(chain, rule);
  yield* own.rules;
  if (shared !== undefined) yield* shared.rules;
  yield "COMMIT";
}

const sharedChains: ReadonlySet<string> = new Set([fixedChains.services, fixedChains.nodePorts]);
const markChains: ReadonlySet<string> = new Set([fixedChains.markMasquerade, fixedChains.markOutside]);

/** Adds the jumps that are missing, above everything, and removes jumps to our chains that should not be. */
function* jumpLines(table: Table, family: IpFamily, settings: RuleSettings, there: RulesOutline): Iterable<string> {
  const wanted = jumpRules(table, family, settings);
  const missing = new Map(wanted.map(({ chain, rule }) => [`${chain} ${ruleIdentity(rule)}`, { chain, rule }]));
  for (const line of there.get(table)?.references ?? []) {
    if (!isBuiltIn(line)) continue;
    const chain = line.split(" ", 2)[1] ?? "";
    const rule = parseRule(line.slice(`-A ${chain} `.length));
    const isWanted = rule !== undefined && missing.delete(`${chain} ${ruleIdentity(rule)}`);
    const to = jumpTarget(line);
    if (!isWanted && isOurs(to) && to !== fixedChains.firewall) yield `-D${line.slice(2)}`;
  }
  for (const { chain, rule } of [...missing.values()].reverse()) yield `-I ${chain} 1 ${ruleText(rule)}`;
}

function appended(chain: string, rule: Rule): string {
  return `-A ${chain} ${ruleText(rule)}`;
}
