import { cidr, cidrBase, cidrContains } from "../../core/index.ts";
import type { Cidr, IpFamily } from "../../core/index.ts";
import { nodePortNetworksOf } from "../../model/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import type { Match } from "./rule.ts";

const loopback = { IPv4: cidr("127.0.0.0/8"), IPv6: cidr("::1/128") };
const isLocal: Match = { kind: "local-address", side: "destination" };

/** Whether node ports are served on 127.0.0.1. The kernel has no way to do it for `::1`. */
export function isLoopbackServed(network: NodeNetwork, family: IpFamily): boolean {
  if (!network.localhostNodePorts || family === "IPv6") return false;
  return nodePortNetworksOf(network, family)?.some((range) => overlap(range, loopback.IPv4)) ?? true;
}

function overlap(a: Cidr, b: Cidr): boolean {
  return cidrContains(a, cidrBase(b)) || cidrContains(b, cidrBase(a));
}

/**
 * What the destination of a packet to a node port must be: any one of these lists holds. The node's addresses are looked
 * up when a packet comes, so that addresses that come and go need no new rules.
 */
export function nodePortDestinations(network: NodeNetwork, family: IpFamily): readonly (readonly Match[])[] {
  const isServed = isLoopbackServed(network, family);
  const notLoopback: readonly Match[] = isServed ? [] : [{ kind: "destination", network: loopback[family], not: true }];
  const networks = nodePortNetworksOf(network, family);
  if (networks === undefined) return [[isLocal, ...notLoopback]];
  return networks
    .filter((range) => isServed || !cidrContains(loopback[family], cidrBase(range)))
    .map((range) =>
      range.endsWith("/0") ? [isLocal, ...notLoopback] : [isLocal, { kind: "destination", network: range }],
    );
}
