import type { Ip, IpFamily } from "../../core/index.ts";
import type {
  Destination,
  ListedSet,
  ServerKey,
  SetDefinition,
  Statement,
  VirtualServer,
} from "../../rules/ipvs/index.ts";

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
  /** Sets that are made where they are not there, and destroyed. */
  | { readonly kind: "sets"; readonly create: readonly SetDefinition[]; readonly destroy: readonly string[] }
  /** Input for `iptables-restore --noflush`. */
  | { readonly kind: "iptables"; readonly family: IpFamily; readonly text: string }
  | { readonly kind: "members"; readonly changes: readonly SetChange[] }
  | { readonly kind: "servers"; readonly changes: readonly Extract<Statement, { readonly server: unknown }>[] }
  /** Addresses that the node takes as its own without having them. */
  | { readonly kind: "addresses"; readonly add: readonly Ip[]; readonly remove: readonly Ip[] }
  /** From now on processes of the node call these addresses from one of the node's own, no longer from the very address. */
  | { readonly kind: "sources"; readonly addresses: readonly Ip[] };

/** A destination with its connections. */
export interface DestinationState extends Destination {
  readonly active: number;
  readonly inactive: number;
}

/** A set without its elements. */
export interface SetHeader {
  readonly name: string;
  readonly elements: number;
  /** Rules that name it. */
  readonly references: number;
}

/** The node's IPVS with ipset, iptables and the dummy device (`openIpvsRules` in `kernel`). */
export interface IpvsPort {
  /** `prefix`: what the names of the sets begin with. */
  list(prefix: string): Promise<{
    readonly servers: readonly { readonly server: VirtualServer; readonly destinations: readonly DestinationState[] }[];
    readonly sets: readonly ListedSet[];
    readonly iptables: Readonly<Partial<Record<IpFamily, string>>>;
    readonly addresses: readonly Ip[];
  }>;
  /** Applies the batches in their order until one fails. */
  apply(steps: readonly IpvsStep[]): Promise<void>;
  destinations(server: ServerKey): readonly DestinationState[];
  servers(): readonly VirtualServer[];
  nodeAddresses(): readonly Ip[];
  nodeAddressesChanged(): boolean;
  /** Whether the node takes packets to each of these addresses as its own. */
  areOwn(addresses: readonly Ip[]): boolean;
  /** Stays the same as long as nobody changes iptables or the dummy device. */
  fingerprint(): string;
  /** How many elements the sets have whose names begin with `prefix`, and how many rules name them. */
  setHeaders(prefix: string): readonly SetHeader[];
  /** Changes when virtual servers come or go, here or in other network namespaces. */
  useCount(): string;
  close(): void;
}
