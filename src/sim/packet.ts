import type { Ip, IpFamily, Port, Protocol } from "../core/index.ts";

/** The first packet of a flow, as a node meets it. */
export interface SimPacket {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly source: Ip;
  readonly destination: Ip;
  readonly destinationPort: Port;
  /** Name of the link that it came in by; absent for packets of the node's own processes. */
  readonly link?: string;
}

/** What of a node its rules ask the kernel about. */
export interface SimNode {
  /** Every address that the node has, beside its loopback addresses. */
  readonly addresses: readonly Ip[];
}

/** What becomes of a packet. */
export type SimVerdict =
  | {
      readonly kind: "redirected";
      readonly to: Ip;
      readonly port: Port;
      /** The endpoint sees an address of the node, not the sender's. */
      readonly masqueraded: boolean;
    }
  | { readonly kind: "rejected"; readonly with: "tcp-reset" | "icmp" }
  | { readonly kind: "dropped" }
  /** No rule wants it: it goes on as it is, to the node itself or past it. */
  | { readonly kind: "untouched"; readonly local: boolean };

/** A rule that the packet met and that applied to it. */
export interface TraceStep {
  /** Hook and chain: `prerouting services`. */
  readonly where: string;
  /** In the language of the kernel's tool. */
  readonly rule: string;
  /** What the rule's comment, or that of the element that it found, says: the Service, as `namespace/name:port`. */
  readonly comment?: string;
}

/** What packets that earlier packets left behind in the rules: by set, then by key. */
export type SimMemory = ReadonlyMap<string, ReadonlyMap<string, readonly Atom[]>>;

/** One value of a key or a field: a number, or a text such as an address. */
export type Atom = string | number;

/** One of the things that can become of a packet. Probabilities of all outcomes add up to 1. */
export interface SimOutcome {
  readonly probability: number;
  readonly verdict: SimVerdict;
  readonly trace: readonly TraceStep[];
  /** For the packets that come after it. */
  readonly memory: SimMemory;
}
