import { createMetrics, version } from "../../core/index.ts";
import type { Metrics } from "../../core/index.ts";
import { readProcessMetrics } from "../proxy/process-metrics.ts";

/** Makes the metrics of a DNS server, with those of its process and its version. */
export function createDnsMetrics(): Metrics {
  const metrics = createMetrics();
  readProcessMetrics(metrics);
  const description = {
    name: "coredns_build_info",
    help: "The version of this program.",
    labels: ["version", "revision", "goversion"],
  } as const;
  metrics.gauge(description).with(version, "sealane", "").set(1);
  return metrics;
}
