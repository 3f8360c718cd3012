import { exponentialBuckets, linearBuckets } from "../core/index.ts";
import type { Histogram, IpFamily, Metrics } from "../core/index.ts";
import type { TableRules } from "./engine.ts";
import type { DroppingPort } from "./planned-service.ts";

const byFamily = ["ip_family"] as const;
const syncBuckets = exponentialBuckets(0.001, 2, 15);
const programmingBuckets = [
  ...linearBuckets(0.25, 0.25, 2),
  ...linearBuckets(1, 1, 59),
  ...linearBuckets(60, 5, 12),
  ...linearBuckets(120, 30, 7),
];

/** What of the proxy is read at the time of exposition. */
export interface ProxyReadings {
  readonly families: () => readonly IpFamily[];
  /** Family and policy of each Service port that drops packets for want of an endpoint on this node. */
  readonly dropping: () => Iterable<DroppingPort>;
  readonly setAside: () => number;
  readonly installed: () => number;
  readonly mode: () => string;
  /** In iptables mode the rules of each table. */
  readonly tableRules: () => readonly TableRules[];
}

/** What a change was, for the counts of changes. */
export type ChangeKind = "service" | "endpoint";

/**
 * The proxy's numbers under kube-proxy's names, as far as they mean the same here. IPv4 and IPv6 are written together,
 * so both families of a dual-stack node show the same times.
 */
export class ProxyMetrics {
  readonly #families: () => readonly IpFamily[];
  readonly #durations;
  readonly #lastTimestamp;
  readonly #lastQueued;
  readonly #programming;
  readonly #changes;
  readonly #failures;
  readonly #conntrackDuration;
  readonly #conntrackDeleted;

