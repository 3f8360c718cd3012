import type { IpFamily } from "../../core/index.ts";
import { concat, field, jhash, lookup, numgen, or } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { familyWords } from "./family-words.ts";
import { assign, jump } from "./rule.ts";
import type { Rule, RuleStatement } from "./rule.ts";
import type { ChainDefinition } from "./statement.ts";

/** Packets of this mark get the node's address as their source on the way out, as kube-proxy's do. */
export const masqueradeBit = 0x4000;

/**
 * How an entry picks its endpoint. Every entry of one shape shares one chain, so that the number of chains does not
 * grow with the number of Services.
 */
export interface Shape {
  /** Number of slots to pick from, at least 1. */
  readonly slots: number;
  /** Which list of the entry: that of policy Cluster or that of policy Local. */
  readonly list: "cluster" | "local";
  readonly entry: "address" | "node-port";
  readonly masquerade: boolean;
  readonly affinitySeconds?: number;
}

/**
 * Numbers of slots start here, so that both lists of an entry live in one map. nft shows them as `1:0`, `1:1`, ... and
 * `2:0`, `2:1`, ...
 */
export const firstSlot: Readonly<Record<Shape["list"], number>> = { cluster: 0x1_0000, local: 0x2_0000 };

/** Adds the mark that asks for the node's source address. */
export const markForMasquerade: RuleStatement = assign("meta mark", or(field("meta mark"), masqueradeBit));

/** Name of the chain of a shape, such as `pick-3`, `pick-2-local` or `masquerade-pick-3-node-port-sticky-10800`. */
export function shapeName({ slots, list, entry, masquerade, affinitySeconds }: Shape): string {
  return [
    ...(masquerade ? ["masquerade"] : []),
    `pick-${slots}`,
    ...(list === "local" ? ["local"] : []),
    ...(entry === "node-port" ? ["node-port"] : []),
    ...(affinitySeconds === undefined ? [] : [`sticky-${affinitySeconds}`]),
  ].join("-");
}

/**
 * The chain of a shape. A packet that leaves it without a verdict found no endpoint. The number travels in the packet's
 * priority: nft has no variables, and the priority of a connection's first packet is the field that nobody misses. (nft
 * 1.0.6 cannot add a rule that has the random number itself in the key of a `dnat` map to a table that is there.)
 */
export function shapeChain(family: IpFamily, shape: Shape): ChainDefinition {
  const { key, client } = keysOf(family, shape);
  const mark: readonly Rule[] = shape.masquerade ? [[markForMasquerade]] : [];
  const slot = numgen("random", shape.slots, firstSlot[shape.list]);
  return { name: shapeName(shape), rules: [...mark, ...pick(), serve(key)] };

  function pick(): readonly Rule[] {
    if (shape.affinitySeconds === undefined) return [[assign("meta priority", slot)]];
    // nft 1.0.6 aborts on updates of a map whose key is longer than 16 bytes, so IPv6 clients are placed by hash: they
    // stay while the number of endpoints stays.
    if (family === "IPv6") {
      const place = jhash(familyWords(family).source, shape.slots, 0x5ea1a4e, firstSlot[shape.list]);
      return [[assign("meta priority", place)]];
    }
    return [
      [assign("meta priority", lookup(client, "affinity")), jump(recallName(shape))],
      [assign("meta priority", lookup(concat(key, slot), "sticky-ids"))],
      remember(client, shape.affinitySeconds),
    ];
  }
}

function serve(key: Expression): Rule {
  return [{ kind: "dnat", to: lookup(concat(key, field("meta priority")), "endpoints") }];
}

function remember(client: Expression, timeoutSeconds: number): Rule {
  const value = field("meta priority");
  return [{ kind: "remember", action: "update", map: "affinity", key: client, timeoutSeconds, value }];
}

/**
 * The chain that serves known clients; one for each timeout. A client whose endpoint is gone is forgotten and goes back
 * to be placed again. `undefined` when the shape needs none.
 */
export function recallChain(family: IpFamily, shape: Shape): ChainDefinition | undefined {
  if (shape.affinitySeconds === undefined || family === "IPv6") return undefined;
  const { key, client } = keysOf(family, shape);
  return {
    name: recallName(shape),
    rules: [
      remember(client, shape.affinitySeconds),
      serve(key),
      [{ kind: "remember", action: "delete", map: "affinity", key: client, value: field("meta priority") }],
    ],
  };
}

function keysOf(family: IpFamily, { entry }: Shape): { readonly key: Expression; readonly client: Expression } {
  const words = familyWords(family);
  return entry === "address"
    ? { key: words.entry, client: words.client }
    : { key: words.nodePortEntry, client: words.nodePortClient };
}

function recallName({ entry, affinitySeconds }: Shape): string {
  return `recall${entry === "node-port" ? "-node-port" : ""}-${affinitySeconds}`;
}
