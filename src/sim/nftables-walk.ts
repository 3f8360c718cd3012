import { fnv1a, ipFromBigInt, ipToBigInt, parseIp } from "../core/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { parseVerdict, ruleText } from "../rules/nft/index.ts";
import type { Expression, Field, MatchTarget, Rule, RuleStatement, TableState, Verdict } from "../rules/nft/index.ts";
import { isLocal } from "./kernel-walk.ts";
import type { ChainEnd, Flow, HookedRules } from "./kernel-walk.ts";
import { indexOf, isWithin, keyText } from "./nftables-values.ts";
import type { Atom } from "./packet.ts";

/** A table of nftables as packets meet it: its base chains at their hooks. The table must be that of the packets' family. */
export function nftablesRules(table: TableState): readonly HookedRules[] {
  return [...table.chains.values()].flatMap(({ name, hook }) => {
    if (hook === undefined) return [];
    const run = (flow: Flow): ChainEnd => {
      const end = new TableWalk(table, flow, hook.hook).chain(name);
      return end === "continue" || end === "accept" ? "on" : end;
    };
    return [{ hook: hook.hook, priority: hook.priority, nat: hook.type === "nat", run }];
  });
}

/** `continue`: back to the chain that jumped here. */
type End = "continue" | "accept" | Exclude<ChainEnd, "on">;

/** What a rule does with a packet that passed all its parts. */
type RuleEnd =
  | { readonly kind: "next" }
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  | { readonly kind: "end"; readonly end: End };

class TableWalk {
  readonly #table: TableState;
  readonly #flow: Flow;
  readonly #hook: string;
  /** Of the element that the rule at hand found. */
  #comment: string | undefined;

  constructor(table: TableState, flow: Flow, hook: string) {
    this.#table = table;
    this.#flow = flow;
    this.#hook = hook;
  }

  chain(name: string): End {
    const chain = this.#table.chains.get(name);
    if (chain === undefined) throw new Error(`the rules go to chain ${name}, which is not there`);
    for (const rule of chain.rules) {
      const result = this.#rule(name, rule);
      if (result.kind === "next") continue;
      if (result.kind === "end") return result.end;
      const { verdict } = result;
      switch (verdict.kind) {
        case "accept":
          return "accept";
        case "drop":
          return { kind: "dropped" };
        case "return":
          return "continue";
        case "goto":
          return this.chain(verdict.chain);
        case "jump": {
          const end = this.chain(verdict.chain);
          if (end !== "continue") return end;
        }
      }
    }
    return "continue";
  }

