import { describe, expect, it } from "vitest";
import { createMetrics, ManualClock } from "../core/index.ts";
import type { Node } from "../objects/index.ts";
import { ProxyHealth } from "./proxy-health.ts";

function healthAt(start: number) {
  const clock = new ManualClock(start);
  const metrics = createMetrics();
  const health = new ProxyHealth({ clock, metrics, timeoutMs: 60_000, families: () => ["IPv4", "IPv6"] });
  const statuses = () => [health.answer("/healthz").status, health.answer("/livez").status];
  return { clock, metrics, health, statuses };
}

function node(more: { readonly deleted?: boolean; readonly taints?: readonly string[] } = {}): Node {
  const { deleted = false, taints = [] } = more;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1", ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
    spec: { taints: taints.map((key) => ({ key, effect: "NoSchedule" })) },
  };
}

describe("ProxyHealth", () => {
  it("says what kube-proxy says, in the same form", () => {
    const { health } = healthAt(1_000);
    health.updated();
    const { status, headers, body } = health.answer("/healthz");
    const time = "1970-01-01T00:00:01.000Z";
    const family = { lastUpdated: time, healthy: true };
    expect(status).toBe(200);
    expect(headers["X-Content-Type-Options"]).toBe("nosniff");
    expect(JSON.parse(body)).toEqual({
      lastUpdated: time,
      currentTime: time,
      nodeEligible: true,
      healthy: true,
      status: { IPv4: family, IPv6: family },
    });
    expect(JSON.parse(health.answer("/livez").body)).not.toHaveProperty("nodeEligible");
  });

  it("is unhealthy while a change waits too long, and well again when it is written", () => {
    const { clock, health, statuses, metrics } = healthAt(0);
    health.updated();
    health.queued();
    clock.advance(59_999);
    // Later changes do not make the first one younger.
    health.queued();
    expect(statuses()).toEqual([200, 200]);
    clock.advance(1);
    expect(statuses()).toEqual([503, 503]);
    expect(JSON.parse(health.answer("/livez").body)).toMatchObject({ lastUpdated: "1970-01-01T00:00:00.000Z" });
    health.updated();
    expect(statuses()).toEqual([200, 200]);
    expect(metrics.expose()).toContain('kubeproxy_proxy_healthz_total{code="503"} 1');
  });

  it("takes a node that is about to go out of /healthz alone", () => {
    const { health, statuses } = healthAt(0);
    const cases: readonly (readonly [Node | undefined, number])[] = [
      [node(), 200],
      [node({ taints: ["node.kubernetes.io/unschedulable"] }), 200],
      [node({ taints: ["ToBeDeletedByClusterAutoscaler"] }), 503],
      [node({ deleted: true }), 503],
      [node(), 200],
      [undefined, 503],
    ];
    for (const [one, status] of cases) {
      health.setNode(one);
      expect(statuses()).toEqual([status, 200]);
    }
  });
});
