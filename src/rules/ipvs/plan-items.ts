import { cidrContains, ipFamily } from "../../core/index.ts";
import type { Ip, IpFamily, Port } from "../../core/index.ts";
import { nodePortNetworksOf } from "../../model/index.ts";
import type { Endpoint, NodeNetwork, Scheduler, ServicePlan } from "../../model/index.ts";
import { elementOf } from "./fixed-rules.ts";
import { destinationId, serverId } from "./statement.ts";
import type {
  AddressKey,
  Destination,
  Member,
  ServerKey,
  ServerSettings,
  SetName,
  VirtualServer,
} from "./statement.ts";

/** A scheduler that IPVS has. */
export type IpvsScheduler = Exclude<Scheduler, "random">;

/** What of the node the items of every Service depend on. */
export interface ItemContext {
  readonly network: NodeNetwork;
  /** Addresses of the node itself, without those on the dummy device: node ports are served there, and they are never bound to the dummy. */
  readonly nodeAddresses: readonly Ip[];
  /** For Services that ask for none. */
  readonly scheduler: IpvsScheduler;
  /** A number for a text, another one for each; the bit that asks for masquerading is not in it. */
  markOf(id: string): number;
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

/** Whether what carries out a plan is something else on a node with other addresses or in another network. */
export function dependsOnNode(plan: ServicePlan): boolean {
  const isExternal = plan.loadBalancerIPs.length + plan.externalIPs.length > 0;
  return plan.nodePort !== undefined || (isExternal && plan.externalTrafficPolicy === "Local");
}

/** Whether an item would bind an address to the dummy device that the node has anyway: such items are left out. */
export function isOnNode(item: Item, nodeAddresses: readonly Ip[]): boolean {
  if (item.kind === "server") return false;
  if (item.kind === "address") return nodeAddresses.includes(item.ip);
  return item.member.set === "VIPS" && nodeAddresses.some((address) => address === item.member.element);
}

/** Everything that carries out one plan; those of the items that are on the node already (`isOnNode`) are to be left out. */
export function planItems(plan: ServicePlan, context: ItemContext): readonly Item[] {
  const items: Item[] = [];
  const name = plan.portName === "" ? plan.service : `${plan.service}:${plan.portName}`;
  const add = (
    set: SetName,
    element: string,
    more: { readonly comment?: string; readonly mark?: number } = {},
  ): void => {
    const member = { set, family: plan.family, element, ...more };
    items.push({ kind: "member", id: memberId(member), member });
  };
  const open = (key: ServerKey, endpoints: readonly Endpoint[]): void => {
    // An empty server would take the node's own packets before they can be refused.
    if (endpoints.length === 0) return;
    const server = { ...key, ...("mark" in key ? settingsByMark : settings)(plan, endpoints, context) };
    items.push({ kind: "server", id: serverId(key), server, destinations: destinationsOf(endpoints) });
  };
  const serve = (ip: Ip, port: Port, external: boolean): void => {
    const key = { protocol: plan.protocol, ip, port };
    const element = elementAt(key);
    const local = (external ? plan.externalTrafficPolicy : plan.internalTrafficPolicy) === "Local";
    const endpoints = local ? plan.local : plan.cluster;
    open(key, endpoints);
    add("SERVICES", element, { comment: name });
    if (external && !local) add("MASQUERADE", element);
    if (external && local && plan.cluster.length > 0) {
      const mark = context.markOf(`${plan.family} ${element}`);
      open({ mark, family: plan.family }, plan.cluster);
      add("SHORT-CIRCUITS", element, { mark, comment: name });
    }
    if (endpoints.length > 0) return;
    const verdict = external ? plan.whenExternalEmpty : plan.whenInternalEmpty;
    add(verdict === "drop" ? "DROPPED" : "REFUSED", element);
  };
  const bind = (ip: Ip): void => {
    items.push({ kind: "address", id: ip, ip });
    add("VIPS", ip);
  };

  serve(plan.clusterIP, plan.port, false);
  add("CLUSTER-IPS", elementAt({ protocol: plan.protocol, ip: plan.clusterIP, port: plan.port }));
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
      const element = elementAt({ protocol: plan.protocol, ip, port: plan.port });
      add("GUARDED", element);
      for (const range of plan.sourceRanges) add("SOURCES", `${element},${elementOf(range)}`);
    }
  }
  for (const { ip, port } of plan.onNode) add("LOOPBACK", `${elementAt({ protocol: plan.protocol, ip, port })},${ip}`);
  return items;
}

/** The addresses on which node ports are served: none of the loopback, from which the kernel lets nothing leave through IPVS. */
export function nodePortAddresses(family: IpFamily, { nodeAddresses, network }: ItemContext): readonly Ip[] {
  const ranges = nodePortNetworksOf(network, family);
  return nodeAddresses.filter(
    (address) =>
      ipFamily(address) === family &&
      !/^(127\.|169\.254\.|fe[89ab].:)|^::1$/.test(address) &&
      (ranges === undefined || ranges.some((range) => cidrContains(range, address))),
  );
}

/** A text that is equal for equal elements of one set. */
export function memberId({ set, family, element, mark }: Member): string {
  return `${set} ${family} ${element}${mark === undefined ? "" : ` ${mark}`}`;
}

/** An address, protocol and port as an element of a set. */
export function elementAt({ protocol, ip, port }: AddressKey): string {
  return `${ip},${protocol.toLowerCase()}:${port}`;
}

function destinationsOf(endpoints: readonly Endpoint[]): ReadonlyMap<string, Destination> {
  return new Map(endpoints.map(({ ip, port, weight = 1 }) => [destinationId({ ip, port }), { ip, port, weight }]));
}

function settings(plan: ServicePlan, endpoints: readonly Endpoint[], context: ItemContext): ServerSettings {
  const scheduler = schedulerFor(plan, endpoints, context.scheduler);
  const sticky = plan.affinitySeconds === undefined ? {} : { persistenceSeconds: plan.affinitySeconds };
  return { scheduler, flags: flagsOf(scheduler, plan.scheduler === scheduler), ...sticky };
}

/** The kernel does not translate ports where a server of a mark remembers clients: a hash of the client keeps it instead. */
function settingsByMark(plan: ServicePlan, endpoints: readonly Endpoint[], context: ItemContext): ServerSettings {
  return plan.affinitySeconds === undefined ? settings(plan, endpoints, context) : { scheduler: "sh", flags: [1] };
}

/** Weights that nobody chose a scheduler for act: the default's weighted sister takes them into account. */
function schedulerFor(plan: ServicePlan, endpoints: readonly Endpoint[], byDefault: IpvsScheduler): IpvsScheduler {
  if (plan.scheduler !== undefined && plan.scheduler !== "random") return plan.scheduler;
  const uneven = endpoints.some(({ weight }) => (weight ?? 1) !== (endpoints[0]?.weight ?? 1));
  if (!uneven) return byDefault;
  return byDefault === "rr" ? "wrr" : byDefault === "lc" ? "wlc" : byDefault;
}

/**
 * A hash that finds an endpoint which takes no more connections looks on. Maglev's has the client's port in it when it is the node's default, as
 * kube-proxy's; a Service that asks for it asks for clients that stay where they are.
 */
function flagsOf(scheduler: IpvsScheduler, isChosen: boolean): VirtualServer["flags"] {
  if (scheduler === "sh") return [1];
  return scheduler === "mh" ? (isChosen ? [1] : [1, 2]) : [];
}
