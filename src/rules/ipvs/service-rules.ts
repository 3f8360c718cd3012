import type { Ip } from "../../core/index.ts";
import type { ExplainedRule, NodeNetwork, ServicePlan } from "../../model/index.ts";
import { Marks } from "./marks.ts";
import { isOnNode, planItems } from "./plan-items.ts";
import type { IpvsScheduler } from "./plan-items.ts";
import { render, toolOf } from "./render.ts";
import { diffStates, stateOf } from "./state.ts";
import type { ServerKey, SetName, Statement, VirtualServer } from "./statement.ts";

/** What the rules of a Service are explained with besides its plans. */
export interface ServiceRulesOptions {
  /** Of the node, for its node ports; without any, node ports have no virtual servers. */
  readonly nodeAddresses?: readonly Ip[];
  readonly scheduler?: IpvsScheduler;
}

/**
 * What carries out the plans of ONE Service, each line as it would be typed, in the order in which it is done, with what it is for.
 */
export function serviceRules(
  plans: readonly ServicePlan[],
  network: NodeNetwork,
  options: ServiceRulesOptions = {},
): readonly ExplainedRule[] {
  const marks = new Marks();
  const context = {
    network,
    nodeAddresses: options.nodeAddresses ?? [],
    scheduler: options.scheduler ?? "rr",
    markOf: (id: string) => marks.of(id, network.masqueradeBit),
  };
  const items = plans.flatMap((plan) => planItems(plan, context));
  const wanted = stateOf(items.filter((item) => !isOnNode(item, context.nodeAddresses)));
  return diffStates(stateOf([]), wanted).map((statement) => ({
    text: `${toolOf(statement)} ${render(statement)}`,
    meaning: sentence(meaningOf(statement, plans)),
  }));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function meaningOf(statement: Statement, plans: readonly ServicePlan[]): string {
  switch (statement.kind) {
    case "add-member":
    case "delete-member":
      return setMeanings[statement.member.set];
    case "add-server":
    case "edit-server":
    case "delete-server":
      return `${entryOf(statement.server, plans)}${"scheduler" in statement.server ? ` ${pick(statement.server)}` : ""}`;
    case "add-destination":
    case "edit-destination":
    case "delete-destination": {
      const { ip, weight } = statement.destination;
      const where = plans
        .flatMap(({ cluster, local }) => [...cluster, ...local])
        .find((endpoint) => endpoint.ip === ip);
      const pod = where?.targetRef?.name === undefined ? "an endpoint" : `pod ${where.targetRef.name}`;
      return `${pod}${where?.nodeName === undefined ? "" : ` on ${where.nodeName}`}, with weight ${weight}`;
    }
    case "add-address":
    case "delete-address":
      return "makes the address the node's own, so that its packets come to IPVS instead of being sent on";
  }
}

function entryOf(key: ServerKey, plans: readonly ServicePlan[]): string {
  if ("mark" in key) return "by the mark that packets of this Service get:";
  const { ip, port } = key;
  if (plans.some((plan) => plan.clusterIP === ip)) return "cluster IP:";
  if (plans.some((plan) => plan.loadBalancerIPs.includes(ip))) return "address of the load balancer:";
  if (plans.some((plan) => plan.externalIPs.includes(ip))) return "external IP:";
  return `node port ${port}:`;
}

function pick({ scheduler, persistenceSeconds }: VirtualServer): string {
  const known =
    persistenceSeconds === undefined ? "" : `; a client stays with its endpoint for ${persistenceSeconds} s`;
  return `${meaningOfScheduler[scheduler] ?? `scheduler ${scheduler}`}${known}`;
}

const meaningOfScheduler: Readonly<Record<string, string>> = {
  rr: "endpoints take turns",
  wrr: "endpoints take turns, more often with more weight",
  lc: "the endpoint with the fewest connections",
  wlc: "the endpoint with the fewest connections for its weight",
  lblc: "one endpoint for each destination, another when it is overloaded",
  lblcr: "some endpoints for each destination, the least busy of them",
  dh: "by a hash of the destination",
  sh: "by a hash of the client's address",
  sed: "the endpoint with the shortest expected delay",
  nq: "an idle endpoint, else the one with the shortest expected delay",
  mh: "by Maglev's hash of the client's address and port",
  fo: "the available endpoint with the most weight",
  ovf: "the endpoint with the most weight until it has as many connections, then the next",
};

const setMeanings: Readonly<Record<SetName, string>> = {
  SERVICES: "says that the virtual server is ours, and whose it is",
  VIPS: "other ports of the address are refused",
  "CLUSTER-IPS": "clients that are no pods of this node are hidden behind the node's address",
  MASQUERADE: "clients are hidden behind the node's address (external policy Cluster)",
  REFUSED: "there is no endpoint: connections are refused",
  DROPPED: "there is no endpoint on this node, and there are others: packets are dropped",
  "SHORT-CIRCUITS": "this node's own pods and processes find all endpoints here, by the mark",
  GUARDED: "only clients of its source ranges pass",
  SOURCES: "a source range",
  LOOPBACK: "an endpoint here that calls its own Service sees the node as the client",
  RANGES: "addresses of Services",
  LOCAL: "pods of this node",
};
