import type { ExplainedRule, NodeNetwork, ServicePlan } from "../../model/index.ts";
import { planRules } from "./service-rules.ts";
import type { PlannedRule } from "./planned-rule.ts";
import { ruleText } from "./rule-text.ts";
import type { Match } from "./rule.ts";

/** The rules of one Service, in the order in which packets meet them, from its plans alone. */
export function serviceRules(plans: readonly ServicePlan[], network: NodeNetwork): readonly ExplainedRule[] {
  const settings = { network, brief: false, tcpBeLiberal: false };
  return plans.flatMap((plan) =>
    planRules(plan, settings).map((planned) => ({
      text: `${plan.family === "IPv4" ? "iptables" : "ip6tables"} -t ${planned.table} -A ${planned.chain} ${ruleText(planned.rule)}`,
      meaning: meaningOf(planned, plan),
    })),
  );
}

function meaningOf({ reason, rule, chain }: PlannedRule, plan: ServicePlan): string {
  const to = rule.target?.kind === "jump" ? rule.target.chain : "";
  switch (reason) {
    case "cluster-ip":
      return `Connections to the cluster IP go to ${to}.`;
    case "external-ip":
      return `Connections to this external IP go to ${to}.`;
    case "load-balancer-ip":
      return plan.sourceRanges === undefined
        ? `Connections to this LoadBalancer address go to ${to}.`
        : `Connections to this LoadBalancer address go to ${to}, which looks at the source first.`;
    case "node-port":
      return `Connections to this port on an address of the node go to ${to}.`;
    case "localhost-node-port":
      return "The same on 127.0.0.1, apart so that its counter tells how often it is used.";
    case "refuse":
      return "No endpoint anywhere: the client is refused at once.";
    case "drop":
      return "The traffic policy is Local and this node has no endpoint: nothing answers, so that load balancers look elsewhere.";
    case "outside-source-ranges":
      return "Still has the LoadBalancer address, so its source is in no permitted range: dropped.";
    case "health-check":
      return "Load balancers may ask for the Service's health on this node.";
    case "masquerade-all":
      return "Everything that goes to a cluster IP gets the node's address as its source (masqueradeAll).";
    case "masquerade-outside":
      return "A source that is no local pod gets the node's address, so that the answer comes back this way.";
    case "masquerade-external":
      return "External policy Cluster: the endpoint may be on another node, so the source becomes the node's address.";
    case "pod-short-circuit":
      return "Local pods reach all endpoints in spite of external policy Local.";
    case "masquerade-host":
      return "Processes of the node get the node's address as their source.";
    case "host-short-circuit":
      return "They reach all endpoints, too.";
    case "external-policy":
      return plan.externalTrafficPolicy === "Local"
        ? "Everybody else gets an endpoint on this node and keeps the source address."
        : "Then as for the cluster IP.";
    case "source-range":
      return "This source may use the LoadBalancer address.";
    case "no-source-range":
      return "Any other source is not redirected; KUBE-PROXY-FIREWALL drops it.";
    case "recall":
      return `A client that was sent to this endpoint in the last ${plan.affinitySeconds} s goes there again.`;
    case "pick":
      return pickMeaning(rule.matches, chain);
    case "hairpin":
      return "The endpoint calls itself: with another source, or it would answer itself directly.";
    case "endpoint":
      return plan.affinitySeconds === undefined
        ? "Sends to the endpoint."
        : "Notes the client for its next connections, and sends to the endpoint.";
  }
}

function pickMeaning(matches: readonly Match[], chain: string): string {
  for (const match of matches) {
    if (match.kind === "random") return `By chance ${percent(match.probability)} of the connections that come so far.`;
    if (match.kind === "every") return `In turn: one of ${match.packets} connections that come so far.`;
  }
  return `All others that ${chain} still has.`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
