import { cidrFamily, cidrsOfFamily } from "../../core/index.ts";
import type { Cidr, IpFamily } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import { setName } from "./statement.ts";
import type { Member, SetName } from "./statement.ts";

type Table = "mangle" | "nat" | "filter";

/** A chain of iptables, its rules as `iptables -S` prints them after the chain's name. */
export interface FixedChain {
  readonly table: Table;
  readonly name: string;
  readonly rules: readonly string[];
}

/** A rule in a chain that is everybody's. */
interface Jump {
  readonly table: Table;
  readonly from: string;
  readonly rule: string;
}

const addressAndPort = "hash:ip,port";
const types: Readonly<Record<SetName, string>> = {
  SERVICES: addressAndPort,
  VIPS: "hash:ip",
  "CLUSTER-IPS": addressAndPort,
  MASQUERADE: addressAndPort,
  REFUSED: addressAndPort,
  DROPPED: addressAndPort,
  "SHORT-CIRCUITS": addressAndPort,
  GUARDED: addressAndPort,
  SOURCES: "hash:ip,port,net",
  LOOPBACK: "hash:ip,port,ip",
  RANGES: "hash:net",
  LOCAL: "hash:net",
};

/** Every set, in an order in which they can be made. */
export const allSets = Object.keys(types) as readonly SetName[];

/** A set of ours: its name, its type in ipset, and whether its elements have marks. All have comments. */
export interface SetDefinition {
  readonly name: string;
  readonly type: string;
  readonly family: IpFamily;
  readonly marks: boolean;
}

/** The sets of a family. */
export function setDefinitions(family: IpFamily): readonly SetDefinition[] {
  return allSets.map((set) => ({
    name: setName(set, family),
    type: types[set],
    family,
    marks: set === "SHORT-CIRCUITS",
  }));
}

/** The set as `ipset restore` reads it. */
export function renderSet({ name, type, family, marks }: SetDefinition): string {
  const inet = family === "IPv4" ? "inet" : "inet6";
  return `create ${name} ${type} family ${inet} maxelem 1048576${marks ? " skbinfo" : ""} comment -exist`;
}

/** The elements that say what is known of the network. */
export function networkMembers(network: NodeNetwork): readonly Member[] {
  const { serviceCidrs, localTraffic } = network;
  const member = (set: SetName) => (range: Cidr) => ({ set, family: cidrFamily(range), element: elementOf(range) });
  return [
    ...serviceCidrs.map(member("RANGES")),
    ...(localTraffic.kind === "pod-cidrs" ? localTraffic.cidrs.map(member("LOCAL")) : []),
  ];
}

/** A network as ipset lists it: a single address has no length. */
export function elementOf(range: Cidr): string {
  return range.replace(/(?<=\..*)\/32$|(?<=:.*)\/128$/, "");
}

