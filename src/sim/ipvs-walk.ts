import type { Ip, IpFamily } from "../core/index.ts";
import type { NodeNetwork } from "../model/index.ts";
import { groundText } from "../rules/ipvs/index.ts";
import type { Destination, IpvsState, ServerState } from "../rules/ipvs/index.ts";
import { readIpvsRule, SetIndex } from "./ipvs-rule.ts";
import type { IpvsRule, IpvsTarget } from "./ipvs-rule.ts";
import type { ChainEnd, Flow, HookedRules, HookName } from "./kernel-walk.ts";

const priorities: Readonly<Record<string, number>> = { mangle: -150, nat: -100, filter: 0 };
const hooks: readonly HookName[] = ["prerouting", "input", "forward", "output", "postrouting"];

/** Where IPVS asks: for what comes in after everything but source NAT, for what the node sends after destination NAT. */
const ipvsHooks: readonly (readonly [HookName, number])[] = [
  ["input", 98],
  ["output", -99],
];

/**
 * IPVS with the sets and the chains around it, as packets of one family meet it. The node must have the addresses of the
 * dummy device, `ipvsAddresses`. `chains` is what `iptables-save` lists of the family; when absent, what the engine writes.
 */
export function ipvsRules(
  family: IpFamily,
  network: NodeNetwork,
  state: IpvsState,
  chains = groundText(family, network, ""),
): readonly HookedRules[] {
  const sets = new SetIndex(family, state);
  const tables = readGround(chains);
  const around = [...tables].flatMap(([table, chains]) =>
    hooks
      .filter((hook) => chains.has(hook.toUpperCase()))
      .map((hook) => ({
        hook,
        priority: hook === "postrouting" && table === "nat" ? 100 : (priorities[table] ?? 0),
        nat: table === "nat",
        run: (flow: Flow): ChainEnd => {
          const end = new AroundWalk(table, chains, sets, flow, hook).chain(hook.toUpperCase());
          return end === "back" ? "on" : end;
        },
      })),
  );
  const servers = ipvsHooks.map(([hook, priority]) => ({
    hook,
    priority,
    nat: false,
    run: (flow: Flow): ChainEnd => {
      schedule(hook, state, flow);
      return "on";
    },
  }));
  return [...around, ...servers];
}

/** The addresses that the node has because of its Services. */
export function ipvsAddresses({ addresses }: IpvsState): readonly Ip[] {
  return [...addresses];
}

/** Schedulers that look at weights; the others only leave out weight 0. */
const weighted: ReadonlySet<string> = new Set(["wrr", "wlc", "sed", "nq", "mh", "sh", "dh"]);

/** Sends the packet to a destination of its virtual server, if it has one: by its mark before its address. */
function schedule(hook: HookName, state: IpvsState, flow: Flow): void {
  if (flow.redirected) return;
  const { packet, mark, destination, destinationPort } = flow;
  const found =
    (mark === 0 ? undefined : state.servers.get(`${packet.family} mark ${mark}`)) ??
    state.servers.get(`${packet.protocol} ${destination} ${destinationPort}`);
  const to = found === undefined ? undefined : destinationOf(found, flow);
  if (found === undefined || to === undefined) return;
  flow.trace.push({
    where: `${hook} IPVS`,
    rule: `${packet.protocol} ${destination}:${destinationPort}, scheduler ${found.server.scheduler}`,
  });
  flow.destination = to.ip;
  flow.destinationPort = to.port;
  flow.redirected = true;
}

function destinationOf({ server, destinations }: ServerState, flow: Flow): Destination | undefined {
  const willing = [...destinations.values()].filter(({ weight }) => weight > 0);
  if (willing.length === 0) return undefined;
  return willing[flow.choose(willing.map(({ weight }) => (weighted.has(server.scheduler) ? weight : 1)))];
}

type Chains = Map<string, IpvsRule[]>;

/** Reads what `iptables-restore` is given, or `iptables-save` lists. */
function readGround(text: string): ReadonlyMap<string, Chains> {
  const tables = new Map<string, Chains>();
  let chains: Chains = new Map();
  for (const line of text.split("\n")) {
    const [word = "", name = "", ...rest] = line.split(" ");
    if (word.startsWith("*")) {
      chains = new Map();
      tables.set(word.slice(1), chains);
    } else if (word === "-A" || word === "-I") {
      const own = chains.get(name) ?? [];
      chains.set(name, own);
      if (word === "-A") own.push(readIpvsRule(rest.join(" ")));
      else own.unshift(readIpvsRule(rest.join(" ")));
    }
  }
  return tables;
}

type End = "back" | ChainEnd;

class AroundWalk {
  readonly #table: string;
  readonly #chains: Chains;
  readonly #sets: SetIndex;
  readonly #flow: Flow;
  readonly #hook: HookName;

  constructor(table: string, chains: Chains, sets: SetIndex, flow: Flow, hook: HookName) {
    this.#table = table;
    this.#chains = chains;
    this.#sets = sets;
    this.#flow = flow;
    this.#hook = hook;
  }

  chain(name: string): End {
    for (const rule of this.#chains.get(name) ?? []) {
      if (!rule.applies(this.#flow, this.#sets)) continue;
      const { target } = rule;
      const comment = this.#sets.find(`${setPrefix(this.#flow)}SERVICES`, "dst,dst", this.#flow)?.comment;
      this.#flow.trace.push({
        where: `${this.#hook} ${this.#table} ${name}`,
        rule: rule.text,
        ...(comment === undefined ? {} : { comment }),
      });
      const end = this.#apply(target);
      if (end === "next" || (end === "back" && target.kind === "jump")) continue;
      return end;
    }
    return "back";
  }

  #apply(target: IpvsTarget): End | "next" {
    const flow = this.#flow;
    switch (target.kind) {
      case "jump":
        return this.chain(target.chain);
      case "drop":
        return { kind: "dropped" };
      case "return":
        return "back";
      case "masquerade":
        flow.masqueraded = true;
        return "on";
      case "reset":
        return { kind: "rejected", with: "tcp-reset" };
      case "reject":
        return { kind: "rejected", with: "icmp" };
      case "mark":
        flow.mark = ((flow.mark & ~target.mask) ^ target.value) >>> 0;
        return "next";
      case "map-mark": {
        const mark = this.#sets.find(target.set, target.fields, flow)?.mark;
        if (mark !== undefined) flow.mark = mark;
        return "next";
      }
    }
  }
}

function setPrefix({ packet }: Flow): string {
  return packet.family === "IPv4" ? "SEALANE-" : "SEALANE-6-";
}
