import { cidrsOfFamily } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodePortNetworksOf } from "../../model/index.ts";
import type { LocalTraffic, NodeNetwork } from "../../model/index.ts";
import { field } from "./expression.ts";
import { familyWords } from "./family-words.ts";
import { is, isNot, verdict } from "./rule.ts";
import type { RuleStatement } from "./rule.ts";
import type { ChainDefinition } from "./statement.ts";

/** How packets of this node's pods are told from others. */
export interface PodMatch {
  readonly fits: RuleStatement;
  readonly fitsNot: RuleStatement;
  /** By the link that they come in by: what processes of the node send has none. */
  readonly byLink: boolean;
}

/** `undefined` when nobody knows which packets are the pods'. */
export function podMatch(family: IpFamily, localTraffic: LocalTraffic): PodMatch | undefined {
  switch (localTraffic.kind) {
    case "pod-cidrs": {
      const cidrs = [...cidrsOfFamily(localTraffic.cidrs, family)].sort();
      if (cidrs.length === 0) return undefined;
      const { source } = familyWords(family);
      return { fits: is(source, cidrs), fitsNot: isNot(source, cidrs), byLink: false };
    }
    case "interface-prefix":
      return linkMatch(localTraffic.prefix, "*");
    case "bridge":
      return linkMatch(localTraffic.name, "");
    case "unknown":
      return undefined;
  }
}

/** A name that no link can have fits nothing, and must not become a part of the rule. */
function linkMatch(name: string, end: "*" | ""): PodMatch | undefined {
  if (!/^[^\s"/\\*]{1,15}$/.test(name)) return undefined;
  const link = field("iifname");
  return { fits: is(link, `${name}${end}`), fitsNot: isNot(link, `${name}${end}`), byLink: true };
}

/** Fits packets to addresses of this node on which node ports are served; `onLoopback`: those of the loopback, too. */
export function nodePortMatches(family: IpFamily, network: NodeNetwork, onLoopback: boolean): readonly RuleStatement[] {
  const { destination } = familyWords(family);
  const [loopback, loopbackNetwork] = family === "IPv4" ? ["127.0.0.0/8", "127.0.0.0/8"] : ["::1", "::1/128"];
  const networks = nodePortNetworksOf(network, family);
  // Written as networks are, so that nothing stands twice in a list.
  const chosen: readonly string[] =
    networks === undefined ? [] : [...new Set([...[...networks].sort(), ...(onLoopback ? [loopbackNetwork] : [])])];
  return [
    is(field("fib daddr type"), "local"),
    ...(chosen.length === 0 ? [] : [is(destination, chosen)]),
    ...(onLoopback ? [] : [isNot(destination, loopback)]),
  ];
}

/** With route_localnet the kernel would let neighbours send to 127.0.0.1 (CVE-2020-8558): drops what comes from elsewhere. */
export const loopbackGuard: ChainDefinition = {
  name: "loopback-guard",
  hook: { type: "filter", hook: "prerouting", priority: -300 },
  rules: (["ip daddr", "ip saddr"] as const).map((side) => [
    isNot(field("iifname"), "lo"),
    is(field(side), "127.0.0.0/8"),
    verdict("drop"),
  ]),
};
