import type { ProxyMode, Refusal } from "./engine.ts";
import type { SyncLatency } from "./sync-latency.ts";

/** What a proxy did, and what it holds. */
export interface ProxyStats {
  readonly mode: ProxyMode;
  /** Services that the kernel serves. */
  readonly services: number;
  /** Elements, rules or virtual servers in the kernel. */
  readonly installed: number;
  readonly transactions: number;
  readonly fullSyncs: number;
  readonly lastFullSyncMs: number;
  readonly failures: number;
  /** Services whose rules the kernel refused; their last good rules stay. */
  readonly setAside: readonly Refusal[];
  /** Services that are served otherwise than they ask for, and how. */
  readonly limitations: readonly Refusal[];
  readonly latency: SyncLatency;
}
