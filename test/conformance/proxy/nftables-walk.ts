import { RuleSet } from "../../../src/rules/nftables/index.ts";
import { nftablesRules } from "../../../src/sim/index.ts";
import type { RulesOf } from "./sim-judge.ts";

/** The nftables engine's rules, for the walker. */
export const nftablesRulesOf: RulesOf = (plans, network) => {
  const book = new RuleSet(network);
  for (const [service, list] of plans) book.want(service, list);
  return { rules: new Map([...book.tables()].map(([family, table]) => [family, nftablesRules(table)])) };
};