/** The chains, whose number and length do not grow with the number of Services: sets carry the variety. */
export function fixedChains(family: IpFamily, network: NodeNetwork): readonly FixedChain[] {
  const set = (name: SetName, fields: string) => `-m set --match-set ${setName(name, family)} ${fields}`;
  const not = (name: SetName, fields: string) => `-m set ! --match-set ${setName(name, family)} ${fields}`;
  const mark = `0x${((1 << network.masqueradeBit) >>> 0).toString(16)}`;
  const toMasquerade = "-j SEALANE-IPVS-MARK";
  const toShortCircuit = `-j SET --map-set ${setName("SHORT-CIRCUITS", family)} dst,dst --map-mark`;
  const unwelcome = `${set("GUARDED", "dst,dst")} ${not("SOURCES", "dst,dst,src")} -j DROP`;
  const own = ownPods(family, network);
  const [icmp, unreachable] =
    family === "IPv4" ? ["icmp", "icmp-port-unreachable"] : ["ipv6-icmp", "icmp6-port-unreachable"];
  const reject = (match: string) => [
    `-p tcp ${match} -j REJECT --reject-with tcp-reset`,
    `! -p ${icmp} ${match} -j REJECT --reject-with ${unreachable}`,
  ];
  return [
    // Policy Local is for others: the node's own pods and processes find all endpoints, by a virtual server of its own mark.
    {
      table: "mangle",
      name: "SEALANE-IPVS-PRE",
      rules: own.map((match) => `${match} ${toShortCircuit}`),
    },
    {
      // IPVS takes what this node sends before the filter table sees it, so drops that concern it must come earlier.
      table: "mangle",
      name: "SEALANE-IPVS-NODE",
      rules: [
        unwelcome,
        toShortCircuit,
        `${set("SHORT-CIRCUITS", "dst,dst")} -j RETURN`,
        `${set("DROPPED", "dst,dst")} -j DROP`,
      ],
    },
    {
      table: "mangle",
      name: "SEALANE-IPVS-DROP",
      rules: [
        unwelcome,
        ...own.map((match) => `${match} ${set("SHORT-CIRCUITS", "dst,dst")} -j RETURN`),
        `${set("DROPPED", "dst,dst")} -j DROP`,
      ],
    },
    { table: "nat", name: "SEALANE-IPVS-MARK", rules: [`-j MARK --set-xmark ${mark}/${mark}`] },
    {
      table: "nat",
      name: "SEALANE-IPVS",
      rules: [
        ...foreignSources(family, network).map((match) => `${set("CLUSTER-IPS", "dst,dst")}${match} ${toMasquerade}`),
        `${set("MASQUERADE", "dst,dst")} ${toMasquerade}`,
      ],
    },
    {
      table: "nat",
      name: "SEALANE-IPVS-POST",
      rules: [
        `${set("LOOPBACK", "dst,dst,src")} -j MASQUERADE --random-fully`,
        // The node calls a Service from the address that it calls: no endpoint could answer that.
        `${set("VIPS", "src")} -j MASQUERADE --random-fully`,
        `-m mark ! --mark ${mark}/${mark} -j RETURN`,
        `-j MARK --set-xmark ${mark}/0x0`,
        "-j MASQUERADE --random-fully",
      ],
    },
    {
      table: "filter",
      name: "SEALANE-IPVS-GUARD",
      rules: [
        ...reject(set("REFUSED", "dst,dst")),
        `${set("SERVICES", "dst,dst")} -j RETURN`,
        // The addresses are the node's own: without this every program of the node that listens on all addresses were reachable there.
        ...reject(set("VIPS", "dst")),
      ],
    },
    {
      // No Service has the address (it would be local): a connection tracked on its way out would hang for minutes once one gets it.
      table: "filter",
      name: "SEALANE-IPVS-AWAY",
      rules: [`${set("RANGES", "dst")} -m addrtype ! --dst-type LOCAL -j DROP`],
    },
  ];
}

/** Matches for sources whose addresses must not reach an endpoint of a cluster IP; an empty match is everyone. */
function foreignSources(family: IpFamily, { masqueradeAll, localTraffic }: NodeNetwork): readonly string[] {
  if (masqueradeAll) return [""];
  switch (localTraffic.kind) {
    case "pod-cidrs": {
      const known = cidrsOfFamily(localTraffic.cidrs, family).length > 0;
      return known ? [` -m set ! --match-set ${setName("LOCAL", family)} src`] : [];
    }
    case "interface-prefix":
      return [` ! -i ${localTraffic.prefix}+`];
    case "bridge":
      return [` ! -i ${localTraffic.name}`];
    case "unknown":
      return [];
  }
}

/** Matches for packets of this node's own pods. */
function ownPods(family: IpFamily, { localTraffic }: NodeNetwork): readonly string[] {
  switch (localTraffic.kind) {
    case "pod-cidrs": {
      const known = cidrsOfFamily(localTraffic.cidrs, family).length > 0;
      return known ? [`-m set --match-set ${setName("LOCAL", family)} src`] : [];
    }
    case "interface-prefix":
      return [`-i ${localTraffic.prefix}+`];
    case "bridge":
      return [`-i ${localTraffic.name}`];
    case "unknown":
      return [];
  }
}

