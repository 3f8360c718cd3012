import type { Cidr, Ip, Port } from "../../core/index.ts";

/** The kernel's tables that rules lie in. */
export type Table = "filter" | "nat" | "mangle";

/** In the order in which they are written: the rules that lead to the Services come with the last one. */
export const tables = ["mangle", "filter", "nat"] as const satisfies readonly Table[];

/** What iptables calls a Service's protocol. */
export type RuleProtocol = "tcp" | "udp" | "sctp";

/** What a packet must be for a rule to apply. All matches of a rule must hold. */
export type Match =
  | { readonly kind: "source" | "destination"; readonly network: Ip | Cidr; readonly not?: true }
  /** The link that the packet came in by; a name that ends in `+` stands for all that begin so. */
  | { readonly kind: "in-interface"; readonly name: string; readonly not?: true }
  | { readonly kind: "protocol"; readonly protocol: RuleProtocol; readonly destinationPort?: Port }
  /** Says whom the rule is for; holds for every packet. At most 255 characters. */
  | { readonly kind: "comment"; readonly text: string }
  /** Conntrack's states, such as `NEW`, in the kernel's spelling and any order. */
  | { readonly kind: "connection-state"; readonly states: readonly string[]; readonly not?: true }
  /** The address is one of the node itself. */
  | { readonly kind: "local-address"; readonly side: "source" | "destination"; readonly not?: true }
  /** These bits of the packet's mark are set. */
  | { readonly kind: "mark"; readonly bits: number; readonly not?: true }
  /** Holds for this share of the packets, by chance; above 0, at most 1. */
  | { readonly kind: "random"; readonly probability: number }
  /** Holds for the first of every so many packets that reach the rule. */
  | { readonly kind: "every"; readonly packets: number }
  /** The source was put on this list at most so many seconds ago; older entries are forgotten. */
  | { readonly kind: "recently-seen"; readonly list: string; readonly seconds: number }
  /** Puts the source on this list; holds for every packet. */
  | { readonly kind: "remember-source"; readonly list: string };

/** What becomes of a packet that a rule applies to. */
export type Target =
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "accept" | "drop" | "return" }
  /** Answers that nobody listens: by an ICMP error, or for TCP by a reset, which every client understands at once. */
  | { readonly kind: "reject" | "reset" }
  | { readonly kind: "dnat"; readonly ip: Ip; readonly port: Port }
  | { readonly kind: "masquerade"; readonly randomly: boolean }
  | { readonly kind: "set-mark-bits" | "flip-mark-bits"; readonly bits: number };

/** One rule; without a target it only counts. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target?: Target;
}
