import type { IpFamily } from "../../../src/core/index.ts";
import { nodeNetwork } from "../../../src/model/index.ts";
import type { NodeNetwork, ServicePlan } from "../../../src/model/index.ts";
import { IptablesBook, parseRule } from "../../../src/rules/iptables/index.ts";
import type { FamilyScript, SavedRule, SavedTable, Table } from "../../../src/rules/iptables/index.ts";
import { iptablesRules } from "../../../src/sim/index.ts";
import type { RulesOf } from "./sim-judge.ts";

/** The iptables engine's rules, for the walker: what `iptables-restore` would make of its scripts. */
export const iptablesRulesOf: RulesOf = (plans, network) => ({
  rules: new Map([...writtenTables(plans, network)].map(([family, tables]) => [family, iptablesRules(tables)])),
});

/** The tables of each family that the iptables engine writes for these plans. */
export function writtenTables(
  plans: ReadonlyMap<string, readonly ServicePlan[]>,
  network: NodeNetwork,
): ReadonlyMap<IpFamily, ReadonlyMap<Table, SavedTable>> {
  const book = new IptablesBook();
  book.setNetwork(nodeNetwork(network));
  for (const [service, list] of plans) book.want(service, list);
  return new Map(book.full().script.families.map((script) => [script.family, restored(script)]));
}

/** The tables after all runs of a script, in a kernel that has none. */
function restored(script: FamilyScript): ReadonlyMap<Table, SavedTable> {
  const tables = new Map<Table, Map<string, SavedRule[]>>();
  for (const run of script.runs(new Map(), { chains: Number.MAX_SAFE_INTEGER })) {
    let chains = new Map<string, SavedRule[]>();
    for (const line of [...run].join("").split("\n")) {
      const [word = "", name = "", ...rest] = line.split(" ");
      if (word.startsWith("*")) {
        const table = word.slice(1) as Table;
        chains = tables.get(table) ?? new Map<string, SavedRule[]>();
        tables.set(table, chains);
      } else if (word.startsWith(":")) chains.set(word.slice(1), []);
      else if (word === "-X") chains.delete(name);
      else if (word === "-A" || word === "-I") {
        const own = chains.get(name) ?? [];
        chains.set(name, own);
        if (word === "-A") own.push(ruleOf(rest));
        else own.unshift(ruleOf(rest.slice(rest[0] === "1" ? 1 : 0)));
      }
    }
  }
  return tables;
}

function ruleOf(words: readonly string[]): SavedRule {
  const text = words.join(" ");
  const rule = parseRule(text);
  return rule === undefined ? { text } : { text, rule };
}