const fresh = "-m conntrack --ctstate NEW";

const jumps: readonly Jump[] = [
  { table: "mangle", from: "PREROUTING", rule: `${fresh} -j SEALANE-IPVS-PRE` },
  { table: "mangle", from: "INPUT", rule: `${fresh} -j SEALANE-IPVS-DROP` },
  { table: "mangle", from: "OUTPUT", rule: `${fresh} -j SEALANE-IPVS-NODE` },
  { table: "nat", from: "PREROUTING", rule: "-j SEALANE-IPVS" },
  { table: "nat", from: "OUTPUT", rule: "-j SEALANE-IPVS" },
  { table: "nat", from: "POSTROUTING", rule: "-j SEALANE-IPVS-POST" },
  { table: "filter", from: "INPUT", rule: `${fresh} -j SEALANE-IPVS-GUARD` },
  { table: "filter", from: "OUTPUT", rule: `${fresh} -j SEALANE-IPVS-GUARD` },
  { table: "filter", from: "FORWARD", rule: `${fresh} -j SEALANE-IPVS-AWAY` },
  { table: "filter", from: "OUTPUT", rule: `${fresh} -j SEALANE-IPVS-AWAY` },
];

const tables: readonly Table[] = ["mangle", "nat", "filter"];

/**
 * Input for `iptables-restore --noflush` that makes the chains what they should be. `saved` is what `iptables-save` lists: jumps that are
 * there are not added again.
 */
export function groundText(family: IpFamily, network: NodeNetwork, saved: string): string {
  const chains = fixedChains(family, network);
  const present = savedLines(saved);
  return tables
    .map((table) => {
      const own = chains.filter((chain) => chain.table === table);
      const lines = [
        ...own.map(({ name }) => `:${name} - [0:0]`),
        ...own.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${rule}`)),
        ...jumps
          .filter((jump) => jump.table === table && !present.has(`${table} -A ${jump.from} ${jump.rule}`))
          .map(({ from, rule }) => `-I ${from} ${rule}`),
      ];
      return `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
    })
    .join("");
}

/** Input that takes away those of the chains and jumps that `saved` lists; empty when there are none. */
export function removalText(saved: string): string {
  const present = savedLines(saved);
  return tables
    .map((table) => {
      const names = [...present].flatMap((line) => new RegExp(`^${table} :(SEALANE-IPVS\\S*) `).exec(line)?.[1] ?? []);
      const lines = [
        ...jumps
          .filter((jump) => jump.table === table && present.has(`${table} -A ${jump.from} ${jump.rule}`))
          .map(({ from, rule }) => `-D ${from} ${rule}`),
        ...names.map((name) => `-F ${name}`),
        ...names.map((name) => `-X ${name}`),
      ];
      return lines.length === 0 ? "" : `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
    })
    .join("");
}

/** Whether everything that `groundText` makes is listed in `saved`, and in our chains nothing else. */
export function hasGround(family: IpFamily, network: NodeNetwork, saved: string): boolean {
  const present = savedLines(saved);
  const wanted = [
    ...fixedChains(family, network).flatMap(({ table, name, rules }) =>
      rules.map((rule) => `${table} -A ${name} ${rule}`),
    ),
    ...jumps.map(({ table, from, rule }) => `${table} -A ${from} ${rule}`),
  ];
  const own = [...present].filter((line) => / -A .*SEALANE-IPVS/.test(line));
  return wanted.every((line) => present.has(line)) && own.length === wanted.length;
}

/** The lines that `iptables-save` lists, each with its table before it. */
function savedLines(saved: string): ReadonlySet<string> {
  const found = new Set<string>();
  let table = "";
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1).trim();
    else if (line.startsWith("-A ") || line.startsWith(":")) found.add(`${table} ${line.trim()}`);
  }
  return found;
}
