import { runProgram } from "../../../src/kernel/index.ts";
import { fixedChains, isServiceChain, parseSaved, ruleIdentity } from "../../../src/rules/iptables/index.ts";
import type { Rule, SavedRule, SavedTable, Table } from "../../../src/rules/iptables/index.ts";

/** Everything that tables of a variant have of ours in both families. */
export async function iptablesState(namespace: string, variant: "legacy" | "nft"): Promise<string> {
  const families = await Promise.all(
    ["iptables", "ip6tables"].map(async (program) =>
      savedRules(await runProgram([`${program}-${variant}-save`], { namespace })).map((rule) => `${program} ${rule}`),
    ),
  );
  return families.flat().join("\n");
}

const known: ReadonlySet<string> = new Set(Object.values(fixedChains));

/**
 * The rules that are listed in our chains, and those that lead there, sorted, each with its place where that has a meaning: the same for rules
 * that mean the same.
 */
export function savedRules(text: string): readonly string[] {
  return rulesIn(parseSaved(text));
}

/** The same of tables that were read. */
export function rulesIn(tables: ReadonlyMap<Table, SavedTable>): readonly string[] {
  const rules: string[] = [];
  for (const [table, chains] of tables) {
    for (const [chain, list] of chains) {
      const isOwn = isServiceChain(chain);
      const isOurs = isOwn || known.has(chain);
      if (list.length === 0 && isOurs) rules.push(`${table} ${chain} is empty`);
      const ours = isOurs ? list : list.filter((rule) => rule.text.includes("KUBE-"));
      const places = isOwn ? ours.map((_, i) => `${i}`) : sharedPlaces(ours);
      for (const [i, { text: listed, rule }] of ours.entries()) {
        const identity = rule === undefined ? `unknown: ${listed}` : ruleIdentity(rule);
        rules.push(`${table} ${chain} ${places[i] ?? ""} ${identity}`);
      }
    }
  }
  return rules.sort();
}

/**
 * The places of rules in a chain that Services share. Rules for different addresses and ports may stand in any order; those for the same ones may
 * not, and none of them may come to the other side of a rule that is no Service's, such as the one that must be the last.
 */
function sharedPlaces(rules: readonly SavedRule[]): readonly string[] {
  let passed = 0;
  const before = new Map<string, number>();
  return rules.map(({ rule }) => {
    const flow = rule === undefined ? undefined : flowOf(rule);
    if (flow === undefined) return `${passed++}`;
    const earlier = before.get(flow) ?? 0;
    before.set(flow, earlier + 1);
    return `after ${passed}, ${earlier}`;
  });
}

/** The address, protocol and port that a Service's rule is for; a range of addresses counts as all. */
function flowOf({ matches }: Rule): string | undefined {
  let address = "";
  let port: string | undefined;
  for (const match of matches) {
    if (match.kind === "destination" && !match.network.includes("/")) address = match.network;
    if (match.kind === "protocol" && match.destinationPort !== undefined)
      port = `${match.protocol} ${match.destinationPort}`;
  }
  return port === undefined ? undefined : `${address} ${port}`;
}
