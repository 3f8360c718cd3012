import { sha256 } from "../../core/index.ts";
import type { RuleEndpoint, RulePlan } from "./planned-rule.ts";
import { socketText } from "./rule-text.ts";
import type { RuleProtocol } from "./rule.ts";

/** The chains that are always there, by the names that kube-proxy gave them. */
export const fixedChains = {
  services: "KUBE-SERVICES",
  externalServices: "KUBE-EXTERNAL-SERVICES",
  nodePorts: "KUBE-NODEPORTS",
  forward: "KUBE-FORWARD",
  proxyFirewall: "KUBE-PROXY-FIREWALL",
  firewall: "KUBE-FIREWALL",
  postrouting: "KUBE-POSTROUTING",
  markMasquerade: "KUBE-MARK-MASQ",
  canary: "KUBE-PROXY-CANARY",
  /** Only when there are several networks of pods; kube-proxy has no such chain. */
  markOutside: "KUBE-MARK-OUTSIDE",
} as const;

/** What each kind of a Service's own chains is for is said in README.md. XLB is a kind of older kube-proxies. */
const ownChain = /^KUBE-(?:SVC|SVL|EXT|FW|SEP|XLB)-[A-Z2-7]{16}$/;

/** Whether a chain of the nat table belongs to one Service. */
export function isServiceChain(name: string): boolean {
  return ownChain.test(name);
}

/** Names of the chains of one port of a Service. Equal to kube-proxy's `KUBE-...` names for the same Service. */
export interface ServiceChains {
  /** Picks an endpoint under policy Cluster. */
  readonly cluster: string;
  /** Picks an endpoint under policy Local. */
  readonly local: string;
  /** Entry for everything that comes from outside: node port, LoadBalancer address, external IP. */
  readonly external: string;
  /** Who may use the LoadBalancer addresses. */
  readonly firewall: string;
}

/** `namespace/name:port`, or `namespace/name` for a port without a name. */
export function portTitle({ service, portName }: RulePlan): string {
  return portName === "" ? service : `${service}:${portName}`;
}

/** The protocol of a plan in iptables' spelling. */
export function ruleProtocol({ protocol }: RulePlan): RuleProtocol {
  switch (protocol) {
    case "TCP":
      return "tcp";
    case "UDP":
      return "udp";
    case "SCTP":
      return "sctp";
  }
}

/** The names of a plan's chains: the hash is of `namespace/name:port` and the protocol (upstream: portProtoHash). */
export function serviceChains(plan: RulePlan): ServiceChains {
  const hash = hashName(portTitle(plan) + ruleProtocol(plan));
  return {
    cluster: `KUBE-SVC-${hash}`,
    local: `KUBE-SVL-${hash}`,
    external: `KUBE-EXT-${hash}`,
    firewall: `KUBE-FW-${hash}`,
  };
}

/** The chain that sends to one endpoint of a plan (upstream: servicePortEndpointChainName). */
export function endpointChain(plan: RulePlan, { ip, port }: RuleEndpoint): string {
  return `KUBE-SEP-${hashName(portTitle(plan) + ruleProtocol(plan) + socketText(ip, port))}`;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The first 16 letters of the base32 of the SHA-256: 80 bits. */
function hashName(text: string): string {
  const digest = sha256(text);
  let name = "";
  for (let at = 0; at < 80; at += 5) {
    const pair = ((digest[at >> 3] ?? 0) << 8) | (digest[(at >> 3) + 1] ?? 0);
    name += alphabet.charAt((pair >> (11 - (at & 7))) & 31);
  }
  return name;
}
