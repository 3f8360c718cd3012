import { cidr, cidrsOfFamily } from "../../core/index.ts";
import type { Cidr, Ip, IpFamily, Port } from "../../core/index.ts";
import { nodePortNetworksOf } from "../../model/index.ts";
import type { LocalTraffic, NodeNetwork } from "../../model/index.ts";
import type { Action, Chain, Match, Rule } from "./statement.ts";

/** Where the relay listens in one family: one port for each protocol and list of endpoints. */
export interface ListenerPlace {
  readonly address: Ip;
  readonly ports: Readonly<Record<"TCP" | "UDP", Readonly<Record<"cluster" | "local", Port>>>>;
}

const loopback: Readonly<Record<IpFamily, Cidr>> = { IPv4: cidr("127.0.0.0/8"), IPv6: cidr("::1/128") };

/** The chains, which are always there; those that others jump to come first. */
export function layoutChains(family: IpFamily, network: NodeNetwork, place: ListenerPlace): readonly Chain[] {
  const guardsLoopback = family === "IPv4" && network.localhostNodePorts;
  const own = ownSources(family, network.localTraffic);
  const check: Rule = rule([{ kind: "new" }], { kind: "jump", chain: "check" });
  const services: Rule = rule([], { kind: "jump", chain: "services" });
  return [
    // An ICMP error alone would also end a connect(); the reset is what every client understands at once.
    {
      name: "refuse",
      rules: [
        rule([{ kind: "protocol", protocol: "tcp" }], { kind: "reject", reset: true }),
        rule([], { kind: "reject" }),
      ],
    },
    { name: "relay", rules: redirects(place, "cluster") },
    { name: "relay-local", rules: redirects(place, "local") },
    { name: "local-policy", rules: [...own, rule([], { kind: "goto", chain: "relay-local" })] },
    { name: "own-only", rules: own },
    { name: "services", rules: serviceRules(family, network) },
    { name: "check", rules: checkRules(family, network, place) },
    { name: "nat-prerouting", hook: { type: "nat", hook: "prerouting", priority: -100 }, rules: [services] },
    { name: "nat-output", hook: { type: "nat", hook: "output", priority: -100 }, rules: [services] },
    // After NAT and before conntrack confirms: what is dropped here leaves no entry behind, so that a client that came
    // too early is served as soon as its Service appears.
    { name: "filter-prerouting", hook: { type: "filter", hook: "prerouting", priority: -90 }, rules: [check] },
    { name: "filter-output", hook: { type: "filter", hook: "output", priority: -90 }, rules: [check] },
    ...(guardsLoopback ? [loopbackGuard] : []),
  ];
}

/** This engine needs no route_localnet, but others set it, and then neighbours could send to 127.0.0.1 (CVE-2020-8558). */
const loopbackGuard: Chain = {
  name: "loopback-guard",
  hook: { type: "filter", hook: "prerouting", priority: -300 },
  rules: [
    rule([{ kind: "not-from-loopback" }, { kind: "destination", networks: [loopback.IPv4] }], { kind: "drop" }),
    rule([{ kind: "not-from-loopback" }, { kind: "source", networks: [loopback.IPv4] }], { kind: "drop" }),
  ],
};

function redirects({ address, ports }: ListenerPlace, list: "cluster" | "local"): readonly Rule[] {
  return [
    rule([{ kind: "protocol", protocol: "tcp" }], { kind: "redirect", address, port: ports.TCP[list] }),
    rule([{ kind: "protocol", protocol: "udp" }], { kind: "redirect", address, port: ports.UDP[list] }),
  ];
}

/** External policy Local makes an exception for the node's own pods and processes: they reach all endpoints. */
function ownSources(family: IpFamily, localTraffic: LocalTraffic): readonly Rule[] {
  const relay: Action = { kind: "goto", chain: "relay" };
  const pods = podSources(family, localTraffic);
  return [...(pods === undefined ? [] : [rule([pods], relay)]), rule([{ kind: "source-is-local" }], relay)];
}

function podSources(family: IpFamily, localTraffic: LocalTraffic): Match | undefined {
  switch (localTraffic.kind) {
    case "pod-cidrs": {
      const networks = cidrsOfFamily(localTraffic.cidrs, family);
      return networks.length === 0 ? undefined : { kind: "source", networks };
    }
    case "interface-prefix":
      return linkNamed(localTraffic.prefix, "*");
    case "bridge":
      return linkNamed(localTraffic.name, "");
    case "unknown":
      return undefined;
  }
}

/** A name that no link can have matches nothing. */
function linkNamed(name: string, end: "*" | ""): Match | undefined {
  return /^[^\s"/\\*]{1,15}$/.test(name) ? { kind: "link", name: `${name}${end}` } : undefined;
}

function serviceRules(family: IpFamily, network: NodeNetwork): readonly Rule[] {
  return [
    rule([{ kind: "not-permitted" }], { kind: "drop" }),
    rule([], { kind: "look-up", map: "services" }),
    ...nodePortMatches(family, network).map((matches) =>
      rule(matches, { kind: "look-up", map: "services", nodePort: true }),
    ),
  ];
}

function checkRules(family: IpFamily, network: NodeNetwork, place: ListenerPlace): readonly Rule[] {
  const serviceCidrs = cidrsOfFamily(network.serviceCidrs, family);
  const inRange: Match = { kind: "destination", networks: serviceCidrs };
  const { ports } = place;
  const listener: Match = { kind: "destination", networks: [cidr(`${place.address}/${family === "IPv4" ? 32 : 128}`)] };
  const refuse: Action = { kind: "goto", chain: "refuse" };
  return [
    rule([{ kind: "redirected" }], { kind: "accept" }),
    // Whoever comes to a listener directly, past the rules, is not let in.
    ...(["TCP", "UDP"] as const).map((protocol) =>
      rule(
        [
          listener,
          { kind: "protocol", protocol: protocol === "TCP" ? "tcp" : "udp" },
          { kind: "destination-ports", ports: [ports[protocol].cluster, ports[protocol].local] },
        ],
        refuse,
      ),
    ),
    // A service address that the node itself has, such as that of a DNS server on every node, is served there.
    ...(serviceCidrs.length === 0 ? [] : [rule([inRange, { kind: "destination-is-local" }], { kind: "accept" })]),
    rule([], { kind: "look-up", map: "no-endpoints" }),
    ...nodePortMatches(family, network).map((matches) =>
      rule(matches, { kind: "look-up", map: "no-endpoints", nodePort: true }),
    ),
    rule([{ kind: "cluster-ip" }], refuse),
    ...(serviceCidrs.length === 0 ? [] : [rule([inRange], { kind: "drop" })]),
  ];
}

/** On which addresses node ports are served; several lists of conditions stand for alternatives. */
function nodePortMatches(family: IpFamily, network: NodeNetwork): readonly (readonly Match[])[] {
  const { localhostNodePorts } = network;
  const local: Match = { kind: "destination-is-local" };
  const atLoopback: Match = { kind: "destination", networks: [loopback[family]] };
  const elsewhere: Match = { ...atLoopback, not: true };
  const networks = nodePortNetworksOf(network, family);
  if (networks === undefined) return [localhostNodePorts ? [local] : [elsewhere, local]];
  return [[{ kind: "destination", networks }, elsewhere, local], ...(localhostNodePorts ? [[atLoopback, local]] : [])];
}

function rule(matches: readonly Match[], action: Action): Rule {
  return { matches, action };
}
