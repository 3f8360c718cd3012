import type { ExplainedRule, NodeNetwork, ServicePlan } from "../../model/index.ts";
import type { Endpoint } from "../../model/index.ts";
import { elementCommand, familyWords, tableOf } from "../nft/index.ts";
import { planElements } from "./plan-elements.ts";
import type { ServiceElement } from "./plan-elements.ts";
import { tableName } from "./table-name.ts";

/**
 * What the userspace mode does for one Service: the elements of its table as nft commands, and, as comments, what the relay
 * does with the clients that they send to it.
 */
export function serviceRules(plans: readonly ServicePlan[], _network: NodeNetwork): readonly ExplainedRule[] {
  const seen = new Set<string>();
  return plans.flatMap((plan) => [
    ...planElements(plan).flatMap((element) => {
      const text = elementCommand(tableOf(plan.family, tableName), element);
      if (seen.has(text)) return [];
      seen.add(text);
      return [{ text, meaning: meaningOf(plan, element) }];
    }),
    ...relayRules(plan),
  ]);
}

function meaningOf(plan: ServicePlan, { set, key, value }: ServiceElement): string {
  const to = key.startsWith(`${familyWords(plan.family).anyAddress} .`)
    ? `Node port ${plan.nodePort ?? 0}`
    : `${key.split(" ", 1)[0]} port ${plan.port}`;
  switch (set) {
    case "cluster-ips":
      return `Other ports of ${key} are refused.`;
    case "guarded":
      return `${to} is for its source ranges only; others are dropped.`;
    case "source-ranges":
      return `${key.split(" . ")[1]} may use ${to}.`;
    case "no-endpoints":
      if (plan.protocol === "SCTP") return `${to}: refused, because the relay has no SCTP sockets.`;
      return value === "drop"
        ? `${to}: dropped, because policy Local finds no endpoint on this node.`
        : `${to}: refused, because there is no endpoint.`;
    case "services":
      return `${to}: ${servicesMeanings[value ?? ""] ?? ""}`;
  }
}

const servicesMeanings: Readonly<Record<string, string>> = {
  "goto relay": "redirected to the relay's listener for all endpoints.",
  "goto relay-local": "redirected to the relay's listener for the endpoints of this node.",
  "goto local-policy":
    "redirected to the relay: the node's own pods and processes to all endpoints, everybody else to those of this node.",
  "goto own-only":
    "the node's own pods and processes are redirected to the relay; for everybody else there is no endpoint here.",
};

function relayRules(plan: ServicePlan): readonly ExplainedRule[] {
  const { protocol, scheduler, affinitySeconds, cluster, local } = plan;
  if (protocol === "SCTP") return [];
  const sticky =
    affinitySeconds === undefined
      ? ""
      : ` A client stays with its endpoint for ${affinitySeconds} s after its last connection.`;
  const retry =
    protocol === "TCP"
      ? " When it does not answer within 250 ms, the next one is tried (0.5 s, 1 s, 2 s)."
      : " When its port is closed, the next one gets the datagram.";
  const how = scheduler ?? (affinitySeconds === undefined ? "wrr" : "mh");
  const line = (list: string, endpoints: readonly Endpoint[]): readonly ExplainedRule[] =>
    endpoints.length === 0
      ? []
      : [
          {
            text: `# relay ${list}: ${how} ${endpoints.map(endpointText).join(" ")}`,
            meaning: `The relay picks one by ${how} and connects to it from the node's address.${retry}${sticky}`,
          },
        ];
  return [...line("all", cluster), ...line("local", local)];
}

function endpointText({ ip, port, weight = 1 }: Endpoint): string {
  const place = ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
  return weight === 1 ? place : `${place}*${weight}`;
}
