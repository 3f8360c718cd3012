import { cidrsOfFamily } from "../../core/index.ts";
import type { Ip, IpFamily, Port } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import {
  endpoint,
  familyWords,
  field,
  goTo,
  is,
  isIn,
  isNotIn,
  jump,
  loopbackGuard,
  nodePortMatches,
  podMatch,
  verdict,
  vmap,
} from "../nft/index.ts";
import type { ChainDefinition, Rule, RuleStatement, SetDefinition } from "../nft/index.ts";

/** Where the relay listens in one family: one port for each protocol and list of endpoints. */
export interface ListenerPlace {
  readonly address: Ip;
  readonly ports: Readonly<Record<"TCP" | "UDP", Readonly<Record<"cluster" | "local", Port>>>>;
}

/** The maps and sets of a table. Maps go from an entry (address, protocol, port) to a verdict. */
export const setNames = ["services", "no-endpoints", "cluster-ips", "guarded", "source-ranges"] as const;

export type SetName = (typeof setNames)[number];

/** The sets and maps, in the order in which they are made. */
export function layoutSets(family: IpFamily): readonly SetDefinition[] {
  const { entry, client, destination } = familyWords(family);
  const definitions: Readonly<Record<SetName, Omit<SetDefinition, "name">>> = {
    services: { key: entry, value: "verdict" },
    "no-endpoints": { key: entry, value: "verdict" },
    "cluster-ips": { key: destination },
    guarded: { key: entry },
    "source-ranges": { key: client, flags: ["interval"] },
  };
  return setNames.map((name) => ({ name, ...definitions[name] }));
}

/** The chains, which are always there; those that others jump to come first. */
export function layoutChains(family: IpFamily, network: NodeNetwork, place: ListenerPlace): readonly ChainDefinition[] {
  const { entry, nodePortEntry, client } = familyWords(family);
  const toNodePorts = nodePortMatches(family, network, network.localhostNodePorts);
  const own = ownSources(family, network);
  const services: Rule = [jump("services")];
  const check: Rule = [is(field("ct state"), "new"), jump("check")];
  return [
    // An ICMP error alone would also end a connect(); the reset is what every client understands at once.
    { name: "refuse", rules: [[isProtocol("tcp"), { kind: "reject", with: "tcp reset" }], [{ kind: "reject" }]] },
    { name: "relay", rules: redirects(place, "cluster") },
    { name: "relay-local", rules: redirects(place, "local") },
    { name: "local-policy", rules: [...own, [goTo("relay-local")]] },
    { name: "own-only", rules: own },
    {
      name: "services",
      rules: [
        [isIn(entry, "guarded"), isNotIn(client, "source-ranges"), verdict("drop")],
        [vmap(entry, "services")],
        [...toNodePorts, vmap(nodePortEntry, "services")],
      ],
    },
    { name: "check", rules: checkRules(family, network, place, toNodePorts) },
    { name: "nat-prerouting", hook: { type: "nat", hook: "prerouting", priority: -100 }, rules: [services] },
    { name: "nat-output", hook: { type: "nat", hook: "output", priority: -100 }, rules: [services] },
    // After NAT and before conntrack confirms: what is dropped here leaves no entry behind, so that a client that came
    // too early is served as soon as its Service appears.
    { name: "filter-prerouting", hook: { type: "filter", hook: "prerouting", priority: -90 }, rules: [check] },
    { name: "filter-output", hook: { type: "filter", hook: "output", priority: -90 }, rules: [check] },
    // This engine needs no route_localnet, but others set it.
    ...(family === "IPv4" && network.localhostNodePorts ? [loopbackGuard] : []),
  ];
}

function isProtocol(protocol: "tcp" | "udp"): RuleStatement {
  return is(field("meta l4proto"), protocol);
}

function redirects({ address, ports }: ListenerPlace, list: "cluster" | "local"): readonly Rule[] {
  return [
    [isProtocol("tcp"), { kind: "dnat", to: endpoint(address, ports.TCP[list]) }],
    [isProtocol("udp"), { kind: "dnat", to: endpoint(address, ports.UDP[list]) }],
  ];
}

/** External policy Local makes an exception for the node's own pods and processes: they reach all endpoints. */
function ownSources(family: IpFamily, { localTraffic }: NodeNetwork): readonly Rule[] {
  const pods = podMatch(family, localTraffic);
  return [
    ...(pods === undefined ? [] : [[pods.fits, goTo("relay")]]),
    [is(field("fib saddr type"), "local"), goTo("relay")],
  ];
}

function checkRules(
  family: IpFamily,
  network: NodeNetwork,
  { address, ports }: ListenerPlace,
  toNodePorts: readonly RuleStatement[],
): readonly Rule[] {
  const { destination, entry, nodePortEntry } = familyWords(family);
  const serviceCidrs = [...cidrsOfFamily(network.serviceCidrs, family)].sort();
  const inRange = is(destination, serviceCidrs);
  const toListener = is(destination, address);
  const listening = ({ cluster, local }: { readonly cluster: Port; readonly local: Port }) =>
    [...new Set([cluster, local])].sort((a, b) => a - b).map(String);
  return [
    [is(field("ct status"), "dnat"), verdict("accept")],
    // Whoever comes to a listener directly, past the rules, is not let in.
    [toListener, is(field("tcp dport"), listening(ports.TCP)), goTo("refuse")],
    [toListener, is(field("udp dport"), listening(ports.UDP)), goTo("refuse")],
    // A service address that the node itself has, such as that of a DNS server on every node, is served there.
    ...(serviceCidrs.length === 0 ? [] : [[inRange, is(field("fib daddr type"), "local"), verdict("accept")]]),
    [vmap(entry, "no-endpoints")],
    [...toNodePorts, vmap(nodePortEntry, "no-endpoints")],
    [isIn(destination, "cluster-ips"), goTo("refuse")],
    ...(serviceCidrs.length === 0 ? [] : [[inRange, verdict("drop")]]),
  ];
}
