import type { Ip } from "../core/index.ts";
import type { ExplainedRule, NodeNetwork, Scheduler, ServicePlan } from "../model/index.ts";
import { serviceRules as iptablesRules, shortcomings as iptablesShortcomings } from "../rules/iptables/index.ts";
import { serviceRules as ipvsRules, shortcomings as ipvsShortcomings } from "../rules/ipvs/index.ts";
import { serviceRules as nftablesRules, shortcomings as nftablesShortcomings } from "../rules/nftables/index.ts";
import { serviceRules as userspaceRules, shortcomings as userspaceShortcomings } from "../rules/userspace/index.ts";
import type { ProxyMode } from "./engine.ts";

/** A mode that has an engine. */
export type EngineMode = Exclude<ProxyMode, "ebpf">;

/** What of a node the rules depend on. */
export interface ServiceRulesContext {
  readonly network: NodeNetwork;
  readonly nodeAddresses: readonly Ip[];
  /** Of the node, for Services that name none. */
  readonly scheduler?: Scheduler;
}

/** What a mode writes for one Service, in the order in which packets meet it; from plans alone, without a kernel. */
export function serviceRules(
  mode: EngineMode,
  plans: readonly ServicePlan[],
  { network, nodeAddresses, scheduler }: ServiceRulesContext,
): readonly ExplainedRule[] {
  switch (mode) {
    case "nftables":
      return nftablesRules(plans, network);
    case "iptables":
      return iptablesRules(plans, network);
    case "ipvs":
      return ipvsRules(plans, network, { nodeAddresses, scheduler: ipvsScheduler(scheduler) });
    case "userspace":
      return userspaceRules(plans, network);
  }
}

/** What of a plan a mode cannot do, and what it does instead; a sentence each. */
export function modeShortcomings(
  mode: EngineMode,
  plan: ServicePlan,
  { scheduler }: ServiceRulesContext,
): readonly string[] {
  switch (mode) {
    case "nftables":
      return nftablesShortcomings(plan);
    case "iptables":
      return iptablesShortcomings(plan);
    case "ipvs":
      return ipvsShortcomings(plan, ipvsScheduler(scheduler));
    case "userspace":
      return userspaceShortcomings(plan);
  }
}

function ipvsScheduler(scheduler: Scheduler | undefined): Exclude<Scheduler, "random"> {
  return scheduler === undefined || scheduler === "random" ? "rr" : scheduler;
}
