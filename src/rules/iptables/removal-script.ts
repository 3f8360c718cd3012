import { fixedChains, isServiceChain } from "./chain-names.ts";
import { chainLine } from "./script.ts";
import type { RulesOutline } from "./script.ts";

/** The kernel's own chains. */
const builtInChain = /^-A (?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) /;
const kubeletCanary = "KUBE-KUBELET-CANARY";
const fixedNames: ReadonlySet<string> = new Set(Object.values(fixedChains));

/** Whether a chain is one that this engine or kube-proxy makes. */
export function isOurs(chain: string): boolean {
  return fixedNames.has(chain) || isServiceChain(chain);
}

/** The chain that a listed rule leads to; empty for rules that lead nowhere. */
export function jumpTarget(rule: string): string {
  return / -[jg] (\S+)/.exec(rule)?.[1] ?? "";
}

/** Whether a listed rule is in one of the kernel's own chains. */
export function isBuiltIn(rule: string): boolean {
  return builtInChain.test(rule);
}

/**
 * Lines that take away everything of ours. Chains stay that rules of others lead to, and `KUBE-FIREWALL` beside a kubelet,
 * which has the same.
 */
export function* removalLines(there: RulesOutline): Iterable<string> {
  const hasKubelet = [...there.values()].some(({ chains }) => chains.includes(kubeletCanary));
  for (const [table, { chains, references }] of there) {
    const used = new Set(references.filter((rule) => !isBuiltIn(rule)).map(jumpTarget));
    const gone = chains.filter(
      (chain) => isOurs(chain) && !used.has(chain) && !(hasKubelet && chain === fixedChains.firewall),
    );
    if (gone.length === 0) continue;
    const names = new Set(gone);
    yield `*${table}`;
    // Named so, a chain is emptied: then nothing leads to any other one.
    for (const chain of gone) yield chainLine(chain);
    for (const rule of references) {
      if (isBuiltIn(rule) && names.has(jumpTarget(rule))) yield `-D${rule.slice(2)}`;
    }
    for (const chain of gone) yield `-X ${chain}`;
    yield "COMMIT";
  }
}
