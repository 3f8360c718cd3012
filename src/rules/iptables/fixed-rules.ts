import { cidr, cidrsOfFamily } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { fixedChains } from "./chain-names.ts";
import { comment } from "./endpoint-rules.ts";
import { localDetector } from "./local-traffic.ts";
import { nodePortDestinations } from "./node-ports.ts";
import type { RuleSettings } from "./planned-rule.ts";
import type { Match, Rule, Table } from "./rule.ts";

/** A rule and the chain that it is in. */
export interface PlacedRule {
  readonly table: Table;
  readonly chain: string;
  readonly rule: Rule;
}

const isNew: Match = { kind: "connection-state", states: ["NEW"] };

/** Our chains that are always there, by table. */
export function fixedChainsOf(table: Table, family: IpFamily, { network }: RuleSettings): readonly string[] {
  const { canary, services, nodePorts, externalServices, forward, proxyFirewall, firewall } = fixedChains;
  switch (table) {
    case "mangle":
      return [canary];
    case "filter": {
      const guard = family === "IPv4" && network.localhostNodePorts ? [firewall] : [];
      return [canary, nodePorts, services, externalServices, ...guard, forward, proxyFirewall];
    }
    case "nat": {
      const detector = localDetector(network, family);
      const outside = detector?.markChain === fixedChains.markOutside ? [fixedChains.markOutside] : [];
      return [canary, nodePorts, services, fixedChains.markMasquerade, ...outside, fixedChains.postrouting];
    }
  }
}

/** The rules that lead from the kernel's own chains to ours, the first on top. */
export function jumpRules(table: Table, family: IpFamily, { network }: RuleSettings): readonly PlacedRule[] {
  const { services, externalServices, nodePorts, forward, proxyFirewall, firewall, postrouting } = fixedChains;
  const jump = (chain: string, to: string, ...matches: readonly Match[]): PlacedRule => ({
    table,
    chain,
    rule: { matches, target: { kind: "jump", chain: to } },
  });
  const portals = comment("kubernetes service portals");
  const external = comment("kubernetes externally-visible service portals");
  const balancer = comment("kubernetes load balancer firewall");
  switch (table) {
    case "mangle":
      return [];
    case "nat":
      return [
        jump("PREROUTING", services, portals),
        jump("OUTPUT", services, portals),
        jump("POSTROUTING", postrouting, comment("kubernetes postrouting rules")),
      ];
    case "filter": {
      const guard = family === "IPv4" && network.localhostNodePorts;
      return [
        ...(guard ? [jump("INPUT", firewall)] : []),
        jump("INPUT", proxyFirewall, isNew, balancer),
        jump("INPUT", nodePorts, comment("kubernetes health check service ports")),
        jump("INPUT", externalServices, isNew, external),
        jump("FORWARD", proxyFirewall, isNew, balancer),
        jump("FORWARD", forward, comment("kubernetes forwarding rules")),
        jump("FORWARD", services, isNew, portals),
        jump("FORWARD", externalServices, isNew, external),
        ...(guard ? [jump("OUTPUT", firewall)] : []),
        jump("OUTPUT", proxyFirewall, isNew, balancer),
        jump("OUTPUT", services, isNew, portals),
        // Not in kube-proxy: processes of the node, too, learn at once that an external address has no endpoints.
        jump("OUTPUT", externalServices, isNew, external),
      ];
    }
  }
}

/** The rules in our fixed chains that no Service adds. They are the last of their chains. */
export function fixedRules(table: Table, family: IpFamily, settings: RuleSettings): readonly PlacedRule[] {
  switch (table) {
    case "mangle":
      return [];
    case "filter":
      return filterRules(family, settings).map(([chain, rule]) => ({ table, chain, rule }));
    case "nat":
      return natRules(family, settings).map(([chain, rule]) => ({ table, chain, rule }));
  }
}

type InChain = readonly [chain: string, rule: Rule];

function filterRules(family: IpFamily, { network, tcpBeLiberal }: RuleSettings): readonly InChain[] {
  const { forward, firewall, services } = fixedChains;
  const serviceCidrs = cidrsOfFamily(network.serviceCidrs, family);
  return [
    ...(family === "IPv4" && network.localhostNodePorts ? [[firewall, loopbackGuard] as const] : []),
    // kubernetes#74839: what conntrack cannot place is not translated either, and resets the connection at the client.
    ...(tcpBeLiberal
      ? []
      : [
          [
            forward,
            { matches: [{ kind: "connection-state", states: ["INVALID"] }], target: { kind: "drop" } },
          ] satisfies InChain,
        ]),
    [
      forward,
      {
        matches: [comment("kubernetes forwarding rules"), { kind: "mark", bits: markBits(network.masqueradeBit) }],
        target: { kind: "accept" },
      },
    ],
    [
      forward,
      {
        matches: [
          comment("kubernetes forwarding conntrack rule"),
          { kind: "connection-state", states: ["RELATED", "ESTABLISHED"] },
        ],
        target: { kind: "accept" },
      },
    ],
    // Not in kube-proxy: dropped before conntrack confirms them, so that a client that came too early is served as soon as
    // its Service appears. A Service address that the node itself has, such as that of a DNS server on every node, is served.
    ...serviceCidrs.map((network): InChain => [
      services,
      {
        matches: [
          comment("addresses and ports that no Service has"),
          { kind: "local-address", side: "destination", not: true },
          { kind: "destination", network },
        ],
        target: { kind: "drop" },
      },
    ]),
  ];
}

/** With route_localnet the kernel would let neighbours send to 127.0.0.1 (CVE-2020-8558). The kubelet has the same rule. */
const loopbackGuard: Rule = {
  matches: [
    comment("block incoming localnet connections"),
    { kind: "destination", network: cidr("127.0.0.0/8") },
    { kind: "source", network: cidr("127.0.0.0/8"), not: true },
    { kind: "connection-state", states: ["RELATED", "ESTABLISHED", "DNAT"], not: true },
  ],
  target: { kind: "drop" },
};

function natRules(family: IpFamily, { network }: RuleSettings): readonly InChain[] {
  const { postrouting, markMasquerade, markOutside, services, nodePorts } = fixedChains;
  const bits = markBits(network.masqueradeBit);
  const detector = localDetector(network, family);
  const outside =
    detector?.markChain === markOutside
      ? [
          ...detector.local.map((match): InChain => [markOutside, { matches: [match], target: { kind: "return" } }]),
          [markOutside, { matches: [], target: { kind: "jump", chain: markMasquerade } }] satisfies InChain,
        ]
      : [];
  const last = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";
  return [
    [postrouting, { matches: [{ kind: "mark", bits, not: true }], target: { kind: "return" } }],
    // The packet may come by again, on the way into a tunnel.
    [postrouting, { matches: [], target: { kind: "flip-mark-bits", bits } }],
    [
      postrouting,
      {
        matches: [comment("kubernetes service traffic requiring SNAT")],
        target: { kind: "masquerade", randomly: true },
      },
    ],
    [markMasquerade, { matches: [], target: { kind: "set-mark-bits", bits } }],
    ...outside,
    ...nodePortDestinations(network, family).map((destination): InChain => [
      services,
      { matches: [comment(last), ...destination], target: { kind: "jump", chain: nodePorts } },
    ]),
  ];
}

function markBits(bit: number): number {
  return 2 ** bit;
}
