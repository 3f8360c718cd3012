import type { IpFamily } from "../core/index.ts";
import type { NodeNetwork, ServicePlan } from "../model/index.ts";
import type { TrackedFlow } from "./ports.ts";

/**
 * How a node carries Services out. `ebpf` is named because its place is here; it has no engine yet.
 */
export const proxyModes = ["nftables", "iptables", "ipvs", "userspace", "ebpf"] as const;

export type ProxyMode = (typeof proxyModes)[number];

/** A Service whose rules the kernel refuses, and why. */
export interface Refusal {
  readonly service: string;
  readonly reason: string;
}

/**
 * What somebody else has done to the kernel's rules. `changes`: something, and it cannot be told cheaply whether our rules are still whole;
 * `damage`: some of ours are not there any more.
 */
export type Notice = "nothing" | "changes" | "damage";

/** How a write ended. `mismatch`: the kernel has other things than it should, a full write is needed. */
export type WriteResult =
  | { readonly kind: "written"; readonly refused: readonly Refusal[] }
  | { readonly kind: "mismatch"; readonly reason: string };

/**
 * One way to carry plans out. It knows what is wanted and what the kernel has, and nothing of the cluster. Calls do not
 * overlap: the loop (`createProxy`) waits for one write before it asks for anything else.
 */
export interface ProxyEngine {
  readonly mode: ProxyMode;
  /** Changes what all Services depend on; takes effect with the next `writeAll`. */
  setNetwork(network: NodeNetwork): void;
  /** Replaces the plans of one Service; an empty list removes it. Takes effect with the next write. */
  want(service: string, plans: readonly ServicePlan[]): void;
  /**
   * Brings the kernel to what is wanted of these Services. With `mayMismatch`, a kernel that has other things than it was
   * left with is reported and nothing is written. Rejects only when the engine itself does not work; the kernel then has
   * what it had.
   */
  writeChanges(services: readonly string[], options: { readonly mayMismatch: boolean }): Promise<WriteResult>;
  /** Writes everything over whatever is there. `services` are all that are wanted or were; they are read only to try them in parts. */
  writeAll(services: Iterable<string>): Promise<WriteResult>;
  /** What somebody else has done since the last write or call. Cheap: it is asked every second. */
  noticesOthers(): Notice;
  /** What of a plan this engine cannot do, and what it does instead; a sentence each. */
  shortcomings(plan: ServicePlan): readonly string[];
  /** Whether a flow is answered by the engine itself, in an endpoint's place: such flows are never stale. */
  ownsFlow?(flow: TrackedFlow): boolean;
  /**
   * There where `remove` and `close` end the connections that this engine serves: those that go through its own objects in the kernel, or through
   * its sockets. (Rules may go while conntrack goes on with what they have decided.) Called when another engine's rules decide about new connections,
   * some time before `remove`: those that begin from now on must survive it.
   */
  retire?(): Promise<void>;
  readonly stats: EngineStats;
  /** In iptables mode: how many rules each table has. Cheap. */
  tableRules?(): readonly TableRules[];
  /** Ends without touching what carries traffic, as far as that can go on without this process. */
  close(): void;
  /** Takes everything of this engine out of the kernel, also what an earlier process left. */
  remove(): Promise<void>;
}

/** How many rules of the engine a table has, and how many the last write that wrote any wrote there. */
export interface TableRules {
  readonly family: IpFamily;
  readonly table: string;
  readonly all: number;
  readonly last: number;
}

/** What an engine did and holds. */
export interface EngineStats {
  /** Elements, rules or virtual servers in the kernel. */
  readonly installed: number;
  readonly transactions: number;
}
