import type { Clock, Metrics } from "../../core/index.ts";
import type { RunningCache } from "../../client/index.ts";
import type { KubeObject } from "../../objects/index.ts";

/** Exposes how fresh the copies of the cluster's objects are: answers come from them also while the API is away. */
export function exposeWatches(
  metrics: Metrics,
  clock: Clock,
  caches: () => Readonly<Record<string, RunningCache<KubeObject>>>,
): void {
  const labels = ["kind"] as const;
  const each = (read: (cache: RunningCache<KubeObject>) => number | undefined) => () =>
    Object.entries(caches()).flatMap(([kind, cache]): [string, number][] => {
      const value = read(cache);
      return value === undefined ? [] : [[kind, value]];
    });
  metrics.read(
    { kind: "gauge", name: "sealane_dns_watch_synced", help: "Whether all objects arrived at least once.", labels },
    each(({ synced }) => Number(synced)),
  );
  metrics.read(
    {
      kind: "gauge",
      name: "sealane_dns_watch_connected",
      help: "Whether the API is being watched; 0 while answers come from the last state.",
      labels,
    },
    each(({ connected }) => Number(connected)),
  );
  metrics.read(
    {
      kind: "gauge",
      name: "sealane_dns_watch_age_seconds",
      help: "Time since the API was last heard of; it says something at least every minute.",
      labels,
    },
    each(({ heardAt }) => (heardAt === undefined ? undefined : (clock.monotonic() - heardAt) / 1000)),
  );
}
