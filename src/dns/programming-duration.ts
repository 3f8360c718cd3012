import { exponentialBuckets } from "../core/index.ts";
import type { Clock, Metrics } from "../core/index.ts";
import { serviceNameLabel } from "../objects/index.ts";
import type { Cache, EndpointSlice, Service } from "../objects/index.ts";

/** Written by the controller of EndpointSlices: when the change began that a slice shows. */
export const triggerTime = "endpoints.kubernetes.io/last-change-trigger-time";

/** Measures the time from a change of pods or Services to the answers that show it. Call what it returns for each new slice. */
export function programmingDuration(
  metrics: Metrics,
  clock: Clock,
  services: Cache<Service>,
): (now: EndpointSlice, before: EndpointSlice | undefined) => void {
  const family = metrics.histogram({
    name: "coredns_kubernetes_dns_programming_duration_seconds",
    help: "Time from a change of a Service or its pods to answers that show it.",
    labels: ["service_kind"],
    buckets: exponentialBuckets(0.001, 2, 20),
  });
  return (now, before) => {
    const text = now.metadata.annotations?.[triggerTime];
    if (text === undefined || text === before?.metadata.annotations?.[triggerTime]) return;
    const seconds = (clock.now() - Date.parse(text)) / 1000;
    // Clocks of other machines may be ahead.
    if (!Number.isNaN(seconds)) family.with(kindOf(now, services)).observe(Math.max(0, seconds));
  };
}

function kindOf({ metadata }: EndpointSlice, services: Cache<Service>): string {
  const service = services.get(metadata.namespace, metadata.labels?.[serviceNameLabel] ?? "");
  if (service?.spec.clusterIP !== "None") return "cluster_ip";
  const hasSelector = Object.keys(service.spec.selector ?? {}).length > 0;
  return hasSelector ? "headless_with_selector" : "headless_without_selector";
}
