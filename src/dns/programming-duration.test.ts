import { describe, expect, it } from "vitest";
import { service, slice } from "../../test/dns/cluster.ts";
import { ManualClock, createMetrics } from "../core/index.ts";
import type { EndpointSlice } from "../objects/index.ts";
import { ClusterData } from "./cluster-data.ts";
import { MemoryCache } from "./memory-cache.ts";

const triggered = (seconds: number, base: EndpointSlice): EndpointSlice => ({
  ...base,
  metadata: {
    ...base.metadata,
    annotations: {
      "endpoints.kubernetes.io/last-change-trigger-time": new Date(seconds * 1000).toISOString(),
    },
  },
});

describe("coredns_kubernetes_dns_programming_duration_seconds", () => {
  it("measures new changes of slices, by the kind of their Service", () => {
    const clock = new ManualClock(1_000_000);
    const metrics = createMetrics();
    const services = new MemoryCache([
      service("tour", "db", { clusterIP: "None", selector: { app: "db" } }),
      service("tour", "own", { clusterIP: "None" }),
      service("tour", "web", { clusterIP: "10.96.0.1", selector: { app: "web" } }),
    ]);
    const endpointSlices = new MemoryCache([triggered(1, slice("tour", "db", "db-0", []))], false);
    const data = new ClusterData(
      { services, endpointSlices },
      { labels: [], endpointNames: "address", withZones: false, withImports: false },
      clock,
      metrics,
    );
    const count = (kind: string) =>
      new RegExp(`duration_seconds_(sum|count)\\{service_kind="${kind}"\\} (\\S+)\\n.*\\} (\\S+)`)
        .exec(metrics.expose())
        ?.slice(2);
    expect(metrics.expose()).not.toContain("service_kind");
    endpointSlices.markSynced();
    endpointSlices.set(triggered(999, slice("tour", "db", "db-1", [])));
    // The same moment again is the same change.
    endpointSlices.set(triggered(999, slice("tour", "db", "db-1", [["10.0.0.1"]])));
    endpointSlices.set(slice("tour", "db", "db-2", []));
    endpointSlices.set(triggered(998, slice("tour", "own", "own-1", [])));
    endpointSlices.set(triggered(1001, slice("tour", "web", "web-1", [])));
    expect(count("headless_with_selector")).toEqual(["1", "1"]);
    expect(count("headless_without_selector")).toEqual(["2", "1"]);
    expect(count("cluster_ip")).toEqual(["0", "1"]);
    data.stop();
  });
});
