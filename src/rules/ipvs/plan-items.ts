import { cidrContains, ipFamily } from "../../core/index.ts";
import type { Ip, IpFamily, Port } from "../../core/index.ts";
import type { Endpoint, NodeNetwork, Scheduler, ServicePlan } from "../../model/index.ts";
import { elementOf } from "./fixed-rules.ts";
import { destinationId, serverId } from "./statement.ts";
import type { Destination, Member, SetName, VirtualServer } from "./statement.ts";

/** A scheduler that IPVS has. */
export type IpvsScheduler = Exclude<Scheduler, "random">;

/** What of the node the items of every Service depend on. */
export interface ItemContext {
  readonly network: NodeNetwork;
  /** Addresses of the node itself, without those on the dummy device: node ports are served there, and they are never bound to the dummy. */
  readonly nodeAddresses: readonly Ip[];
  /** For Services that ask for none. */
  readonly scheduler: IpvsScheduler;
}

/** One thing that must be in the kernel. */
export type Item =
  | { readonly kind: "member"; readonly id: string; readonly member: Member }
  | { readonly kind: "address"; readonly id: string; readonly ip: Ip }
  | {
      readonly kind: "server";
      readonly id: string;
      readonly server: VirtualServer;
      readonly destinations: ReadonlyMap<string, Destination>;
    };

/** Everything that carries out one plan. */
export function planItems(plan: ServicePlan, context: ItemContext): readonly Item[] {
  const items: Item[] = [];
  const name = plan.portName === "" ? plan.service : `${plan.service}:${plan.portName}`;
  const add = (set: SetName, element: string, comment?: string): void => {
    const member = { set, family: plan.family, element, ...(comment === undefined ? {} : { comment }) };
    items.push({ kind: "member", id: memberId(member), member });
  };
  const serve = (ip: Ip, port: Port, external: boolean): void => {
    const element = elementAt(plan, ip, port);
    const local = (external ? plan.externalTrafficPolicy : plan.internalTrafficPolicy) === "Local";
    const endpoints = local ? plan.local : plan.cluster;
    const server = { protocol: plan.protocol, ip, port, ...settings(plan, endpoints, context) };
    items.push({ kind: "server", id: serverId(server), server, destinations: destinationsOf(endpoints) });
    add("SERVICES", element, name);
    if (external && !local) add("MASQUERADE", element);
    if (endpoints.length > 0) return;
    const verdict = external ? plan.whenExternalEmpty : plan.whenInternalEmpty;
    add(verdict === "drop" ? "DROPPED" : "REFUSED", element);
  };
  const bind = (ip: Ip): void => {
    if (context.nodeAddresses.includes(ip)) return;
    items.push({ kind: "address", id: ip, ip });
    add("VIPS", ip);
  };

  serve(plan.clusterIP, plan.port, false);
  add("CLUSTER-IPS", elementAt(plan, plan.clusterIP, plan.port));
  bind(plan.clusterIP);
  for (const ip of [...plan.loadBalancerIPs, ...plan.externalIPs]) {
    serve(ip, plan.port, true);
    bind(ip);
  }
  if (plan.nodePort !== undefined) {
    for (const ip of nodePortAddresses(plan.family, context)) serve(ip, plan.nodePort, true);
  }
  if (plan.sourceRanges !== undefined) {
    for (const ip of plan.loadBalancerIPs) {
      const element = elementAt(plan, ip, plan.port);
      add("GUARDED", element);
      for (const range of plan.sourceRanges) add("SOURCES", `${element},${elementOf(range)}`);
    }
  }
  for (const { ip, port } of plan.onNode) add("LOOPBACK", `${elementAt(plan, ip, port)},${ip}`);
  return items;
}

/** The addresses on which node ports are served: none of the loopback, from which the kernel lets nothing leave through IPVS. */
export function nodePortAddresses(family: IpFamily, { nodeAddresses, network }: ItemContext): readonly Ip[] {
  const ranges = network.nodePortAddresses;
  return nodeAddresses.filter(
    (address) =>
      ipFamily(address) === family &&
      !/^(127\.|169\.254\.|fe[89ab].:)|^::1$/.test(address) &&
      (ranges === undefined || ranges.some((range) => cidrContains(range, address))),
  );
}

/** A text that is equal for equal elements of one set. */
export function memberId({ set, family, element }: Member): string {
  return `${set} ${family} ${element}`;
}

function elementAt({ protocol }: ServicePlan, ip: Ip, port: Port): string {
  return `${ip},${protocol.toLowerCase()}:${port}`;
}

function destinationsOf(endpoints: readonly Endpoint[]): ReadonlyMap<string, Destination> {
  return new Map(endpoints.map(({ ip, port, weight = 1 }) => [destinationId({ ip, port }), { ip, port, weight }]));
}

type Settings = Pick<VirtualServer, "scheduler" | "flags" | "persistenceSeconds">;

function settings(plan: ServicePlan, endpoints: readonly Endpoint[], context: ItemContext): Settings {
  const scheduler = schedulerFor(plan, endpoints, context.scheduler);
  const sticky = plan.affinitySeconds === undefined ? {} : { persistenceSeconds: plan.affinitySeconds };
  return { scheduler, flags: flagsOf(scheduler), ...sticky };
}

/** Weights that nobody chose a scheduler for act: the default's weighted sister takes them into account. */
function schedulerFor(plan: ServicePlan, endpoints: readonly Endpoint[], byDefault: IpvsScheduler): IpvsScheduler {
  if (plan.scheduler !== undefined && plan.scheduler !== "random") return plan.scheduler;
  const uneven = endpoints.some(({ weight }) => (weight ?? 1) !== (endpoints[0]?.weight ?? 1));
  if (!uneven) return byDefault;
  return byDefault === "rr" ? "wrr" : byDefault === "lc" ? "wlc" : byDefault;
}

/** A hash that finds an endpoint which takes no more connections looks on; Maglev's hash has the client's port in it, as kube-proxy's. */
function flagsOf(scheduler: IpvsScheduler): VirtualServer["flags"] {
  if (scheduler === "sh") return [1];
  return scheduler === "mh" ? [1, 2] : [];
}
