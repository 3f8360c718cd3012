import { describe, expect, it } from "vitest";
import { createMetrics, ManualClock } from "../core/index.ts";
import { ProxyHealth } from "./proxy-health.ts";
import { ProxyMetrics } from "./proxy-metrics.ts";

/** kube-proxy's metrics in v1.36: type and labels, from the instrumentation reference. */
const upstream: Readonly<Record<string, readonly [type: string, labels: string]>> = {
  kubeproxy_conntrack_reconciler_deleted_entries_total: ["counter", "ip_family"],
  kubeproxy_conntrack_reconciler_sync_duration_seconds: ["histogram", "ip_family"],
  kubeproxy_network_programming_duration_seconds: ["histogram", "ip_family"],
  kubeproxy_proxy_healthz_total: ["counter", "code"],
  kubeproxy_proxy_livez_total: ["counter", "code"],
  kubeproxy_sync_full_proxy_rules_duration_seconds: ["histogram", "ip_family"],
  kubeproxy_sync_partial_proxy_rules_duration_seconds: ["histogram", "ip_family"],
  kubeproxy_sync_proxy_rules_duration_seconds: ["histogram", "ip_family"],
  kubeproxy_sync_proxy_rules_endpoint_changes_pending: ["gauge", ""],
  kubeproxy_sync_proxy_rules_endpoint_changes_total: ["counter", ""],
  kubeproxy_sync_proxy_rules_iptables_last: ["gauge", "ip_family,table"],
  kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total: ["counter", "ip_family"],
  kubeproxy_sync_proxy_rules_iptables_restore_failures_total: ["counter", "ip_family"],
  kubeproxy_sync_proxy_rules_iptables_total: ["gauge", "ip_family,table"],
  kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds: ["gauge", "ip_family"],
  kubeproxy_sync_proxy_rules_last_timestamp_seconds: ["gauge", "ip_family"],
  kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total: ["counter", "ip_family"],
  kubeproxy_sync_proxy_rules_nftables_sync_failures_total: ["counter", "ip_family"],
  kubeproxy_sync_proxy_rules_no_local_endpoints_total: ["gauge", "ip_family,traffic_policy"],
  kubeproxy_sync_proxy_rules_service_changes_pending: ["gauge", ""],
  kubeproxy_sync_proxy_rules_service_changes_total: ["counter", ""],
};

describe("the proxy's metrics", () => {
  it("have kube-proxy's names, types and labels, and no others of that prefix", () => {
    const metrics = createMetrics();
    const families = () => ["IPv4"] as const;
    const health = new ProxyHealth({ clock: new ManualClock(), metrics, timeoutMs: 1, families });
    health.answer("/healthz");
    health.answer("/livez");
    const proxy = new ProxyMetrics(metrics, {
      families,
      dropping: () => [],
      setAside: () => 0,
      installed: () => 0,
      mode: () => "nftables",
      tableRules: () => [{ family: "IPv4", table: "nat", all: 8, last: 2 }],
    });
    proxy.queued("service", 0);
    proxy.queued("endpoint", 0);
    for (const full of [true, false]) {
      proxy.synced(full, 1, 0);
      for (const mode of ["nftables", "iptables"]) proxy.syncFailed(mode, full);
    }
    proxy.cleanupFailed("nftables");
    proxy.programmed(1);
    proxy.flowsRemoved("IPv4", 1, 1);

    const text = metrics.expose();
    const found: Record<string, readonly [string, string]> = {};
    for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (kubeproxy_\S+) (\S+)$/gm)) {
      const sample = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, "m").exec(text);
      const labels = [...(sample?.[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label).join(",");
      found[name] = [type, labels];
    }
    expect(found).toEqual(upstream);
  });
});
