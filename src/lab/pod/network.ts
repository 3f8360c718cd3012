import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cidr, fnv1a, ip, parseIp } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  macOf,
  removeNamespace,
  writeSysctls,
} from "../../kernel/index.ts";
import type { LinkStep } from "../../kernel/index.ts";
import { objectKey } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { placeFolder, placesFolder, removePlaceFiles, writePlaceFiles } from "../place/files.ts";
import type { PlaceFiles } from "../place/files.ts";

// Every pod's neighbour, whatever the node: the node's end of the pod's link answers for it.
const gateway = ip("169.254.1.1");
const gatewayMac = "ee:ee:ee:ee:ee:ee";

/** The node on which pods are connected. */
export interface PodNode {
  readonly name: string;
  readonly address: Ip;
  /** Path of the node's network namespace. */
  readonly namespace: string;
}

/** A pod's connection: its namespace, its address, and the node's end of its link. */
export interface PodNetwork {
  readonly name: string;
  readonly namespace: string;
  readonly address: Ip;
  readonly link: string;
}

/** The name of a pod's place: its network namespace (without host network) and the folder of its files. */
export function podPlaceName(pod: Pod): string {
  return `pod-${identifier(pod).slice(0, 12)}`;
}

/** How a pod with this address is connected. */
export function podNetwork(pod: Pod, address: Ip): PodNetwork {
  const name = podPlaceName(pod);
  return { name, namespace: `/run/netns/${name}`, address, link: `veth${identifier(pod).slice(0, 11)}` };
}

function identifier(pod: Pod): string {
  const digits = (pod.metadata.uid ?? "").toLowerCase().replaceAll(/[^0-9a-z]/g, "");
  return digits.length >= 12 ? digits : `${fnv1a(objectKey(pod)).toString(16).padStart(8, "0")}0000`;
}

/**
 * On the node: a link for this pod alone and a route to it. There is no bridge, so that traffic between two pods of a
 * node passes the node's rules, like all other traffic.
 */
export function podSteps(network: PodNetwork, node: PodNode): readonly LinkStep[] {
  const { link, address, namespace } = network;
  return [
    { kind: "veth", name: link, mac: gatewayMac, peer: { name: "eth0", mac: macOf(address), namespace } },
    { kind: "neighbour", address, mac: macOf(address), link },
    { kind: "route", to: cidr(`${address}/32`), link, source: node.address },
  ];
}

/** Inside the pod: its address, and everything else is behind the gateway, whose hardware address is fixed. */
export function podInnerSteps(network: PodNetwork): readonly LinkStep[] {
  return [
    { kind: "link", name: "lo", state: "up" },
    { kind: "link", name: "eth0", state: "up" },
    { kind: "address", address: network.address, prefix: 32, link: "eth0" },
    { kind: "neighbour", address: gateway, mac: gatewayMac, link: "eth0" },
    { kind: "route", to: cidr(`${gateway}/32`), link: "eth0" },
    { kind: "route", to: cidr("0.0.0.0/0"), via: gateway, link: "eth0" },
  ];
}

/** Makes the pod's namespace and connects it (about 1 ms). On failure nothing is left. */
export function connectPod(network: PodNetwork, node: PodNode, files: PlaceFiles): void {
  // An agent that was killed half-way may have left the namespace behind.
  if (existsSync(network.namespace)) removeNamespace(network.namespace);
  createNamespace(network.namespace, () => writeSysctls({ "net/ipv6/conf/default/disable_ipv6": 1 }));
  try {
    inNamespace(node.namespace, () => applyLinkSteps(podSteps(network, node)));
    inNamespace(network.namespace, () => applyLinkSteps(podInnerSteps(network)));
    writePlaceFiles(network.name, files);
    writeFileSync(`${placeFolder(network.name)}/network`, `${node.name} ${network.address} ${network.link}`);
  } catch (error) {
    // The next attempt makes a link of the same name.
    removeQuietly(node, { kind: "delete-link", name: network.link });
    disconnectPod(network, node);
    throw error;
  }
}

/**
 * Removes the pod's route, namespace and files; harmless when they are gone. The link goes with the namespace, in the
 * kernel's own time: deleting it here would hold up the whole process for some 30 ms.
 */
export function disconnectPod(network: PodNetwork, node: PodNode): void {
  removeQuietly(node, { kind: "delete-route", to: cidr(`${network.address}/32`), link: network.link });
  removeNamespace(network.namespace);
  removePlaceFiles(network.name);
}

function removeQuietly(node: PodNode, step: LinkStep): void {
  try {
    inNamespace(node.namespace, () => applyLinkSteps([step]));
  } catch {
    // It is gone already, or never came to be.
  }
}

/** The pods that an earlier agent of this node connected, by the name of their place. */
export function connectedPods(node: PodNode): ReadonlyMap<string, PodNetwork> {
  const found = new Map<string, PodNetwork>();
  if (!existsSync(placesFolder)) return found;
  for (const name of readdirSync(placesFolder)) {
    const file = `${placeFolder(name)}/network`;
    if (!existsSync(file)) continue;
    const [owner, text = "", link = ""] = readFileSync(file, "utf8").split(" ");
    const address = parseIp(text);
    if (owner !== node.name || address === undefined) continue;
    found.set(name, { name, namespace: `/run/netns/${name}`, address, link });
  }
  return found;
}