  constructor(metrics: Metrics, readings: ProxyReadings) {
    this.#families = readings.families;
    const duration = (name: string, help: string) =>
      metrics.histogram({ name: `kubeproxy_${name}_duration_seconds`, help, labels: byFamily, buckets: syncBuckets });
    this.#durations = {
      all: duration("sync_proxy_rules", "Time of one write of rules to the kernel in seconds"),
      full: duration("sync_full_proxy_rules", "Time of one write of all rules in seconds"),
      partial: duration("sync_partial_proxy_rules", "Time of one write of changed rules in seconds"),
    };
    const gauge = (name: string, help: string) =>
      metrics.gauge({ name: `kubeproxy_sync_proxy_rules_${name}`, help, labels: byFamily });
    this.#lastTimestamp = gauge("last_timestamp_seconds", "When rules were last written, in seconds since 1970");
    this.#lastQueued = gauge("last_queued_timestamp_seconds", "When a change last came, in seconds since 1970");
    this.#programming = metrics.histogram({
      name: "kubeproxy_network_programming_duration_seconds",
      help: "Time from the change of a pod or Service until the rules followed in seconds",
      labels: byFamily,
      buckets: programmingBuckets,
    });
    const changes = (kind: ChangeKind) => ({
      pending: metrics
        .gauge({
          name: `kubeproxy_sync_proxy_rules_${kind}_changes_pending`,
          help: `Changes of ${kind}s that the rules do not follow yet`,
        })
        .with(),
      total: metrics
        .counter({ name: `kubeproxy_sync_proxy_rules_${kind}_changes_total`, help: `Changes of ${kind}s that came` })
        .with(),
    });
    this.#changes = { service: changes("service"), endpoint: changes("endpoint") };
    const failures = (name: string, help: string) =>
      metrics.counter({ name: `kubeproxy_sync_proxy_rules_${name}_failures_total`, help, labels: byFamily });
    this.#failures = {
      nftables: failures("nftables_sync", "Writes of nftables rules that failed"),
      nftablesCleanup: failures("nftables_cleanup", "Removals of nftables rules that failed"),
      iptablesFull: failures("iptables_restore", "Writes of all iptables rules that failed"),
      iptablesPartial: failures("iptables_partial_restore", "Writes of changed iptables rules that failed"),
    };
    this.#conntrackDuration = metrics.histogram({
      name: "kubeproxy_conntrack_reconciler_sync_duration_seconds",
      help: "Time of one removal of stale flows in seconds",
      labels: byFamily,
      buckets: syncBuckets,
    });
    this.#conntrackDeleted = metrics.counter({
      name: "kubeproxy_conntrack_reconciler_deleted_entries_total",
      help: "Stale flows that were removed",
      labels: byFamily,
    });
    readLater(metrics, readings);
  }

  queued(kind: ChangeKind, now: number): void {
    this.#changes[kind].total.add();
    this.#changes[kind].pending.add(1);
    for (const family of this.#families()) this.#lastQueued.with(family).set(now / 1000);
  }

  /** A write ended well. `milliseconds` it took; `now` is the wall clock. */
  synced(full: boolean, milliseconds: number, now: number): void {
    for (const family of this.#families()) {
      const all: readonly Histogram[] = [
        this.#durations.all.with(family),
        (full ? this.#durations.full : this.#durations.partial).with(family),
      ];
      for (const one of all) one.observe(milliseconds / 1000);
      this.#lastTimestamp.with(family).set(now / 1000);
    }
  }

  /** How many changes are still not in the kernel. */
  pending(services: number, endpoints: number): void {
    this.#changes.service.pending.set(services);
    this.#changes.endpoint.pending.set(endpoints);
  }

  /** The rules follow a change that a pod or Service made `milliseconds` ago. */
  programmed(milliseconds: number): void {
    for (const family of this.#families()) this.#programming.with(family).observe(Math.max(0, milliseconds) / 1000);
  }

  syncFailed(mode: string, full: boolean): void {
    const counter =
      mode === "nftables"
        ? this.#failures.nftables
        : mode === "iptables"
          ? full
            ? this.#failures.iptablesFull
            : this.#failures.iptablesPartial
          : undefined;
    for (const family of this.#families()) counter?.with(family).add();
  }

  cleanupFailed(mode: string): void {
    if (mode === "nftables") for (const family of this.#families()) this.#failures.nftablesCleanup.with(family).add();
  }

  flowsRemoved(family: IpFamily, flows: number, milliseconds: number): void {
    this.#conntrackDuration.with(family).observe(milliseconds / 1000);
    this.#conntrackDeleted.with(family).add(flows);
  }
}

function readLater(metrics: Metrics, readings: ProxyReadings): void {
  const { families, dropping, setAside, installed, mode, tableRules } = readings;
  const byTable = (name: string, help: string, value: (rules: TableRules) => number): void => {
    metrics.read(
      { kind: "gauge", name: `kubeproxy_sync_proxy_rules_iptables_${name}`, help, labels: ["ip_family", "table"] },
      () => tableRules().map((rules) => [rules.family, rules.table, value(rules)] as const),
    );
  };
  byTable("total", "Rules of the proxy in a table of iptables", ({ all }) => all);
  byTable("last", "Rules in a table of iptables that the last write wrote", ({ last }) => last);
  metrics.read(
    {
      kind: "gauge",
      name: "kubeproxy_sync_proxy_rules_no_local_endpoints_total",
      help: "Service ports with a Local traffic policy that have no endpoint on this node but elsewhere",
      labels: ["ip_family", "traffic_policy"],
    },
    () => {
      const counts = new Map<string, number>();
      for (const { family, policy } of dropping()) {
        const key = `${family} ${policy}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return families().flatMap((family) =>
        (["internal", "external"] as const).map(
          (policy) => [family, policy, counts.get(`${family} ${policy}`) ?? 0] as const,
        ),
      );
    },
  );
  metrics.read(
    { kind: "gauge", name: "sealane_proxy_set_aside_services", help: "Services whose rules the kernel refuses" },
    () => [[setAside()]],
  );
  metrics.read(
    {
      kind: "gauge",
      name: "sealane_proxy_installed_rules",
      help: "Elements, rules or virtual servers in the kernel",
      labels: ["mode"],
    },
    () => [[mode(), installed()]],
  );
}
