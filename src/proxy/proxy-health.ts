import type { Clock, IpFamily, Metrics } from "../core/index.ts";
import type { Node } from "../objects/index.ts";
import type { HealthCheckAnswer } from "./ports.ts";

/** The taint of a node that the cluster autoscaler is about to delete. */
const toBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";

/** What decides how healthy a proxy says that it is. */
export interface ProxyHealthOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** A change may wait this long in milliseconds before the proxy counts as unhealthy. */
  readonly timeoutMs: number;
  readonly families: () => readonly IpFamily[];
}

/**
 * Whether the proxy keeps up (kube-proxy's `:10256/healthz` and `/livez`): it does not when a change has been waiting for
 * too long. `/healthz`, by which load balancers pick nodes, is also 503 for a node that is about to go (KEP-3836).
 */
export class ProxyHealth {
  readonly #options: ProxyHealthOptions;
  readonly #healthz;
  readonly #livez;
  #waitingSince: number | undefined;
  #lastUpdated: number | undefined;
  #nodeEligible = true;

  constructor(options: ProxyHealthOptions) {
    this.#options = options;
    const labels = ["code"] as const;
    this.#healthz = options.metrics.counter({
      name: "kubeproxy_proxy_healthz_total",
      help: "Answers to /healthz, by status code",
      labels,
    });
    this.#livez = options.metrics.counter({
      name: "kubeproxy_proxy_livez_total",
      help: "Answers to /livez, by status code",
      labels,
    });
  }

  /** A change came that is not in the kernel yet. */
  queued(): void {
    this.#waitingSince ??= this.#options.clock.monotonic();
  }

  /** Everything that had come is in the kernel. */
  updated(): void {
    this.#waitingSince = undefined;
    this.#lastUpdated = this.#options.clock.now();
  }

  /** The node as it is now; one that was never seen is taken for eligible. */
  setNode(node: Node | undefined): void {
    const taints = node?.spec?.taints ?? [];
    this.#nodeEligible =
      node !== undefined &&
      node.metadata.deletionTimestamp === undefined &&
      !taints.some(({ key }) => key === toBeDeletedTaint);
  }

  isHealthy(): boolean {
    const { clock, timeoutMs } = this.#options;
    return this.#waitingSince === undefined || clock.monotonic() - this.#waitingSince < timeoutMs;
  }

  /** The answer to a request for one of the two paths. */
  answer(path: "/healthz" | "/livez"): HealthCheckAnswer {
    const { clock, families } = this.#options;
    const isUpToDate = this.isHealthy();
    const isHealthy = isUpToDate && (path === "/livez" || this.#nodeEligible);
    const status = isHealthy ? 200 : 503;
    (path === "/healthz" ? this.#healthz : this.#livez).with(String(status)).add();
    const currentTime = new Date(clock.now()).toISOString();
    // While all is well the time is that of the question, as it has always been in kube-proxy.
    const updated = new Date(this.#lastUpdated ?? 0).toISOString();
    const lastUpdated = isHealthy ? currentTime : updated;
    const family = { lastUpdated: isUpToDate ? currentTime : updated, healthy: isUpToDate };
    const body = {
      lastUpdated,
      currentTime,
      ...(path === "/healthz" ? { nodeEligible: this.#nodeEligible } : {}),
      healthy: isHealthy,
      status: Object.fromEntries(families().map((name) => [name, family])),
    };
    return {
      status,
      headers: { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" },
      body: JSON.stringify(body),
    };
  }
}
