import { cidrsOfFamily } from "../../core/index.ts";
import type { Cidr, IpFamily } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import {
  and,
  assign,
  concat,
  familyWords,
  field,
  goTo,
  is,
  isIn,
  isNot,
  isNotIn,
  jump,
  loopbackGuard,
  nodePortMatches,
  numgen,
  podMatch,
  verdict,
  vmap,
} from "../nft/index.ts";
import type { ChainDefinition, Expression, FamilyWords, Rule, RuleStatement, SetDefinition } from "../nft/index.ts";
import { markForMasquerade, markOf, stickyMaps } from "./shape.ts";

/** The sets and maps of a family's table. */
export function layoutSets(family: IpFamily): readonly SetDefinition[] {
  const { entry, client, destination, hairpin } = familyWords(family);
  const address = family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
  const endpoint = { kind: "types", names: [address, "inet_service"] } as const;
  return [
    { name: "services", key: entry, value: "verdict" },
    { name: "short-circuits", key: entry, value: "verdict" },
    { name: "local-services", key: entry, value: "verdict" },
    {
      name: "endpoints",
      key: { kind: "types", names: [address, "inet_proto", "inet_service", "classid"] },
      value: endpoint,
    },
    { name: "no-endpoints", key: entry, value: "verdict" },
    { name: "cluster-ips", key: destination },
    { name: "guarded", key: entry },
    { name: "source-ranges", key: client, flags: ["interval"] },
    { name: "hairpin", key: hairpin },
    { name: "sticky-services", key: entry, value: priority },
    { name: "sticky-slots", key: concat(priority, numberType), value: priority },
    ...Object.values(stickyMaps).map((name) => ({
      name,
      key: { kind: "types", names: ["classid"] } as const,
      value: endpoint,
    })),
    {
      name: "affinity",
      key: concat(priority, ...clientType(family)),
      value: priority,
      flags: ["dynamic", "timeout"],
      size: mostClients,
    },
  ];
}

/** Clients with session affinity that a node remembers at a time. */
const mostClients = 1_048_576;

const priority = field("meta priority");
/** Stands for any number of 32 bits where nft wants to know a type: it cannot read `jhash` back there. */
const numberType = numgen("random", 2);

function clientType(family: IpFamily): readonly Expression[] {
  return family === "IPv4" ? [familyWords(family).source] : [numberType, numberType];
}

/** The chains that are always there. Those that others jump to come first. */
export function layoutChains(family: IpFamily, network: NodeNetwork): readonly ChainDefinition[] {
  const words = familyWords(family);
  const serviceCidrs = cidrsOfFamily(network.serviceCidrs, family);
  const ways = new NodeWays(family, network);
  const mark = markOf(network.masqueradeBit);
  return [
    // An ICMP error alone would also end a connect(); the reset is what every client understands at once.
    {
      name: "refuse",
      rules: [[is(field("meta l4proto"), "tcp"), { kind: "reject", with: "tcp reset" }], [{ kind: "reject" }]],
    },
    localPolicy("local-policy", words.entry, ways),
    localPolicy("local-policy-node-port", words.nodePortEntry, ways),
    {
      name: "services",
      rules: [
        [isIn(words.entry, "guarded"), isNotIn(words.client, "source-ranges"), verdict("drop")],
        [vmap(words.entry, "services")],
        [...ways.toNodePorts, vmap(words.nodePortEntry, "services")],
      ],
    },
    { name: "check", rules: checkRules(words, serviceCidrs, ways) },
    {
      name: "nat-prerouting",
      hook: { type: "nat", hook: "prerouting", priority: -100 },
      rules: [...ways.masqueradeFromElsewhere, [jump("services")]],
    },
    {
      name: "nat-output",
      hook: { type: "nat", hook: "output", priority: -100 },
      rules: [...ways.masqueradeFromNode, [jump("services")]],
    },
    {
      name: "nat-postrouting",
      hook: { type: "nat", hook: "postrouting", priority: 100 },
      rules: [
        [
          isNot(and(field("meta mark"), mark), 0),
          assign("meta mark", and(field("meta mark"), ~mark >>> 0)),
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
    ...(family === "IPv4" && network.localhostNodePorts ? [loopbackGuard] : []),
  ];
}

/** How packets of this node and to this node are told from others. */
class NodeWays {
  /** Fits packets of this node's pods; `undefined` when nobody knows them. */
  readonly fromPods: RuleStatement | undefined;
  /** Fits packets to addresses of this node on which node ports are served. */
  readonly toNodePorts: readonly RuleStatement[];
  readonly masqueradeFromElsewhere: readonly Rule[];
  readonly masqueradeFromNode: readonly Rule[];
  readonly mark: RuleStatement;

  constructor(family: IpFamily, network: NodeNetwork) {
    const { destination } = familyWords(family);
    const pods = podMatch(family, network.localTraffic);
    const toClusterIP = isIn(destination, "cluster-ips");
    this.mark = markForMasquerade(network.masqueradeBit);
    this.fromPods = pods?.fits;
    this.toNodePorts = nodePortMatches(family, network, family === "IPv4" && network.localhostNodePorts);
    const everything: readonly Rule[] = [[toClusterIP, this.mark]];
    if (network.masqueradeAll) {
      this.masqueradeFromElsewhere = everything;
      this.masqueradeFromNode = everything;
    } else if (pods === undefined) {
      this.masqueradeFromElsewhere = [];
      this.masqueradeFromNode = [];
    } else {
      this.masqueradeFromElsewhere = [[pods.fitsNot, toClusterIP, this.mark]];
      // What a process of the node sends came in by no link: it is from no pod.
      this.masqueradeFromNode = pods.byLink ? everything : this.masqueradeFromElsewhere;
    }
  }
}

function localPolicy(name: string, key: Expression, ways: NodeWays): ChainDefinition {
  const fromNode = is(field("fib saddr type"), "local");
  return {
    name,
    rules: [
      ...(ways.fromPods === undefined ? [] : [[ways.fromPods, vmap(key, "short-circuits")]]),
      [fromNode, ways.mark],
      [fromNode, vmap(key, "short-circuits")],
      [vmap(key, "local-services")],
    ],
  };
}

function checkRules(
  { destination, entry, nodePortEntry }: FamilyWords,
  serviceCidrs: readonly Cidr[],
  ways: NodeWays,
): readonly Rule[] {
  const inRange = is(destination, sorted(serviceCidrs));
  const toNode = is(field("fib daddr type"), "local");
  return [
    [is(field("ct status"), "dnat"), verdict("accept")],
    // A service address that the node itself has, such as that of a DNS server on every node, is served there.
    ...(serviceCidrs.length === 0 ? [] : [[inRange, toNode, verdict("accept")]]),
    [vmap(entry, "no-endpoints")],
    [...ways.toNodePorts, vmap(nodePortEntry, "no-endpoints")],
    [isIn(destination, "cluster-ips"), goTo("refuse")],
    ...(serviceCidrs.length === 0 ? [] : [[inRange, verdict("drop")]]),
  ];
}

function sorted(cidrs: readonly Cidr[]): readonly Cidr[] {
  return [...cidrs].sort();
}
