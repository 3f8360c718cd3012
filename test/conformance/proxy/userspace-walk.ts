import type { IpFamily, Port } from "../../../src/core/index.ts";
import type { ServicePlan } from "../../../src/model/index.ts";
import { UserspaceRules } from "../../../src/rules/userspace/index.ts";
import type { ListenerPlace } from "../../../src/rules/userspace/index.ts";
import { nftablesRules } from "../../../src/sim/index.ts";
import type { Flow, HookedRules } from "../../../src/sim/index.ts";
import { addressOf } from "./places.ts";
import type { NodeName } from "./places.ts";
import type { RulesOf } from "./sim-judge.ts";

const ports = { TCP: { cluster: 41001, local: 41002 }, UDP: { cluster: 41003, local: 41004 } } as const;

/** Where the relay of a node listens, for the walker. */
export function listenerPlace(node: NodeName, family: IpFamily): ListenerPlace {
  return { address: addressOf(node, family), ports };
}

/** The userspace engine's rules, for the walker, with a relay behind them. */
export const userspaceRulesOf: RulesOf = (plans, network, node) => {
  const book = new UserspaceRules(network);
  for (const [service, list] of plans) book.want(service, list);
  for (const family of book.families()) book.setListeners(family, listenerPlace(node, family));
  const all = [...plans.values()].flat();
  return {
    rules: new Map(
      book.families().map((family) => {
        const rules = nftablesRules(book.state(family));
        return [family, rules.map((one) => withRelay(one, all, listenerPlace(node, family)))];
      }),
    ),
  };
};

/**
 * What the rules send to a listener goes on to an endpoint of the list that the listener is for, from the node's own address: with
 * the chances of `random`, which the schedulers have, too, when they are asked for once.
 */
export function withRelay(rules: HookedRules, plans: readonly ServicePlan[], place: ListenerPlace): HookedRules {
  const run = (flow: Flow) => {
    const { destination, destinationPort, redirected } = flow;
    const end = rules.run(flow);
    if (redirected || !flow.redirected || flow.destination !== place.address) return end;
    const plan = plans.find((one) => isMeant(one, flow, destination, destinationPort));
    const list = listOf(flow.destinationPort);
    if (plan === undefined) throw new Error(`${destination} port ${destinationPort} is redirected, but of no Service`);
    const endpoints = plan[list];
    const found = endpoints[flow.choose(endpoints.map(({ weight = 1 }) => weight))];
    if (found === undefined) throw new Error(`${plan.service} is redirected to its list ${list}, which is empty`);
    flow.destination = found.ip;
    flow.destinationPort = found.port;
    flow.masqueraded = true;
    return end;
  };
  return { ...rules, run };
}

function listOf(port: Port): "cluster" | "local" {
  return port === ports.TCP.cluster || port === ports.UDP.cluster ? "cluster" : "local";
}

function isMeant(plan: ServicePlan, { packet }: Flow, destination: string, port: Port): boolean {
  if (plan.protocol !== packet.protocol || plan.family !== packet.family) return false;
  const own: readonly string[] = [plan.clusterIP, ...plan.loadBalancerIPs, ...plan.externalIPs];
  return (plan.port === port && own.includes(destination)) || plan.nodePort === port;
}
