import { ip } from "../../../src/core/index.ts";
import type { Ip, IpFamily } from "../../../src/core/index.ts";
import { nodeNetwork, planService } from "../../../src/model/index.ts";
import type { NodeNetwork, PlanNode, ServicePlan } from "../../../src/model/index.ts";
import { walkKernel } from "../../../src/sim/index.ts";
import type { HookedRules, SimMemory, SimOutcome, SimPacket, SimVerdict } from "../../../src/sim/index.ts";
import { describeFate } from "./packet-case.ts";
import type { Fate, Packet, SeenSource, Setting } from "./packet-case.ts";
import {
  addressesOf,
  addressOf,
  isNode,
  isPod,
  nodeOf,
  nodes,
  ownerOf,
  podCidrOf,
  podLinkPrefix,
  serviceCidrs,
  zones,
  families,
} from "./places.ts";
import type { NodeName, PodName } from "./places.ts";

/** What carries these plans out on a node: rules for each family, and addresses that the node has because of them. */
export type RulesOf = (
  plans: ReadonlyMap<string, readonly ServicePlan[]>,
  network: NodeNetwork,
  node: NodeName,
) => { readonly rules: ReadonlyMap<IpFamily, readonly HookedRules[]>; readonly addresses?: readonly Ip[] };

/** Tells what becomes of packets of a setting by walking an engine's rules. */
export class SimJudge {
  readonly #nodes: ReadonlyMap<NodeName, ReturnType<RulesOf>>;

  constructor(setting: Setting, rulesOf: RulesOf) {
    this.#nodes = new Map(
      nodes.map((node) => {
        return [node, rulesOf(plansOn(node, setting), networkOf(node, setting.network), node)];
      }),
    );
  }

  /** Everything that can become of the packet, after others that left this behind. */
  outcomes(packet: Packet, memory?: SimMemory): readonly SimOutcome[] {
    const node = this.#nodes.get(packet.decidedBy);
    const addresses = [...addressesOf(packet.decidedBy), ...(node?.addresses ?? [])];
    return walkKernel(node?.rules.get(packet.family) ?? [], { addresses }, simPacket(packet), memory);
  }

  /** The packet's fate, as real packets show it when they are sent often enough. */
  fate(packet: Packet): Fate {
    const verdicts = this.outcomes(packet).map(({ verdict }) => verdict);
    const by = new Set<PodName>();
    let source: SeenSource = "node";
    for (const verdict of verdicts) {
      if (verdict.kind !== "redirected") continue;
      const pod = ownerOf(verdict.to);
      if (pod === undefined || !isPod(pod)) throw new Error(`${verdict.to} is no pod's address`);
      by.add(pod);
      if (pod !== packet.from && !verdict.masqueraded && !isNode(packet.from)) source = "kept";
    }
    const [first] = verdicts;
    if (by.size > 0 || first === undefined) return { kind: "served", by: [...by], source };
    if (first.kind === "dropped" || first.kind === "rejected") return { kind: first.kind };
    if (first.kind === "untouched" && !first.local) return { kind: "leaves" };
    return onNode(packet);
  }

  /** The rules that decide, with what they decide. */
  describe(packet: Packet): string {
    return this.outcomes(packet)
      .map(
        ({ verdict, trace }) =>
          `${JSON.stringify(verdict)} by ${trace.map(({ where, rule }) => `${where}: ${rule}`).join("; ")}`,
      )
      .join("\n");
  }

  /** The packet's fate in words, and when that is the one expected, whether its endpoints are as likely as they should be. */
  observe(packet: Packet, expected: Fate): string {
    const found = new Map<string, number>();
    for (const { probability, verdict } of this.outcomes(packet)) {
      const fate = fateOf(verdict, packet);
      found.set(fate, (found.get(fate) ?? 0) + probability);
    }
    if (expected.kind !== "served") return [...found.keys()].sort().join("; ");
    const by: PodName[] = [];
    for (const [fate, probability] of found) {
      const pod = expected.by.find((name) => fate === served(name, sourceFor(name, packet, expected)));
      if (pod === undefined) return [...found.keys()].sort().join("; ");
      const wanted = probabilityOf(pod, expected);
      // iptables has 31 bits for each of its chances.
      if (Math.abs(probability - wanted) > 1e-6) return `${fate} with probability ${probability} instead of ${wanted}`;
      by.push(pod);
    }
    return describeFate({ ...expected, by });
  }
}

function probabilityOf(pod: PodName, { by, shares }: Fate & { readonly kind: "served" }): number {
  if (shares === undefined) return 1 / by.length;
  const all = by.reduce((sum, name) => sum + (shares[name] ?? 0), 0);
  return (shares[pod] ?? 0) / all;
}

/** What a node plans for the Services of a setting. */
export function plansOn(node: NodeName, { cases }: Setting): ReadonlyMap<string, readonly ServicePlan[]> {
  return new Map(cases.map(({ name, service, slices }) => [name, planService(service, slices, placeOf(node)).ports]));
}

/** What a node knows of itself. */
export function placeOf(node: NodeName): PlanNode {
  return {
    nodeName: node,
    zone: zones[node],
    addresses: families.map((family) => addressOf(node, family)),
  };
}

/** What a node knows of its network, as a proxy would find out. */
export function networkOf(node: NodeName, more: Partial<NodeNetwork>): NodeNetwork {
  const cidrs = families.map((family) => podCidrOf(node, family));
  return nodeNetwork({
    serviceCidrs,
    localhostNodePorts: true,
    localTraffic: { kind: "pod-cidrs", cidrs },
    ...more,
  });
}

function simPacket({ from, family, protocol, destination, port, decidedBy }: Packet): SimPacket {
  const to = ip(destination);
  const common = { family, protocol, destination: to, destinationPort: port };
  if (from !== decidedBy) {
    const link = isPod(from) && nodeOf(from) === decidedBy ? `${podLinkPrefix}${from}` : "eth0";
    return { ...common, source: addressOf(from, family), link };
  }
  // Towards an address of its own the kernel chooses that address as the source.
  const isOwn = ["127.0.0.1", "::1"].includes(destination) || addressesOf(decidedBy).some((own) => own === to);
  return { ...common, source: isOwn ? to : addressOf(from, family) };
}

function fateOf(verdict: SimVerdict, packet: Packet): string {
  switch (verdict.kind) {
    case "redirected": {
      const pod = ownerOf(verdict.to) ?? verdict.to;
      // Nobody could answer a loopback address.
      if (!verdict.masqueraded && packet.path === "localhost to node port") return served(pod, packet.destination);
      const kept = !verdict.masqueraded && !isNode(packet.from);
      return served(pod, kept ? "kept" : "node");
    }
    case "rejected":
      return describeFate({ kind: "rejected" });
    case "dropped":
      return describeFate({ kind: "dropped" });
    case "untouched":
      return describeFate(verdict.local ? onNode(packet) : { kind: "leaves" });
  }
}

/** Nothing listens on the nodes; but what speaks SCTP there is the suite itself, which keeps silent. */
function onNode({ protocol }: Packet): Fate {
  return { kind: protocol === "SCTP" ? "dropped" : "rejected" };
}

function served(pod: string, source: string): string {
  return `served by ${pod}, source ${source}`;
}

/** A pod must not see itself as the sender. */
function sourceFor(pod: PodName, packet: Packet, { source }: Fate & { readonly kind: "served" }): string {
  return pod === packet.from ? "node" : source;
}
