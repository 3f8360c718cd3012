import type { Clock } from "../core/index.ts";
import type { DirtyService } from "./dirty-services.ts";
import type { ProxyMetrics } from "./proxy-metrics.ts";
import { LatencyRecord } from "./sync-latency.ts";
import type { SyncLatency } from "./sync-latency.ts";

/** The numbers of the writes so far, for `Proxy.stats` and for the metrics. */
export class SyncRecord {
  readonly #clock: Clock;
  readonly #metrics: ProxyMetrics;
  readonly #latency = new LatencyRecord();
  #fullSyncs = 0;
  #lastFullSyncMs = 0;
  /** Writes that failed, and Services that were refused. */
  failures = 0;

  constructor(clock: Clock, metrics: ProxyMetrics) {
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** The rules of these Services are in the kernel, after `milliseconds`. */
  written(batch: ReadonlyMap<string, DirtyService>, full: boolean, milliseconds: number): void {
    const now = this.#clock.now();
    const ended = this.#clock.monotonic();
    this.#metrics.synced(full, milliseconds, now);
    // What was there before the proxy is no change that it was slow to follow.
    const isFirst = full && this.#fullSyncs === 0;
    for (const { since, triggers } of batch.values()) {
      if (!full) this.#latency.add(ended - since);
      if (!isFirst) for (const triggeredAt of triggers) this.#metrics.programmed(now - triggeredAt);
    }
    if (!full) return;
    this.#fullSyncs++;
    this.#lastFullSyncMs = milliseconds;
  }

  read(): {
    readonly fullSyncs: number;
    readonly lastFullSyncMs: number;
    readonly failures: number;
    readonly latency: SyncLatency;
  } {
    return {
      fullSyncs: this.#fullSyncs,
      lastFullSyncMs: this.#lastFullSyncMs,
      failures: this.failures,
      latency: this.#latency.read(),
    };
  }
}
