import type { Ip, IpFamily } from "../../core/index.ts";
import type { Destination, ServerKey, Statement, VirtualServer } from "../../rules/ipvs/index.ts";

/** An element that comes into a set or leaves it; `set` is the set's name as the kernel has it. */
export interface SetChange {
  readonly kind: "add" | "delete";
  readonly set: string;
  readonly element: string;
  readonly mark?: number;
  readonly comment?: string;
}

/** A batch for one of the kernel's tools. */
export type IpvsStep =
  /** The dummy device for addresses, and the kernel's settings with it. */
  | { readonly kind: "device"; readonly present: boolean }
  /** Input for `ipset restore` (sets that are made and destroyed) and `iptables-restore --noflush`. */
  | { readonly kind: "ipset"; readonly text: string }
  | { readonly kind: "iptables"; readonly family: IpFamily; readonly text: string }
  | { readonly kind: "members"; readonly changes: readonly SetChange[] }
  | { readonly kind: "servers"; readonly changes: readonly Extract<Statement, { readonly server: unknown }>[] }
  | { readonly kind: "addresses"; readonly add: readonly Ip[]; readonly remove: readonly Ip[] };

/** A destination with its connections. */
export interface DestinationState extends Destination {
  readonly active: number;
  readonly inactive: number;
}

/** The node's IPVS with ipset, iptables and the dummy device (`openIpvsRules` in `kernel`). */
export interface IpvsPort {
  list(): Promise<{
    readonly servers: readonly { readonly server: VirtualServer; readonly destinations: readonly DestinationState[] }[];
    readonly ipset: string;
    readonly iptables: Readonly<Partial<Record<IpFamily, string>>>;
    readonly addresses: readonly Ip[];
  }>;
  /** Applies the batches in their order until one fails. */
  apply(steps: readonly IpvsStep[]): Promise<void>;
  destinations(server: ServerKey): readonly DestinationState[];
  has(server: ServerKey): boolean;
  nodeAddresses(): readonly Ip[];
  nodeAddressesChanged(): boolean;
  fingerprint(): string;
  close(): void;
}
