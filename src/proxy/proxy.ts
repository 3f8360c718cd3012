import type { Clock, Logger, Metrics } from "../core/index.ts";
import type { NodeNetwork } from "../model/index.ts";
import type { EventRecorder } from "../objects/index.ts";
import type { ProxyEngine } from "./engine.ts";
import type { ProxyCaches } from "./plan-book.ts";
import type { FlowsPort, HealthChecksPort, TrackedFlow } from "./ports.ts";
import type { ProxyHealth } from "./proxy-health.ts";
import type { ProxyStats } from "./proxy-stats.ts";
import type { ProxySettings } from "./settings/proxy-settings.ts";
import { SyncLoop } from "./sync-loop.ts";

export interface ProxyOptions<F extends TrackedFlow = TrackedFlow> {
  readonly nodeName: string;
  readonly caches: ProxyCaches;
  readonly engine: ProxyEngine;
  /** Without it, UDP and SCTP clients may stay with endpoints that are gone. */
  readonly flows?: FlowsPort<F>;
  /**
   * Also ends TCP connections to endpoints that have gone while their Service stays: their next packet is answered with a reset. The engine must know, too, where
   * it can let endpoints wait for their connections (IPVS, userspace). Default false.
   */
  readonly resetRemoved?: boolean;
  readonly healthChecks?: HealthChecksPort;
  readonly recorder?: EventRecorder;
  readonly metrics?: Metrics;
  readonly clock: Clock;
  readonly log?: Logger;
  /** What of the network is known; `localTraffic` is by default the pods of this node, as its Node object says. */
  readonly network?: Partial<NodeNetwork>;
  /** Where node ports are served; by default on all addresses but 127.0.0.1. */
  readonly nodePorts?: Pick<ProxySettings, "nodePortAddresses" | "localhostNodePorts">;
  /** Pause between two writes in milliseconds, for fewer of them. Default 0: a change that comes alone goes out at once. */
  readonly minSyncMs?: number;
  /** A change that waits for twice this long makes the proxy unhealthy. Default 30,000. */
  readonly syncMs?: number;
  /** Everything is written again after this long, whatever the kernel seems to have. Default an hour; 0 = never. */
  readonly fullSyncMs?: number;
  /** How often to look whether others changed the rules, in milliseconds. Default 1000; 0 = never. */
  readonly watchKernelMs?: number;
}

/** A running proxy. */
export interface Proxy {
  /** Whether it keeps up; answers `/healthz` and `/livez`. */
  readonly health: Pick<ProxyHealth, "isHealthy" | "answer">;
  /** Resolves when everything that was known at the start is in the kernel. */
  whenSynced(): Promise<void>;
  /** Resolves when no change is waiting or being written. Changes that were set aside do not count. */
  whenIdle(): Promise<void>;
  stats(): ProxyStats;
  /**
   * Goes on with another engine. The new one is complete in the kernel before the former is taken out, so new connections
   * are served throughout. Rejects, and everything stays as it was, when the new engine does not work here or is of the
   * same mode.
   */
  setEngine(engine: ProxyEngine): Promise<void>;
  /** Ends; the rules stay and go on carrying traffic, unless `cleanup` removes them. */
  stop(options?: { readonly cleanup?: boolean }): Promise<void>;
}

/**
 * Keeps the kernel's rules of one node at what its Services ask for. A single change is written at once; changes that come
 * while one is written go out together after it.
 */
export function createProxy<F extends TrackedFlow>(options: ProxyOptions<F>): Proxy {
  return new SyncLoop(options);
}
