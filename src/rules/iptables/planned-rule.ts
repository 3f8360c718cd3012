import type { Endpoint, NodeNetwork, ServicePlan } from "../../model/index.ts";
import type { Rule, Table } from "./rule.ts";

/** What the rules need of an endpoint. */
export type RuleEndpoint = Pick<Endpoint, "ip" | "port" | "weight">;

/** What the rules need of a plan. */
export interface RulePlan extends Omit<ServicePlan, "cluster" | "local" | "onNode" | "serving"> {
  readonly cluster: readonly RuleEndpoint[];
  readonly local: readonly RuleEndpoint[];
}

/** The plan without what the rules do not need: it is kept as long as they are. */
export function withoutRest({ onNode: _onNode, serving: _serving, ...plan }: ServicePlan): RulePlan {
  return { ...plan, cluster: plan.cluster.map(addressOf), local: plan.local.map(addressOf) };
}

function addressOf({ ip, port, weight }: Endpoint): RuleEndpoint {
  return weight === undefined ? { ip, port } : { ip, port, weight };
}

/** What a rule of a Service is for; `explain.ts` has a sentence for each. */
export type Reason =
  | "cluster-ip"
  | "external-ip"
  | "load-balancer-ip"
  | "node-port"
  | "localhost-node-port"
  | "refuse"
  | "drop"
  | "outside-source-ranges"
  | "health-check"
  | "masquerade-all"
  | "masquerade-outside"
  | "masquerade-external"
  | "pod-short-circuit"
  | "masquerade-host"
  | "host-short-circuit"
  | "external-policy"
  | "source-range"
  | "no-source-range"
  | "recall"
  | "pick"
  | "hairpin"
  | "endpoint";

/** A rule, where it belongs and why it is there. */
export interface PlannedRule {
  readonly table: Table;
  readonly chain: string;
  readonly rule: Rule;
  readonly reason: Reason;
}

/** What the rules of all Services depend on. */
export interface RuleSettings {
  readonly network: NodeNetwork;
  /** Leaves comments out of the chains of Services: with many endpoints they are 40 % of what the kernel copies. */
  readonly brief: boolean;
  /** Connection tracking takes packets outside of its window as they come (nf_conntrack_tcp_be_liberal): none is dropped. */
  readonly tcpBeLiberal: boolean;
}
