import { responseCodeName } from "../codec/index.ts";
import { exponentialBuckets } from "../core/index.ts";
import type { Counter, Histogram, Metrics } from "../core/index.ts";

/** What a forwarder counts, under CoreDNS's names. */
export interface ForwarderMetrics {
  readonly rejects: Counter;
  readonly healthcheckBroken: Counter;
  /** A server answered after so many seconds. */
  answered(to: string, rcode: number, seconds: number): void;
  checkFailed(to: string): void;
}

/** CoreDNS names the part of the program that asks. */
const proxyName = "forward";

/** Declares what forwarders count; several may count into the same registry. */
export function forwarderMetrics(metrics: Metrics): ForwarderMetrics {
  const durations = metrics.histogram({
    name: "coredns_proxy_request_duration_seconds",
    help: "Time until an upstream's answer, by upstream and response code.",
    labels: ["proxy_name", "to", "rcode"],
    buckets: exponentialBuckets(0.000_25, 2, 16),
  });
  const checkFailures = metrics.counter({
    name: "coredns_proxy_healthcheck_failures_total",
    help: "Health checks of an upstream that failed.",
    labels: ["proxy_name", "to"],
  });
  const rejects = metrics.counter({
    name: "coredns_forward_max_concurrent_rejects_total",
    help: "Queries refused because too many were being forwarded.",
  });
  const broken = metrics.counter({
    name: "coredns_forward_healthcheck_broken_total",
    help: "Queries that came while all upstreams were down.",
  });
  const known = new Map<string, Histogram>();
  return {
    rejects: rejects.with(),
    healthcheckBroken: broken.with(),
    answered: (to, rcode, seconds) => {
      const key = `${rcode} ${to}`;
      let histogram = known.get(key);
      if (histogram === undefined) {
        const name = responseCodeName(rcode);
        // Codes nobody has defined share a label: a server that lies must not fill the registry.
        histogram = durations.with(proxyName, to, name.startsWith("RCODE") ? "other" : name);
        known.set(key, histogram);
      }
      histogram.observe(seconds);
    },
    checkFailed: (to) => checkFailures.with(proxyName, to).add(),
  };
}
