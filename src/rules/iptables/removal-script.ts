import { fixedChains, isServiceChain } from "./chain-names.ts";
import { chainLine, inPieces } from "./script.ts";
import type { RulesOutline, RunLimits } from "./script.ts";

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
 * Texts that take away everything of ours, first what leads to the Services, then the Services in parts. Chains stay that
 * rules of others lead to, and `KUBE-FIREWALL` beside a kubelet, which has the same.
 */
export function* removalRuns(there: RulesOutline, limits: RunLimits): Iterable<Iterable<string>> {
  const hasKubelet = [...there.values()].some(({ chains }) => chains.includes(kubeletCanary));
  const tables = [...there].map(([table, { chains, references }]) => {
    const used = new Set(references.filter((rule) => !isBuiltIn(rule)).map(jumpTarget));
    const isGone = (chain: string): boolean =>
      isOurs(chain) && !used.has(chain) && !(hasKubelet && chain === fixedChains.firewall);
    const gone = chains.filter(isGone);
    const jumps = references.filter((rule) => isBuiltIn(rule) && isGone(jumpTarget(rule)));
    return { table, gone, jumps };
  });
  // The canary is the last: it says that there is something to remove, should this be interrupted.
  const entries = tables.map(({ table, gone, jumps }) => [
    ...gone.filter((chain) => !isServiceChain(chain)).map(chainLine),
    ...jumps.map((rule) => `-D${rule.slice(2)}`),
    ...gone.filter((chain) => isEntry(chain)).map((chain) => `-X ${chain}`),
    table,
  ]);
  yield inPieces(entries.flatMap((lines) => tableLines(lines.at(-1) ?? "", lines.slice(0, -1))));
  for (const { table, gone } of tables) yield* serviceChainRuns(table, gone.filter(isServiceChain), limits);
  yield inPieces(
    tables.flatMap(({ table, gone }) =>
      tableLines(
        table,
        gone.filter((chain) => !isServiceChain(chain) && !isEntry(chain)).map((chain) => `-X ${chain}`),
      ),
    ),
  );
}

/** Texts that take these chains of Services away, which nothing else leads to any more. */
export function* serviceChainRuns(
  table: string,
  chains: readonly string[],
  limits: RunLimits,
): Iterable<Iterable<string>> {
  const services = [...chains].sort((a, b) => depthOf(a) - depthOf(b));
  for (let from = 0; from < services.length; from += limits.chains) {
    const part = services.slice(from, from + limits.chains);
    // Named so, a chain is emptied. Only chains of a smaller depth lead to one, and those are gone.
    yield inPieces(tableLines(table, [...part.map(chainLine), ...part.map((chain) => `-X ${chain}`)]));
  }
}

function tableLines(table: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`*${table}`, ...lines, "COMMIT"];
}

/** Whether no chain of a Service leads to this one, so that it can go before them. */
function isEntry(chain: string): boolean {
  return (
    !isServiceChain(chain) &&
    chain !== fixedChains.markMasquerade &&
    chain !== fixedChains.markOutside &&
    chain !== fixedChains.canary
  );
}

const depths = ["KUBE-FW-", "KUBE-XLB-", "KUBE-EXT-", "KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-"];

/** How far inside a chain is: it leads only to deeper ones. */
function depthOf(chain: string): number {
  return depths.findIndex((prefix) => chain.startsWith(prefix));
}
