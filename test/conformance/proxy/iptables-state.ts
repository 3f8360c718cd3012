import { runProgram } from "../../../src/kernel/index.ts";
import { fixedChains, isServiceChain, parseSaved, ruleIdentity } from "../../../src/rules/iptables/index.ts";

/** Everything that tables of a variant have of ours in both families. */
export async function iptablesState(namespace: string, variant: "legacy" | "nft"): Promise<string> {
  const families = [];
  for (const program of ["iptables", "ip6tables"]) {
    const saved = await runProgram([`${program}-${variant}-save`], { namespace });
    families.push(...savedRules(saved).map((rule) => `${program} ${rule}`));
  }
  return families.join("\n");
}

const known: ReadonlySet<string> = new Set(Object.values(fixedChains));

/**
 * The rules that are listed in our chains, and those that lead there, sorted: the same for rules that mean the same. In the
 * chains of one Service the order counts; in those that Services share it does not.
 */
export function savedRules(text: string): readonly string[] {
  const rules: string[] = [];
  for (const [table, chains] of parseSaved(text)) {
    for (const [chain, list] of chains) {
      const isOwn = isServiceChain(chain);
      const isOurs = isOwn || known.has(chain);
      if (list.length === 0 && isOurs) rules.push(`${table} ${chain} is empty`);
      for (const [i, { text: listed, rule }] of list.entries()) {
        if (!isOurs && !listed.includes("KUBE-")) continue;
        const identity = rule === undefined ? `unknown: ${listed}` : ruleIdentity(rule);
        rules.push(`${table} ${chain} ${isOwn ? `${i} ` : ""}${identity}`);
      }
    }
  }
  return rules.sort();
}
