import { expect, it } from "vitest";
import { createMetrics } from "../../core/index.ts";
import { readRelayMetrics } from "./relay-metrics.ts";

it("shows each endpoint's numbers until it is stopped", () => {
  const metrics = createMetrics();
  const counters = {
    service: "tour/web",
    portName: "http",
    family: "IPv4",
    protocol: "TCP",
    endpoint: "10.244.1.2:8080",
    active: 1,
    connections: 7,
    failedDials: 2,
    bytesToEndpoint: 100,
    bytesToClients: 200,
  } as const;
  const stop = readRelayMetrics(metrics, () => [counters]);
  const lines = metrics.expose().split("\n");
  const endpoint = '{service="tour/web",port="http",protocol="TCP",endpoint="10.244.1.2:8080"}';
  expect(lines.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
    `sealane_proxy_relay_connections_total${endpoint} 7`,
    `sealane_proxy_relay_failed_dials_total${endpoint} 2`,
    `sealane_proxy_relay_open_connections${endpoint} 1`,
    `sealane_proxy_relay_received_bytes_total${endpoint} 100`,
    `sealane_proxy_relay_sent_bytes_total${endpoint} 200`,
  ]);
  stop();
  expect(metrics.expose()).toBe("");
});
