import { cidrFamily } from "../../core/index.ts";
import type { Cidr, IpFamily } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import { and, concat, field, numgen } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { familyWords } from "./family-words.ts";
import type { FamilyWords } from "./family-words.ts";
import { assign, goTo, is, isIn, isNot, isNotIn, jump, verdict, vmap } from "./rule.ts";
import type { Rule } from "./rule.ts";
import { markForMasquerade, masqueradeBit } from "./shape.ts";
import type { ChainDefinition, SetDefinition } from "./statement.ts";

/** The sets and maps of a family's table. */
export function layoutSets(family: IpFamily): readonly SetDefinition[] {
  const { entry, client, destination, hairpin } = familyWords(family);
  const address = family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
  return [
    { name: "services", key: entry, value: "verdict" },
    { name: "short-circuits", key: entry, value: "verdict" },
    { name: "local-services", key: entry, value: "verdict" },
    {
      name: "endpoints",
      key: { kind: "types", names: [address, "inet_proto", "inet_service", "classid"] },
      value: { kind: "types", names: [address, "inet_service"] },
    },
    { name: "no-endpoints", key: entry, value: "verdict" },
    { name: "cluster-ips", key: destination },
    { name: "guarded", key: entry },
    { name: "source-ranges", key: client, flags: ["interval"] },
    { name: "hairpin", key: hairpin },
    ...(family === "IPv6" ? [] : stickySets(entry, client)),
  ];
}

function stickySets(entry: Expression, client: Expression): readonly SetDefinition[] {
  const size = 1_048_576;
  return [
    { name: "sticky-ids", key: concat(entry, numgen("random", 2)), value: field("meta priority") },
    { name: "affinity", key: client, value: field("meta priority"), flags: ["dynamic", "timeout"], size },
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
    {
      name: "refuse",
      rules: [[is(field("meta l4proto"), "tcp"), { kind: "reject", with: "tcp reset" }], [{ kind: "reject" }]],
    },
    localPolicy("local-policy", words, words.entry, podCidrs),
    localPolicy("local-policy-node-port", words, words.nodePortEntry, podCidrs),
    { name: "services", rules: serviceRules(family, words, podCidrs, localhost) },
    { name: "check", rules: checkRules(words, serviceCidrs) },
    {
      name: "nat-prerouting",
      hook: { type: "nat", hook: "prerouting", priority: -100 },
      rules: [[jump("services")]],
    },
    { name: "nat-output", hook: { type: "nat", hook: "output", priority: -100 }, rules: [[jump("services")]] },
    {
      name: "nat-postrouting",
      hook: { type: "nat", hook: "postrouting", priority: 100 },
      rules: [
        [
          isNot(and(field("meta mark"), masqueradeBit), 0),
          assign("meta mark", and(field("meta mark"), ~masqueradeBit >>> 0)),
          { kind: "masquerade" },
        ],
        [is(field("ct status"), "dnat"), isIn(words.hairpin, "hairpin"), { kind: "masquerade" }],
      ],
    },
    // After NAT and before conntrack confirms: what is dropped here leaves no entry behind, so that a client that came
    // too early is served as soon as its Service appears.
    {
      name: "filter-prerouting",
      hook: { type: "filter", hook: "prerouting", priority: -90 },
      rules: [[is(field("ct state"), "new"), jump("check")]],
    },
    {
      name: "filter-output",
      hook: { type: "filter", hook: "output", priority: -90 },
      rules: [[is(field("ct state"), "new"), jump("check")]],
    },
    ...(localhost ? [martians] : []),
  ];
}

/** With route_localnet the kernel would let neighbours send to 127.0.0.1 (CVE-2020-8558). */
const martians: ChainDefinition = {
  name: "loopback-guard",
  hook: { type: "filter", hook: "prerouting", priority: -300 },
  rules: [
    [isNot(field("iifname"), "lo"), is(field("ip daddr"), "127.0.0.0/8"), verdict("drop")],
    [isNot(field("iifname"), "lo"), is(field("ip saddr"), "127.0.0.0/8"), verdict("drop")],
  ],
};

function localPolicy(name: string, words: FamilyWords, key: Expression, podCidrs: readonly Cidr[]): ChainDefinition {
  const fromNode = is(field("fib saddr type"), "local");
  return {
    name,
    rules: [
      ...(podCidrs.length === 0 ? [] : [[is(words.source, sorted(podCidrs)), vmap(key, "short-circuits")]]),
      [fromNode, markForMasquerade],
      [fromNode, vmap(key, "short-circuits")],
      [vmap(key, "local-services")],
    ],
  };
}

function serviceRules(
  family: IpFamily,
  { source, destination, entry, client, nodePortEntry }: FamilyWords,
  podCidrs: readonly Cidr[],
  localhost: boolean,
): readonly Rule[] {
  const loopback = family === "IPv4" ? "127.0.0.0/8" : "::1";
  return [
    [isIn(entry, "guarded"), isNotIn(client, "source-ranges"), verdict("drop")],
    ...(podCidrs.length === 0
      ? []
      : [[isNot(source, sorted(podCidrs)), isIn(destination, "cluster-ips"), markForMasquerade]]),
    [vmap(entry, "services")],
    [
      is(field("fib daddr type"), "local"),
      ...(localhost ? [] : [isNot(destination, loopback)]),
      vmap(nodePortEntry, "services"),
    ],
  ];
}

function checkRules(
  { destination, entry, nodePortEntry }: FamilyWords,
  serviceCidrs: readonly Cidr[],
): readonly Rule[] {
  const inRange = is(destination, sorted(serviceCidrs));
  const toNode = is(field("fib daddr type"), "local");
  return [
    [is(field("ct status"), "dnat"), verdict("accept")],
    // A service address that the node itself has, such as that of a DNS server on every node, is served there.
    ...(serviceCidrs.length === 0 ? [] : [[inRange, toNode, verdict("accept")]]),
    [vmap(entry, "no-endpoints")],
    [toNode, vmap(nodePortEntry, "no-endpoints")],
    [isIn(destination, "cluster-ips"), goTo("refuse")],
    ...(serviceCidrs.length === 0 ? [] : [[inRange, verdict("drop")]]),
  ];
}

function sorted(cidrs: readonly Cidr[]): readonly Cidr[] {
  return [...cidrs].sort();
}
