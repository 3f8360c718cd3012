import type { IpFamily } from "../../core/index.ts";
import { and, assign, concat, familyWords, field, is, jhash, jump, lookup, numgen, or } from "../nft/index.ts";
import type { ChainDefinition, Expression, Rule, RuleStatement } from "../nft/index.ts";
import type { Pick } from "./scheduling.ts";
import { servicePartMask } from "./sticky.ts";

/**
 * How an entry picks its endpoint. Every entry of one shape shares one chain, so that the number of chains does not
 * grow with the number of Services.
 */
export interface Shape {
  /** Number of slots to pick from, at least 1. */
  readonly slots: number;
  readonly pick: Pick;
  /** Which list of the entry: that of policy Cluster or that of policy Local. */
  readonly list: "cluster" | "local";
  readonly entry: "address" | "node-port";
  readonly masquerade: boolean;
  readonly affinitySeconds?: number;
  /** Picks in turn count in the chain: a Service that asks for them has a chain of its own. */
  readonly owner?: string;
}

/**
 * Numbers of slots start here, so that both lists of an entry live in one map. nft shows them as `1:0`, `1:1`, ... and
 * `2:0`, `2:1`, ...
 */
export const firstSlot: Readonly<Record<Shape["list"], number>> = { cluster: 0x1_0000, local: 0x2_0000 };

/** Any values do, as long as they stay: clients of `sh` and `mh` move when they change. */
const hashSeed = 0x5ea1a4e;

/** Adds the mark that asks for the node's source address; `bit` is 0 to 31. */
export function markForMasquerade(bit: number): RuleStatement {
  return assign("meta mark", or(field("meta mark"), markOf(bit)));
}

/** The mark with one bit. */
export function markOf(bit: number): number {
  return (1 << bit) >>> 0;
}

/** Name of the chain of a shape, such as `pick-3`, `pick-2-local` or `masquerade-pick-3-node-port-sticky-10800`. */
export function shapeName({ slots, pick, list, entry, masquerade, affinitySeconds, owner }: Shape): string {
  let name = `${masquerade ? "masquerade-" : ""}${pick === "random" ? "pick" : pick}-${slots}`;
  if (list === "local") name += "-local";
  if (entry === "node-port") name += "-node-port";
  if (affinitySeconds !== undefined) name += `-sticky-${affinitySeconds}`;
  return owner === undefined ? name : `${name}-${owner}`;
}

/**
 * The chain of a shape. A packet that leaves it without a verdict found no endpoint. The number travels in the packet's
 * priority: nft has no variables, and the priority of a connection's first packet is the field that nobody misses. (nft
 * 1.0.6 cannot add a rule that has the random number itself in the key of a `dnat` map to a table that is there.)
 */
export function shapeChain(family: IpFamily, shape: Shape, masqueradeBit: number): ChainDefinition {
  const words = familyWords(family);
  const key = shape.entry === "address" ? words.entry : words.nodePortEntry;
  const mark: readonly Rule[] = shape.masquerade ? [[markForMasquerade(masqueradeBit)]] : [];
  const slot = slotExpression(family, shape);
  return { name: shapeName(shape), rules: [...mark, ...pick()] };

  function pick(): readonly Rule[] {
    if (shape.affinitySeconds === undefined) {
      const to = lookup(concat(key, priority), "endpoints");
      return [[assign("meta priority", slot)], [{ kind: "dnat", to }]];
    }
    return [
      [assign("meta priority", lookup(key, "sticky-services"))],
      [assign("meta priority", lookup(concat(priority, clientOf(family)), "affinity")), jump(recallName(shape))],
      [assign("meta priority", lookup(concat(servicePart, slot), "sticky-slots"))],
      [remember("update", family, shape.affinitySeconds)],
      serve(shape),
    ];
  }
}

/**
 * The chain that serves known clients; one for each timeout and list. A client whose endpoint is gone is forgotten and goes
 * back to be placed again. `undefined` when the shape needs none.
 */
export function recallChain(family: IpFamily, shape: Shape): ChainDefinition | undefined {
  if (shape.affinitySeconds === undefined) return undefined;
  return {
    name: recallName(shape),
    rules: [[remember("update", family, shape.affinitySeconds)], serve(shape), [remember("delete", family)]],
  };
}

/** Which map has the endpoints that clients of a list stay with. */
export const stickyMaps = {
  cluster: "sticky-endpoints",
  local: "sticky-local-endpoints",
} as const satisfies Readonly<Record<Shape["list"], string>>;

/** What tells clients apart. nft 1.0.6 has room for 12 bytes beside the Service's number, so IPv6 addresses count by a hash of 64 bits. */
export function clientOf(family: IpFamily): Expression {
  const { source } = familyWords(family);
  if (family === "IPv4") return source;
  return concat(jhash(source, 0xffff_ffff, 0x5ea1a4e), jhash(source, 0xffff_ffff, 0x1a4e5ea));
}

const priority = field("meta priority");
const servicePart = and(priority, servicePartMask);

function slotExpression(family: IpFamily, { pick, slots, list }: Shape): Expression {
  const words = familyWords(family);
  switch (pick) {
    case "random":
      return numgen("random", slots, firstSlot[list]);
    case "turn":
      return numgen("inc", slots, firstSlot[list]);
    case "source":
      return jhash(words.source, slots, hashSeed, firstSlot[list]);
    case "destination":
      return jhash(words.destination, slots, hashSeed, firstSlot[list]);
  }
}

/** nft wants to know that there is a port before it writes one. */
function serve({ list }: Shape): Rule {
  const hasPorts = is(field("meta l4proto"), ["tcp", "udp", "sctp"]);
  return [hasPorts, { kind: "dnat", to: lookup(priority, stickyMaps[list]) }];
}

function remember(action: "update" | "delete", family: IpFamily, timeoutSeconds?: number): RuleStatement {
  const key = concat(servicePart, clientOf(family));
  const timeout = timeoutSeconds === undefined ? {} : { timeoutSeconds };
  return { kind: "remember", action, map: "affinity", key, ...timeout, value: priority };
}

function recallName({ list, affinitySeconds }: Shape): string {
  return `recall${list === "local" ? "-local" : ""}-${affinitySeconds}`;
}