  #rule(chain: string, rule: Rule): RuleEnd {
    this.#comment = undefined;
    for (const statement of rule) {
      const result = this.#statement(statement);
      if (result === undefined) return { kind: "next" };
      if (result.kind === "next") continue;
      this.#note(chain, rule);
      return result;
    }
    this.#note(chain, rule);
    return { kind: "next" };
  }

  #note(chain: string, rule: Rule): void {
    const comment = this.#comment;
    this.#flow.trace.push({
      where: `${this.#hook} ${chain}`,
      rule: ruleText(rule),
      ...(comment === undefined ? {} : { comment }),
    });
  }

  /** `undefined`: the packet leaves the rule here. */
  #statement(statement: RuleStatement): RuleEnd | undefined {
    switch (statement.kind) {
      case "match":
        return this.#match(statement.left, statement.right, statement.negated) ? next : undefined;
      case "vmap": {
        const value = this.#find(statement.map, this.#evaluate(statement.key))?.value;
        const verdict = value === undefined ? undefined : parseVerdict(value);
        return verdict === undefined ? undefined : { kind: "verdict", verdict };
      }
      case "assign":
        return this.#assign(statement.field, this.#evaluate(statement.value)) ? next : undefined;
      case "remember": {
        const key = this.#evaluate(statement.key);
        const value = this.#evaluate(statement.value);
        if (key === undefined || value === undefined) return undefined;
        const elements = this.#flow.memory.get(statement.map) ?? new Map<string, readonly Atom[]>();
        this.#flow.memory.set(statement.map, elements);
        if (statement.action === "delete") elements.delete(keyText(key));
        else elements.set(keyText(key), value);
        return next;
      }
      case "dnat":
        return this.#redirect(this.#evaluate(statement.to));
      case "masquerade":
        this.#flow.masqueraded = true;
        return { kind: "end", end: "accept" };
      case "reject": {
        const isReset = statement.with === "tcp reset" && this.#flow.packet.protocol === "TCP";
        return { kind: "end", end: { kind: "rejected", with: isReset ? "tcp-reset" : "icmp" } };
      }
      case "verdict":
        return { kind: "verdict", verdict: statement.verdict };
    }
  }

  #redirect(to: readonly Atom[] | undefined): RuleEnd | undefined {
    const [address, port = this.#flow.destinationPort] = to ?? [];
    const ip = parseIp(`${address}`);
    if (ip === undefined) return undefined;
    this.#flow.destination = ip;
    this.#flow.destinationPort = Number(port);
    this.#flow.redirected = true;
    return { kind: "end", end: "accept" };
  }

  #match(left: Expression, right: MatchTarget, negated: boolean): boolean {
    const atoms = this.#evaluate(left);
    // A field that the packet does not have ends the rule, also in the negative.
    if (atoms === undefined) return false;
    return this.#equals(atoms, right) !== negated;
  }

  #equals(atoms: readonly Atom[], right: MatchTarget): boolean {
    switch (right.kind) {
      case "value":
        return isWithin(atoms[0], right.value);
      case "values":
        return right.values.some((value) => isWithin(atoms[0], value));
      case "set":
        return this.#find(right.set, atoms) !== undefined;
    }
  }

  #find(name: string, key: readonly Atom[] | undefined): { readonly value?: string } | undefined {
    const set = this.#table.sets.get(name);
    if (set === undefined) throw new Error(`the rules look into ${name}, which is not there`);
    if (key === undefined) return undefined;
    const found = indexOf(set).find(key);
    if (found?.comment !== undefined) this.#comment = found.comment;
    return found;
  }

  #assign(name: Field, value: readonly Atom[] | undefined): boolean {
    const number = Number(value?.[0]);
    if (value === undefined || Number.isNaN(number)) return false;
    if (name === "meta mark") this.#flow.mark = number >>> 0;
    else if (name === "meta priority") this.#flow.priority = number;
    else throw new Error(`the rules write ${name}, which no packet lets them`);
    return true;
  }

  /** The value of an expression for this packet; `undefined` when it has none. */
  #evaluate(expression: Expression): readonly Atom[] | undefined {
    switch (expression.kind) {
      case "field": {
        const atom = this.#field(expression.field);
        return atom === undefined ? undefined : [atom];
      }
      case "concat": {
        const parts = expression.parts.map((part) => this.#evaluate(part));
        return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
      }
      case "and": {
        const [atom] = this.#evaluate(expression.of) ?? [];
        return atom === undefined ? undefined : [masked(this.#flow.packet.family, atom, expression.mask)];
      }
      case "or": {
        const [atom] = this.#evaluate(expression.of) ?? [];
        return atom === undefined ? undefined : [(Number(atom) | expression.bits) >>> 0];
      }
      case "numgen":
        return [this.#slot(expression.modulus) + expression.offset];
      case "jhash": {
        const of = this.#evaluate(expression.of);
        if (of === undefined) return undefined;
        const { modulus, offset, seed } = expression;
        // To pick a slot: what a hash gives for a client nobody can foresee, so every slot is as likely. To know a client again: any hash does.
        const slot = modulus <= mostSlots ? this.#slot(modulus) : fnv1a(`${seed} ${keyText(of)}`) % modulus;
        return [slot + offset];
      }
      case "endpoint":
        return [expression.ip, expression.port];
      case "lookup":
        return this.#lookup(expression.map, this.#evaluate(expression.key));
    }
  }

  #slot(slots: number): number {
    return this.#flow.choose(Array.from({ length: slots }, () => 1));
  }

  #lookup(map: string, key: readonly Atom[] | undefined): readonly Atom[] | undefined {
    if (key === undefined) return undefined;
    const remembered = this.#flow.memory.get(map)?.get(keyText(key));
    if (remembered !== undefined) return remembered;
    const value = this.#find(map, key)?.value;
    const set = this.#table.sets.get(map);
    return value === undefined || set === undefined ? undefined : indexOf(set).readValue(value);
  }

  #field(name: Field): Atom | undefined {
    const { packet, node, source, destination, destinationPort, mark, priority, redirected, link } = this.#flow;
    const typeOf = (address: Ip): string => (isLocal(node, address) ? "local" : "unicast");
    const inFamily = (family: IpFamily, address: Ip): Ip | undefined =>
      packet.family === family ? address : undefined;
    switch (name) {
      case "ip saddr":
        return inFamily("IPv4", source);
      case "ip daddr":
        return inFamily("IPv4", destination);
      case "ip6 saddr":
        return inFamily("IPv6", source);
      case "ip6 daddr":
        return inFamily("IPv6", destination);
      case "th dport":
        return destinationPort;
      case "tcp dport":
        return packet.protocol === "TCP" ? destinationPort : undefined;
      case "udp dport":
        return packet.protocol === "UDP" ? destinationPort : undefined;
      case "meta l4proto":
        return packet.protocol.toLowerCase();
      case "meta mark":
        return mark;
      case "meta priority":
        return priority;
      case "iifname":
        return link;
      case "ct state":
        return "new";
      case "ct status":
        return redirected ? "dnat" : "";
      case "fib saddr type":
        return typeOf(source);
      case "fib daddr type":
        return typeOf(destination);
    }
  }
}

/** Picks have no more ways than this. */
const mostSlots = 0x1_0000;

const next: RuleEnd = { kind: "next" };

function masked(family: IpFamily, atom: Atom, mask: Atom): Atom {
  if (typeof atom === "number") return (atom & Number(mask)) >>> 0;
  const address = parseIp(atom);
  const bits = parseIp(`${mask}`);
  if (address === undefined || bits === undefined) throw new Error(`${atom} & ${mask} is not a value`);
  return ipFromBigInt(family, ipToBigInt(address) & ipToBigInt(bits));
}
