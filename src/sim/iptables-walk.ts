import { cidrContains, parseCidr } from "../core/index.ts";
import type { Cidr, Ip } from "../core/index.ts";
import { ruleText } from "../rules/iptables/index.ts";
import type { Match, SavedTable, Table, Target } from "../rules/iptables/index.ts";
import { isLocal } from "./kernel-walk.ts";
import type { ChainEnd, Flow, HookedRules, HookName } from "./kernel-walk.ts";

const builtIns: Readonly<Record<Table, readonly (readonly [HookName, number])[]>> = {
  mangle: [
    ["prerouting", -150],
    ["input", -150],
    ["forward", -150],
    ["output", -150],
    ["postrouting", -150],
  ],
  nat: [
    ["prerouting", -100],
    ["input", 100],
    ["output", -100],
    ["postrouting", 100],
  ],
  filter: [
    ["input", 0],
    ["forward", 0],
    ["output", 0],
  ],
};

/**
 * The tables of iptables as packets meet them, in either variant. They must be those of the packets' family. Throws when a
 * packet comes to a rule that this program does not write, and that it so cannot read.
 */
export function iptablesRules(tables: ReadonlyMap<Table, SavedTable>): readonly HookedRules[] {
  return [...tables].flatMap(([table, chains]) =>
    builtIns[table].map(([hook, priority]) => ({
      hook,
      priority,
      nat: table === "nat",
      run: (flow: Flow): ChainEnd => {
        const end = new TableWalk(table, chains, flow, hook).chain(hook.toUpperCase());
        return end === "back" ? "on" : end;
      },
    })),
  );
}

/** `back`: to the chain that jumped here; at the top, the chain's policy, which is to accept. */
type End = "back" | ChainEnd;

class TableWalk {
  readonly #table: Table;
  readonly #chains: SavedTable;
  readonly #flow: Flow;
  readonly #hook: HookName;

  constructor(table: Table, chains: SavedTable, flow: Flow, hook: HookName) {
    this.#table = table;
    this.#chains = chains;
    this.#flow = flow;
    this.#hook = hook;
  }

  chain(name: string): End {
    for (const { text, rule } of this.#chains.get(name) ?? []) {
      if (rule === undefined) throw new Error(`chain ${name} of ${this.#table}: no rule of this program: ${text}`);
      if (!rule.matches.every((match) => this.#matches(match))) continue;
      this.#note(name, ruleText(rule), rule.matches);
      if (rule.target === undefined) continue;
      const end = this.#apply(rule.target);
      if (end === "next") continue;
      if (end === "back" && rule.target.kind === "jump") continue;
      return end;
    }
    return "back";
  }

  #note(chain: string, rule: string, matches: readonly Match[]): void {
    const comment = matches.find((match) => match.kind === "comment")?.text;
    this.#flow.trace.push({
      where: `${this.#hook} ${this.#table} ${chain}`,
      rule,
      ...(comment === undefined ? {} : { comment }),
    });
  }

  #matches(match: Match): boolean {
    const flow = this.#flow;
    switch (match.kind) {
      case "source":
        return isIn(flow.source, match.network) !== (match.not === true);
      case "destination":
        return isIn(flow.destination, match.network) !== (match.not === true);
      case "in-interface":
        return isNamed(flow.link, match.name) !== (match.not === true);
      case "protocol": {
        const { protocol, destinationPort } = match;
        if (protocol !== flow.packet.protocol.toLowerCase()) return false;
        return destinationPort === undefined || destinationPort === flow.destinationPort;
      }
      case "comment":
        return true;
      case "connection-state":
        return this.#hasState(match.states) !== (match.not === true);
      case "local-address": {
        const address = match.side === "source" ? flow.source : flow.destination;
        return isLocal(flow.node, address) !== (match.not === true);
      }
      case "mark":
        return ((flow.mark & match.bits) >>> 0 === match.bits) !== (match.not === true);
      case "random":
        return flow.choose([match.probability, 1 - match.probability]) === 0;
      case "every":
        return flow.choose([1, match.packets - 1]) === 0;
      case "recently-seen":
        return flow.memory.get(match.list)?.has(flow.source) === true;
      case "remember-source": {
        const sources = flow.memory.get(match.list) ?? new Map<string, readonly string[]>();
        flow.memory.set(match.list, sources);
        sources.set(flow.source, []);
        return true;
      }
    }
  }

  /** A flow's first packet is new; it counts as redirected from the moment at which it is. */
  #hasState(states: readonly string[]): boolean {
    return states.includes("NEW") || (states.includes("DNAT") && this.#flow.redirected);
  }

  #apply(target: Target): End | "next" {
    const flow = this.#flow;
    switch (target.kind) {
      case "jump":
        return this.chain(target.chain);
      case "accept":
        return "on";
      case "drop":
        return { kind: "dropped" };
      case "return":
        return "back";
      case "reject":
        return { kind: "rejected", with: "icmp" };
      case "reset":
        return { kind: "rejected", with: "tcp-reset" };
      case "dnat":
        flow.destination = target.ip;
        flow.destinationPort = target.port;
        flow.redirected = true;
        return "on";
      case "masquerade":
        flow.masqueraded = true;
        return "on";
      case "set-mark-bits":
        flow.mark = (flow.mark | target.bits) >>> 0;
        return "next";
      case "flip-mark-bits":
        flow.mark = (flow.mark ^ target.bits) >>> 0;
        return "next";
    }
  }
}

/** Whether an address is in a network, or is the address that stands in its place. */
function isIn(address: Ip, network: Ip | Cidr): boolean {
  const [base = "", length] = network.split("/");
  if (length === undefined || length === (base.includes(":") ? "128" : "32")) return address === base;
  // Most rules are about single addresses: only few packets come to here.
  const range = parseCidr(network);
  return range !== undefined && cidrContains(range, address);
}

function isNamed(link: string, name: string): boolean {
  return name.endsWith("+") ? link.startsWith(name.slice(0, -1)) : link === name;
}
