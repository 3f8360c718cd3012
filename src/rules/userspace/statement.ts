import type { Cidr, Ip, IpFamily, Port } from "../../core/index.ts";

/** Name of the tables of this engine, one in each family. */
export const tableName = "sealane-userspace";

/** The maps and sets of a table. Maps go from an entry (address, protocol, port) to a verdict. */
export type SetName = "services" | "no-endpoints" | "cluster-ips" | "guarded" | "source-ranges";

/** The chains of a table; their number does not depend on the number of Services. */
export const chainNames = [
  "refuse",
  "relay",
  "relay-local",
  "local-policy",
  "own-only",
  "services",
  "check",
  "loopback-guard",
  "nat-prerouting",
  "nat-output",
  "filter-prerouting",
  "filter-output",
] as const;

export type ChainName = (typeof chainNames)[number];

/** A condition of a rule. */
export type Match =
  | { readonly kind: "protocol"; readonly protocol: "tcp" | "udp" }
  | { readonly kind: "source"; readonly networks: readonly Cidr[] }
  | { readonly kind: "destination"; readonly networks: readonly Cidr[]; readonly not?: true }
  | { readonly kind: "destination-ports"; readonly ports: readonly Port[] }
  /** Came in by a link of this name; a `*` at its end stands for anything. */
  | { readonly kind: "link"; readonly name: string }
  | { readonly kind: "not-from-loopback" }
  | { readonly kind: "source-is-local" }
  | { readonly kind: "destination-is-local" }
  /** The destination is a cluster IP of some Service. */
  | { readonly kind: "cluster-ip" }
  /** The entry has source ranges, and the source lies in none. */
  | { readonly kind: "not-permitted" }
  | { readonly kind: "new" }
  | { readonly kind: "redirected" };

/** What a rule does. */
export type Action =
  | { readonly kind: "accept" }
  | { readonly kind: "drop" }
  | { readonly kind: "reject"; readonly reset?: true }
  | { readonly kind: "jump" | "goto"; readonly chain: ChainName }
  | { readonly kind: "redirect"; readonly address: Ip; readonly port: Port }
  /** By the entry that the packet is for; node ports are found under the zero address. */
  | { readonly kind: "look-up"; readonly map: "services" | "no-endpoints"; readonly nodePort?: true };

export interface Rule {
  readonly matches: readonly Match[];
  readonly action: Action;
}

/** Where a base chain is attached; lower priorities come first. */
export interface Hook {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "output";
  readonly priority: number;
}

export interface Chain {
  readonly name: ChainName;
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}

/** One entry of a set or map, its key and value in nft's words. */
export interface Element {
  readonly set: SetName;
  readonly key: string;
  readonly value: string | undefined;
  /** Shown by `nft list`: names the Service. */
  readonly comment: string | undefined;
}

/** All that a table holds. */
export interface TableState {
  readonly chains: readonly Chain[];
  readonly elements: readonly Element[];
}

/** One step of a transaction; all steps of a script take effect together or not at all. */
export type Statement =
  | { readonly kind: "add-table" }
  | { readonly kind: "delete-table" }
  | { readonly kind: "add-set"; readonly set: SetName }
  | { readonly kind: "flush-set"; readonly set: SetName }
  | { readonly kind: "set-chain"; readonly chain: Chain }
  | { readonly kind: "add-elements" | "delete-elements"; readonly set: SetName; readonly elements: readonly Element[] };

/** All sets, in the order in which they are made. */
export const setNames: readonly SetName[] = ["services", "no-endpoints", "cluster-ips", "guarded", "source-ranges"];

/** Whether a set is a map. */
export function isMap(set: SetName): boolean {
  return set === "services" || set === "no-endpoints";
}

/** The zero address, under which node ports are found. */
export function anyAddress(family: IpFamily): string {
  return family === "IPv4" ? "0.0.0.0" : "::";
}
