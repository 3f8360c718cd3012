import { cidr, cidrContains } from "../core/index.ts";
import type { Ip, Port } from "../core/index.ts";
import { everyWay } from "./choices.ts";
import type { Choose } from "./choices.ts";
import type { Atom, SimMemory, SimNode, SimOutcome, SimPacket, SimVerdict, TraceStep } from "./packet.ts";

/** Places on a packet's way through the kernel where rules are asked. */
export type HookName = "prerouting" | "input" | "forward" | "output" | "postrouting";

/** A packet on its way, with what rules have done to it so far. */
export interface Flow {
  readonly packet: SimPacket;
  readonly node: SimNode;
  readonly choose: Choose;
  /** The link that it is on; empty for packets of the node's own processes, also when rules ask for its name. */
  readonly link: string;
  source: Ip;
  destination: Ip;
  destinationPort: Port;
  mark: number;
  priority: number;
  redirected: boolean;
  masqueraded: boolean;
  readonly trace: TraceStep[];
  readonly memory: Map<string, Map<string, readonly Atom[]>>;
}

/** How a chain of rules ends: the packet goes on, or its fate is sealed. */
export type ChainEnd = "on" | Extract<SimVerdict, { readonly kind: "rejected" | "dropped" }>;

/** Rules that are attached to a hook. */
export interface HookedRules {
  readonly hook: HookName;
  /** Lower ones are asked first. */
  readonly priority: number;
  /** Rules of type nat are asked for the first packet of a flow only, and not any more once one has redirected it. */
  readonly nat: boolean;
  run(flow: Flow): ChainEnd;
}

const loopback = [cidr("127.0.0.0/8"), cidr("::1/128")];

/** Whether the node has the address. */
export function isLocal({ addresses }: SimNode, address: Ip): boolean {
  return addresses.includes(address) || loopback.some((range) => cidrContains(range, address));
}

/**
 * Sends the packet through the hooks of a node, and tells everything that can become of it. `memory` is what earlier packets
 * left behind.
 */
export function walkKernel(
  rules: readonly HookedRules[],
  node: SimNode,
  packet: SimPacket,
  memory: SimMemory = new Map(),
): readonly SimOutcome[] {
  const ordered = [...rules].sort((a, b) => a.priority - b.priority);
  const ways = everyWay((choose) => {
    const flow = flowOf(packet, node, choose, memory);
    return { verdict: walkOnce(ordered, flow), trace: flow.trace, memory: flow.memory };
  });
  return ways.map(({ probability, result }) => ({ probability, ...result }));
}

function flowOf(packet: SimPacket, node: SimNode, choose: Choose, memory: SimMemory): Flow {
  const { source, destination, destinationPort, link = "" } = packet;
  return {
    packet,
    node,
    choose,
    link,
    source,
    destination,
    destinationPort,
    mark: 0,
    priority: 0,
    redirected: false,
    masqueraded: false,
    trace: [],
    memory: new Map([...memory].map(([name, elements]) => [name, new Map(elements)])),
  };
}

function walkOnce(rules: readonly HookedRules[], flow: Flow): SimVerdict {
  const fromNode = flow.packet.link === undefined;
  const end = pass(fromNode ? "output" : "prerouting", true);
  if (end !== "on") return end;
  const toNode = isLocal(flow.node, flow.destination);
  for (const hook of hooksAfter(fromNode, toNode)) {
    // On the loopback link the packet comes in once more, but its flow is not new to nat.
    const wasRedirected = flow.redirected;
    const later = pass(hook, hook !== "prerouting");
    if (later !== "on") return later;
    if (hook === "input" && flow.redirected && !wasRedirected) return sentOn();
  }
  if (!flow.redirected) return { kind: "untouched", local: toNode };
  return redirected();

  /** What was meant for the node itself goes to an endpoint instead: IPVS sends it out from here. */
  function sentOn(): SimVerdict {
    for (const hook of ["output", "postrouting"] as const) {
      const end = pass(hook, hook === "postrouting");
      if (end !== "on") return end;
    }
    return redirected();
  }

  function redirected(): SimVerdict {
    const { destination: to, destinationPort: port, masqueraded } = flow;
    return { kind: "redirected", to, port, masqueraded };
  }

  function pass(hook: HookName, withNat: boolean): ChainEnd {
    for (const chain of rules) {
      if (chain.hook !== hook) continue;
      if (chain.nat && (!withNat || isDone(hook))) continue;
      const result = chain.run(flow);
      if (result !== "on") return result;
    }
    return "on";
  }

  function isDone(hook: HookName): boolean {
    return hook === "postrouting" || hook === "input" ? flow.masqueraded : flow.redirected;
  }
}

function hooksAfter(fromNode: boolean, toNode: boolean): readonly HookName[] {
  if (!fromNode) return toNode ? ["input"] : ["forward", "postrouting"];
  return toNode ? ["postrouting", "prerouting", "input"] : ["postrouting"];
}
