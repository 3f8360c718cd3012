import type { NodeNetwork } from "./node-network.ts";
import type { ServicePlan } from "./service-plan.ts";

/** One atomic change of the kernel's rules; `S` is what the kernel's tool reads. */
export interface Transaction<S> {
  readonly script: S;
  /** The kernel has everything already. */
  readonly isEmpty: boolean;
  /** Elements, rules or virtual servers added, replaced or deleted; in iptables mode Services. */
  readonly size: number;
  /** To be called when the kernel has taken the script, and only then. */
  commit(): void;
}

/** What a full write has of a Service: what is wanted, what was written last (nothing, where nothing was), or nothing. */
export type ServiceState = "wanted" | "former" | "none";

/** How everything is written. */
export interface FullOptions {
  /** Also over things that stand in the way. */
  readonly recreate?: boolean;
  /** What of each Service; by default what is wanted of all. */
  readonly stateOf?: (service: string) => ServiceState;
}

/** What is wanted, what the kernel has, and the scripts from one to the other: a folder of `rules/` each. */
export interface RuleBook<S> {
  setNetwork(network: NodeNetwork): void;
  /** Replaces the plans of one Service; not between a transaction and its commit. */
  want(service: string, plans: readonly ServicePlan[]): void;
  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction<S>;
  /** Everything, over whatever is there. Books whose scripts nobody can check without writing them know no `stateOf`. */
  full(options?: FullOptions): Transaction<S>;
  /** The fixed part alone: the ground on which Services can be tried one by one. */
  ground(): Transaction<S>;
  /** A script without effect on packets: it fails only when the kernel's tool itself does not work. */
  probe(): S;
  /** Takes everything away, whether it is there or not. */
  removal(): S;
  /** Takes away what an earlier process may have had where this one has nothing to write; absent or `undefined` when there is no such place. */
  leftovers?(): S | undefined;
  readonly installed: number;
}

/** A rule of one Service in the syntax of its mode, and what it is there for. */
export interface ExplainedRule {
  readonly text: string;
  readonly meaning: string;
}
