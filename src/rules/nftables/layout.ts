import { cidrFamily } from "../../core/index.ts";
import type { Cidr, IpFamily } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import { familyWords } from "./family-words.ts";
import type { FamilyWords } from "./family-words.ts";
import { markForMasquerade, masqueradeBit } from "./shape.ts";
import type { ChainDefinition, SetDefinition } from "./statement.ts";

/** The sets and maps of a family's table. */
export function layoutSets(family: IpFamily): readonly SetDefinition[] {
  const { entry, client, source, destination } = familyWords(family);
  const address = family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
  return [
    { name: "services", key: entry, value: "verdict" },
    { name: "short-circuits", key: entry, value: "verdict" },
    { name: "local-services", key: entry, value: "verdict" },
    {
      name: "endpoints",
      key: `${address} . inet_proto . inet_service . classid`,
      value: `${address} . inet_service`,
      declaredBy: "type",
    },
    { name: "no-endpoints", key: entry, value: "verdict" },
    { name: "cluster-ips", key: destination },
    { name: "guarded", key: entry },
    { name: "source-ranges", key: client, flags: ["interval"] },
    { name: "hairpin", key: `${source} . ${destination} . meta l4proto . th dport` },
    ...(family === "IPv6" ? [] : stickySets(entry, client)),
  ];
}

function stickySets(entry: string, client: string): readonly SetDefinition[] {
  const size = 1_048_576;
  return [
    { name: "sticky-ids", key: `${entry} . numgen random mod 2`, value: "meta priority" },
    { name: "affinity", key: client, value: "meta priority", flags: ["dynamic", "timeout"], size },
  ];
}

/** Sets that the packets fill: a full sync leaves them as they are. */
export function isFilledByPackets({ flags = [] }: SetDefinition): boolean {
  return flags.includes("dynamic");
}

/** The chains that are always there. Those that others jump to come first. */
export function layoutChains(family: IpFamily, network: NodeNetwork): readonly ChainDefinition[] {
  const words = familyWords(family);
  const ofFamily = (cidrs: readonly Cidr[]) => cidrs.filter((range) => cidrFamily(range) === family);
  const serviceCidrs = ofFamily(network.serviceCidrs);
  const podCidrs = network.localTraffic.kind === "pod-cidrs" ? ofFamily(network.localTraffic.cidrs) : [];
  const localhost = family === "IPv4" && network.localhostNodePorts;
  return [
    // An ICMP error alone would also end a connect(); the reset is what every client understands at once.
    { name: "refuse", rules: ["meta l4proto tcp reject with tcp reset", "reject"] },
    localPolicy("local-policy", words, words.entry, podCidrs),
    localPolicy("local-policy-node-port", words, words.nodePortEntry, podCidrs),
    { name: "services", rules: serviceRules(family, words, podCidrs, localhost) },
    { name: "check", rules: checkRules(words, serviceCidrs) },
    { name: "nat-prerouting", hook: { type: "nat", hook: "prerouting", priority: -100 }, rules: ["jump services"] },
    { name: "nat-output", hook: { type: "nat", hook: "output", priority: -100 }, rules: ["jump services"] },
    {
      name: "nat-postrouting",
      hook: { type: "nat", hook: "postrouting", priority: 100 },
      rules: [
        `meta mark & 0x${masqueradeBit.toString(16)} != 0 meta mark set meta mark & 0xffffbfff masquerade fully-random`,
        `ct status dnat ${words.source} . ${words.destination} . meta l4proto . th dport @hairpin masquerade fully-random`,
      ],
    },
    // After NAT and before conntrack confirms: what is dropped here leaves no entry behind, so that a client that came
    // too early is served as soon as its Service appears.
    {
      name: "filter-prerouting",
      hook: { type: "filter", hook: "prerouting", priority: -90 },
      rules: ["ct state new jump check"],
    },
    {
      name: "filter-output",
      hook: { type: "filter", hook: "output", priority: -90 },
      rules: ["ct state new jump check"],
    },
    ...(localhost ? [martians] : []),
  ];
}

/** With route_localnet the kernel would let neighbours send to 127.0.0.1 (CVE-2020-8558). */
const martians: ChainDefinition = {
  name: "loopback-guard",
  hook: { type: "filter", hook: "prerouting", priority: -300 },
  rules: ['iif != "lo" ip daddr 127.0.0.0/8 drop', 'iif != "lo" ip saddr 127.0.0.0/8 drop'],
};

function localPolicy(name: string, words: FamilyWords, key: string, podCidrs: readonly Cidr[]): ChainDefinition {
  return {
    name,
    rules: [
      ...(podCidrs.length === 0 ? [] : [`${words.source} ${anonymousSet(podCidrs)} ${key} vmap @short-circuits`]),
      `fib saddr type local ${markForMasquerade}`,
      `fib saddr type local ${key} vmap @short-circuits`,
      `${key} vmap @local-services`,
    ],
  };
}

function serviceRules(
  family: IpFamily,
  { source, destination, entry, client, nodePortEntry }: FamilyWords,
  podCidrs: readonly Cidr[],
  localhost: boolean,
): readonly string[] {
  const loopback = family === "IPv4" ? "127.0.0.0/8" : "::1";
  return [
    `${entry} @guarded ${client} != @source-ranges drop`,
    ...(podCidrs.length === 0
      ? []
      : [`${source} != ${anonymousSet(podCidrs)} ${destination} @cluster-ips ${markForMasquerade}`]),
    `${entry} vmap @services`,
    `fib daddr type local ${localhost ? "" : `${destination} != ${loopback} `}${nodePortEntry} vmap @services`,
  ];
}

function checkRules(
  { destination, entry, nodePortEntry }: FamilyWords,
  serviceCidrs: readonly Cidr[],
): readonly string[] {
  const inRange = `${destination} ${anonymousSet(serviceCidrs)}`;
  return [
    "ct status dnat accept",
    // A service address that the node itself has, such as that of a DNS server on every node, is served there.
    ...(serviceCidrs.length === 0 ? [] : [`${inRange} fib daddr type local accept`]),
    `${entry} vmap @no-endpoints`,
    `fib daddr type local ${nodePortEntry} vmap @no-endpoints`,
    `${destination} @cluster-ips goto refuse`,
    ...(serviceCidrs.length === 0 ? [] : [`${inRange} drop`]),
  ];
}

function anonymousSet(cidrs: readonly Cidr[]): string {
  return `{ ${[...cidrs].sort().join(", ")} }`;
}
