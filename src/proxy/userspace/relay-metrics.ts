import type { MetricReading, Metrics } from "../../core/index.ts";
import type { RelayCounters } from "./relay-router.ts";

const labels = ["service", "port", "protocol", "endpoint"] as const;

/**
 * Shows what each endpoint of the Services that were used has carried, in metrics. Endpoints that have gone disappear with their
 * last connection. Returns how to stop.
 */
export function readRelayMetrics(metrics: Metrics, counters: () => Iterable<RelayCounters>): () => void {
  const read = (
    kind: "counter" | "gauge",
    name: string,
    help: string,
    valueOf: (one: RelayCounters) => number,
  ): (() => void) =>
    metrics.read({ kind, name: `sealane_proxy_relay_${name}`, help, labels }, function* () {
      for (const one of counters()) {
        const { service, portName, protocol, endpoint } = one;
        yield [service, portName, protocol, endpoint, valueOf(one)] satisfies MetricReading<typeof labels>;
      }
    });
  const stops = [
    read(
      "gauge",
      "open_connections",
      "Connections, and flows of UDP, that are relayed to an endpoint now",
      ({ active }) => active,
    ),
    read(
      "counter",
      "connections_total",
      "Connections, and flows of UDP, that reached an endpoint",
      ({ connections }) => connections,
    ),
    read(
      "counter",
      "failed_dials_total",
      "Times that an endpoint refused or did not answer in time",
      ({ failedDials }) => failedDials,
    ),
    read(
      "counter",
      "received_bytes_total",
      "Bytes from clients to an endpoint",
      ({ bytesToEndpoint }) => bytesToEndpoint,
    ),
    read("counter", "sent_bytes_total", "Bytes from an endpoint to clients", ({ bytesToClients }) => bytesToClients),
  ];
  return () => stops.forEach((stop) => stop());
}
