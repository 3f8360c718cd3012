import { cidr, ip } from "../../../src/core/index.ts";
import type { Cidr, Ip, IpFamily } from "../../../src/core/index.ts";
import type { Node } from "../../../src/objects/index.ts";

/**
 * The network of the suite: two nodes, three pods, a client and a router on one LAN, each with an IPv4 and an IPv6 address.
 * The client's way to everything is node-1; the nodes' way to everything unknown is the router, which keeps what it gets.
 */
export const pods = ["a1", "a2", "b1"] as const;
export const nodes = ["node-1", "node-2"] as const;

export type PodName = (typeof pods)[number];
export type NodeName = (typeof nodes)[number];

/** Where packets start. */
export type Place = PodName | NodeName | "client";

/** What links between a node and its pods are called there: `pod-a1`. */
export const podLinkPrefix = "pod-";

export const families: readonly IpFamily[] = ["IPv4", "IPv6"];

const hosts: Readonly<Record<Place | "router", readonly [string, string]>> = {
  router: ["192.168.100.1", "fd00:64::1"],
  client: ["192.168.100.10", "fd00:64::10"],
  "node-1": ["192.168.100.11", "fd00:64::11"],
  "node-2": ["192.168.100.12", "fd00:64::12"],
  a1: ["10.244.1.2", "fd00:244:1::2"],
  a2: ["10.244.1.3", "fd00:244:1::3"],
  b1: ["10.244.2.2", "fd00:244:2::2"],
};

const gateways: Readonly<Record<NodeName, readonly [string, string]>> = {
  "node-1": ["10.244.1.1", "fd00:244:1::1"],
  "node-2": ["10.244.2.1", "fd00:244:2::1"],
};

const ranges: Readonly<Record<NodeName, readonly [string, string]>> = {
  "node-1": ["10.244.1.0/24", "fd00:244:1::/64"],
  "node-2": ["10.244.2.0/24", "fd00:244:2::/64"],
};

/** The Services' range of each family. */
export const serviceCidrs: readonly Cidr[] = [cidr("10.96.0.0/16"), cidr("fd00:96::/108")];

function pick([four, six]: readonly [string, string], family: IpFamily): string {
  return family === "IPv4" ? four : six;
}

export function addressOf(place: Place | "router", family: IpFamily): Ip {
  return ip(pick(hosts[place], family));
}

/** The node's address on the links of its pods. */
export function gatewayOf(node: NodeName, family: IpFamily): Ip {
  return ip(pick(gateways[node], family));
}

export function podCidrOf(node: NodeName, family: IpFamily): Cidr {
  return cidr(pick(ranges[node], family));
}

/** Every address that a node has. */
export function addressesOf(node: NodeName): readonly Ip[] {
  return families.flatMap((family) => [addressOf(node, family), gatewayOf(node, family)]);
}

export function isPod(place: string): place is PodName {
  return pods.some((name) => name === place);
}

export function isNode(place: string): place is NodeName {
  return nodes.some((name) => name === place);
}

/** The node that a pod is on; a node is on itself, and the client's packets come to node-1. */
export function nodeOf(place: Place): NodeName {
  return place === "b1" || place === "node-2" ? "node-2" : "node-1";
}

/** Who has an address: a pod, or whose sender it is; `node` stands for any address of any node. */
export function ownerOf(address: string): Place | "node" | undefined {
  const isIt = (owner: Place | NodeName) => families.some((family) => addressOf(owner, family) === address);
  if (nodes.some((name) => addressesOf(name).some((own) => own === address))) return "node";
  return ([...pods, "client"] as const).find(isIt);
}

/** The zone label of the nodes: a and b. */
export const zones: Readonly<Record<NodeName, string>> = { "node-1": "a", "node-2": "b" };

export function nodeObject(name: NodeName): Node {
  const podCIDRs = families.map((family) => podCidrOf(name, family));
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "topology.kubernetes.io/zone": zones[name] } },
    spec: { podCIDR: podCIDRs[0] ?? "", podCIDRs },
    status: { addresses: families.map((family) => ({ type: "InternalIP", address: addressOf(name, family) })) },
  };
}
