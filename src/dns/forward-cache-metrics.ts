import type { Metrics } from "../core/index.ts";
import type { ForwardCacheStats, PerKind } from "./forward-cache.ts";

/** Which cache the numbers are of, as CoreDNS labels them. */
export interface CacheLabels {
  /** The server block's address: `dns://:53`. */
  readonly server: string;
  /** The zones it is for, separated by commas: `.` */
  readonly zones: string;
}

const labels = ["server", "zones", "view"] as const;
const labelsWithType = ["server", "type", "zones", "view"] as const;

/**
 * Exposes what a cache counts under CoreDNS's names. Nothing is counted twice: `stats` is asked when somebody looks.
 * Returns how to stop.
 */
export function exposeCache(
  metrics: Metrics,
  { server, zones }: CacheLabels,
  stats: () => ForwardCacheStats,
): () => void {
  const view = "";
  const single = (name: string, kind: "counter" | "gauge", help: string, read: (stats: ForwardCacheStats) => number) =>
    metrics.read({ name, kind, help, labels }, () => [[server, zones, view, read(stats())]]);
  const perKind = (
    name: string,
    kind: "counter" | "gauge",
    help: string,
    read: (stats: ForwardCacheStats) => PerKind,
  ) =>
    metrics.read({ name, kind, help, labels: labelsWithType }, () => {
      const { positive, negative } = read(stats());
      return [
        [server, "success", zones, view, positive],
        [server, "denial", zones, view, negative],
      ];
    });
  const stops = [
    perKind("coredns_cache_entries", "gauge", "Replies remembered.", ({ entries }) => entries),
    perKind("coredns_cache_hits_total", "counter", "Queries answered from memory.", ({ hits }) => hits),
    perKind(
      "coredns_cache_evictions_total",
      "counter",
      "Good replies forgotten for others.",
      ({ evictions }) => evictions,
    ),
    perKind("sealane_dns_cache_bytes", "gauge", "Memory of the remembered replies, by estimate.", ({ bytes }) => bytes),
    single("coredns_cache_misses_total", "counter", "Queries not answered from memory.", ({ misses }) => misses),
    single("coredns_cache_requests_total", "counter", "Queries that came to the cache.", ({ requests }) => requests),
    single(
      "coredns_cache_served_stale_total",
      "counter",
      "Queries answered with an expired reply.",
      (all) => all.servedStale,
    ),
    single(
      "coredns_cache_prefetch_total",
      "counter",
      "Popular replies asked for again in time.",
      (all) => all.prefetches,
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
