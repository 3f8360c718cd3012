import { messageOf, silentLogger } from "../core/index.ts";
import type { Cancel, Clock, IpFamily, Logger, Port } from "../core/index.ts";
import { nodeNetwork } from "../model/index.ts";
import type { NodeNetwork, NodeServicePlan } from "../model/index.ts";
import type { EventRecorder } from "../objects/index.ts";
import type { ProxyEngine, ProxyMode, Refusal } from "./engine.ts";
import { answerHealthCheck } from "./health-check.ts";
import { Limitations } from "./limitations.ts";
import { PlanBook } from "./plan-book.ts";
import type { ProxyCaches } from "./plan-book.ts";
import type { FlowsPort, HealthCheckAnswer, HealthChecksPort, UdpFlow } from "./ports.ts";
import { mayLeaveFlows, staleFlows, udpEntries } from "./stale-flows.ts";
import { LatencyRecord } from "./sync-latency.ts";
import type { SyncLatency } from "./sync-latency.ts";

export interface ProxyOptions<F extends UdpFlow = UdpFlow> {
  readonly nodeName: string;
  readonly caches: ProxyCaches;
  readonly engine: ProxyEngine;
  /** Without it, UDP clients may stay with endpoints that are gone. */
  readonly flows?: FlowsPort<F>;
  readonly healthChecks?: HealthChecksPort;
  readonly recorder?: EventRecorder;
  readonly clock: Clock;
  readonly log?: Logger;
  /** What of the network is known; `localTraffic` is by default the pods of this node, as its Node object says. */
  readonly network?: Partial<NodeNetwork>;
  /** How often to look whether others changed the rules, in milliseconds. Default 1000; 0 = never. */
  readonly watchKernelMs?: number;
}

export interface ProxyStats {
  readonly mode: ProxyMode;
  /** Services that the kernel serves. */
  readonly services: number;
  /** Elements, rules or virtual servers in the kernel. */
  readonly installed: number;
  readonly transactions: number;
  readonly fullSyncs: number;
  readonly lastFullSyncMs: number;
  readonly failures: number;
  /** Services whose rules the kernel refused; their last good rules stay. */
  readonly setAside: readonly Refusal[];
  /** Services that are served otherwise than they ask for, and how. */
  readonly limitations: readonly Refusal[];
  readonly latency: SyncLatency;
}

/** A running proxy. */
export interface Proxy {
  /** Resolves when everything that was known at the start is in the kernel. */
  whenSynced(): Promise<void>;
  /** Resolves when no change is waiting or being written. Changes that were set aside do not count. */
  whenIdle(): Promise<void>;
  stats(): ProxyStats;
  /**
   * Goes on with another engine. The new one is complete in the kernel before the former is taken out, so new connections
   * are served throughout. Rejects, and everything stays as it was, when the new engine does not work here.
   */
  setEngine(engine: ProxyEngine): Promise<void>;
  /** Ends; the rules stay and go on carrying traffic, unless `cleanup` removes them. */
  stop(options?: { readonly cleanup?: boolean }): Promise<void>;
}

const families: readonly IpFamily[] = ["IPv4", "IPv6"];
/** How long after the first rules the flows of an earlier agent are looked at. */
const earlierFlowsDelayMs = 1000;
const firstRetryMs = 500;
const longestRetryMs = 60_000;

/**
 * Keeps the kernel's rules of one node at what its Services ask for. A single change is written at once; changes that come
 * while one is written go out together after it.
 */
export function createProxy<F extends UdpFlow>(options: ProxyOptions<F>): Proxy {
  return new NodeProxy(options);
}

class NodeProxy<F extends UdpFlow> implements Proxy {
  readonly #options: ProxyOptions<F>;
  readonly #log: Logger;
  readonly #book: PlanBook;
  readonly #limitations: Limitations;
  readonly #latency = new LatencyRecord();
  /** Services to look at again, with the time of the first change. */
  readonly #dirty = new Map<string, number>();
  readonly #setAside = new Map<string, Refusal & { readonly attempts: number; readonly cancel: Cancel }>();
  readonly #stops: (() => void)[] = [];
  #engine: ProxyEngine;
  #needsFull = true;
  #fullSyncs = 0;
  #lastFullSyncMs = 0;
  #failures = 0;
  #failuresInARow = 0;
  #mayMismatch = true;
  #healthChecks = "";
  #lastResync = -Infinity;
  #resyncGapMs = 0;
  #state: "waiting" | "idle" | "running" | "retrying" | "stopped" = "waiting";
  #run: Promise<void> = Promise.resolve();
  #idleWaiters: (() => void)[] = [];
  readonly #whenSynced: Promise<void>;
  #announceSynced: () => void = () => undefined;

  constructor(options: ProxyOptions<F>) {
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    this.#book = new PlanBook(options.nodeName, options.caches);
    this.#engine = options.engine;
    this.#engine.setNetwork(this.#network());
    this.#limitations = new Limitations(options.nodeName, options.recorder);
    this.#whenSynced = new Promise((resolve) => (this.#announceSynced = resolve));
    this.#stops.push(
      this.#book.follow(
        (service) => this.#mark(service),
        () => this.#nodeChanged(),
      ),
    );
    void this.#book.whenSynced().then(() => {
      if (this.#state !== "waiting") return;
      this.#state = "idle";
      this.#wake();
      this.#watchKernel();
    });
  }

  whenSynced(): Promise<void> {
    return this.#whenSynced;
  }

  whenIdle(): Promise<void> {
    if (this.#state === "stopped" || (this.#state === "idle" && !this.#hasWork())) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  stats(): ProxyStats {
    return {
      mode: this.#engine.mode,
      services: this.#book.appliedPlans().length,
      ...this.#engine.stats,
      fullSyncs: this.#fullSyncs,
      lastFullSyncMs: this.#lastFullSyncMs,
      failures: this.#failures,
      setAside: [...this.#setAside.values()].map(({ service, reason }) => ({ service, reason })),
      limitations: this.#limitations.list(),
      latency: this.#latency.read(),
    };
  }

  async stop({ cleanup = false }: { readonly cleanup?: boolean } = {}): Promise<void> {
    this.#state = "stopped";
    for (const stop of this.#stops) stop();
    for (const { cancel } of this.#setAside.values()) cancel();
    await this.#run;
    this.#options.healthChecks?.serve(new Map(), () => undefined);
    if (cleanup) await this.#engine.remove();
    this.#engine.close();
    this.#tellIdle();
  }

  async setEngine(engine: ProxyEngine): Promise<void> {
    await this.whenIdle();
    if (this.#state !== "idle") throw new Error("the proxy of this node has ended");
    this.#state = "running";
    const former = this.#engine;
    try {
      engine.setNetwork(this.#network());
      const services = this.#book.allServices();
      for (const service of services) engine.want(service, this.#book.applied(service).ports);
      await engine.writeAll(services);
    } catch (error) {
      await engine.remove().catch(() => undefined);
      engine.close();
      this.#state = "idle";
      this.#wake();
      throw error;
    }
    this.#engine = engine;
    this.#limitations.clear();
    // Changes that came meanwhile, and whatever the new engine refused, are looked at once more.
    for (const service of this.#book.allServices()) this.#dirty.set(service, this.#options.clock.monotonic());
    try {
      await former.remove();
    } catch (error) {
      this.#log.warn("the former engine's rules could not be removed", { mode: former.mode, error: messageOf(error) });
    }
    former.close();
    this.#state = "idle";
    this.#wake();
    await this.whenIdle();
  }

  #network(): NodeNetwork {
    return nodeNetwork({
      localTraffic: { kind: "pod-cidrs", cidrs: this.#book.podCidrs },
      ...this.#options.network,
    });
  }

  #mark(service: string): void {
    if (!this.#dirty.has(service)) this.#dirty.set(service, this.#options.clock.monotonic());
    this.#wake();
  }

  #nodeChanged(): void {
    this.#engine.setNetwork(this.#network());
    this.#needsFull = true;
    for (const service of this.#book.allServices()) this.#mark(service);
    this.#wake();
  }

  #hasWork(): boolean {
    return this.#needsFull || this.#dirty.size > 0;
  }

  #wake(): void {
    if (this.#state !== "idle" || !this.#hasWork()) return;
    this.#state = "running";
    // A watch delivers several events in one go; they make one transaction.
    queueMicrotask(() => {
      this.#run = this.#work();
    });
  }

  async #work(): Promise<void> {
    while (this.#state === "running" && this.#hasWork()) {
      const batch = new Map(this.#dirty);
      this.#dirty.clear();
      const full = this.#needsFull;
      this.#needsFull = false;
      try {
        await this.#sync(batch, full);
        this.#failuresInARow = 0;
        if (full) this.#announceSynced();
      } catch (error) {
        this.#needsFull ||= full;
        for (const [service, since] of batch)
          this.#dirty.set(service, Math.min(since, this.#dirty.get(service) ?? since));
        this.#retryLater(error);
        return;
      }
    }
    if (this.#state !== "running") return;
    this.#state = "idle";
    this.#tellIdle();
  }

  async #sync(batch: ReadonlyMap<string, number>, full: boolean): Promise<void> {
    const { clock } = this.#options;
    const started = clock.monotonic();
    const plans = new Map([...batch.keys()].map((service) => [service, this.#book.plan(service)]));
    for (const [service, plan] of plans) this.#engine.want(service, plan.ports);
    const services = [...plans.keys()];
    const result = full
      ? await this.#engine.writeAll([...new Set([...services, ...this.#book.allServices()])])
      : await this.#engine.writeChanges(services, { mayMismatch: this.#mayMismatch });
    if (result.kind === "mismatch") {
      this.#log.warn("the kernel's rules are not what they were left as, writing all of them again", {
        reason: result.reason,
      });
      this.#mayMismatch = false;
      this.#needsFull = true;
      for (const [service, since] of batch) this.#dirty.set(service, since);
      return;
    }
    if (full) {
      this.#fullSyncs++;
      this.#lastFullSyncMs = clock.monotonic() - started;
    } else this.#mayMismatch = true;
    this.#finish(plans, result.refused, full);
    if (!full) for (const since of batch.values()) this.#latency.add(clock.monotonic() - since);
  }

  /** What follows when the rules are in the kernel. */
  #finish(plans: ReadonlyMap<string, NodeServicePlan>, refused: readonly Refusal[], full: boolean): void {
    for (const refusal of refused) this.#setServiceAside(refusal);
    const refusedServices = new Set(refused.map(({ service }) => service));
    const changed: { readonly now: NodeServicePlan; readonly before: NodeServicePlan }[] = [];
    for (const [service, now] of plans) {
      if (refusedServices.has(service)) continue;
      this.#setAside.get(service)?.cancel();
      this.#setAside.delete(service);
      changed.push({ now, before: this.#book.applied(service) });
      this.#book.setApplied(service, now);
      this.#limitations.note(service, this.#book.service(service), [
        ...(now.problems ?? []),
        ...now.ports.flatMap((plan) => this.#engine.shortcomings(plan)),
      ]);
    }
    if (this.#fullSyncs === 1 && full) this.#forgetEarlierFlows();
    else this.#forgetStaleFlows(changed.filter(({ now, before }) => mayLeaveFlows(now.ports, before.ports)));
    this.#serveHealthChecks(full || changed.some(({ now, before }) => now.healthCheck !== before.healthCheck));
  }

  /** The Service keeps its last good rules, is reported, and is tried again later or when it changes. */
  #setServiceAside(refusal: Refusal): void {
    const { clock, recorder } = this.#options;
    const { service, reason } = refusal;
    this.#failures++;
    const known = this.#setAside.get(service);
    known?.cancel();
    const attempts = (known?.attempts ?? 0) + 1;
    const cancel = clock.schedule(backOff(attempts), () => this.#mark(service));
    this.#setAside.set(service, { service, reason, attempts, cancel });
    this.#engine.want(service, this.#book.applied(service).ports);
    this.#log.error("the rules of a Service were refused", { service, reason });
    const object = this.#book.service(service);
    if (object === undefined || attempts > 1) return;
    const message = `The kernel of ${this.#options.nodeName} refused the rules of this Service, its last good rules stay: ${reason}`;
    recorder?.record(object, "Warning", "FailedToProgramService", message);
  }

  #retryLater(error: unknown): void {
    if (this.#state === "stopped") return;
    this.#failures++;
    const delay = backOff(++this.#failuresInARow);
    this.#log.error("rules could not be written", { error: messageOf(error), retryInMs: delay });
    this.#state = "retrying";
    const cancel = this.#options.clock.schedule(delay, () => {
      if (this.#state !== "retrying") return;
      this.#state = "idle";
      this.#wake();
    });
    this.#stops.push(cancel);
  }

  /** What an earlier agent left is forgotten a little later: traffic that comes with the start does not wait for it. */
  #forgetEarlierFlows(): void {
    const run = () => this.#forgetStaleFlows(this.#book.appliedPlans().map((now) => ({ now, before: { ports: [] } })));
    this.#stops.push(this.#options.clock.schedule(earlierFlowsDelayMs, run));
  }

  #forgetStaleFlows(changed: readonly { readonly now: NodeServicePlan; readonly before: NodeServicePlan }[]): void {
    const { flows } = this.#options;
    if (flows === undefined) return;
    const entries = changed.flatMap(({ now, before }) => udpEntries(now.ports, before.ports));
    try {
      for (const family of families) {
        const own = entries.filter((entry) => entry.family === family);
        if (own.length === 0) continue;
        for (const flow of staleFlows(flows.udpFlows(family), own)) flows.deleteFlow(flow);
      }
    } catch (error) {
      this.#log.warn("stale UDP flows could not be removed", { error: messageOf(error) });
    }
  }

  #serveHealthChecks(maybeChanged: boolean): void {
    const { healthChecks, recorder } = this.#options;
    if (healthChecks === undefined || !maybeChanged) return;
    const checks = this.#book.appliedPlans().flatMap(({ healthCheck }) => healthCheck ?? []);
    const text = JSON.stringify(checks);
    if (text === this.#healthChecks) return;
    this.#healthChecks = text;
    const answers = new Map<Port, () => HealthCheckAnswer>(
      checks.map((check) => [check.nodePort, () => answerHealthCheck(check, this.#failuresInARow === 0)]),
    );
    healthChecks.serve(answers, (port, error) => {
      const check = checks.find(({ nodePort }) => nodePort === port);
      const service = check === undefined ? undefined : this.#book.service(check.service);
      if (service === undefined) return;
      const reason = "FailedToStartServiceHealthcheck";
      const message = `node ${this.#options.nodeName} failed to start healthcheck on port ${port}: ${error.message}`;
      recorder?.record(service, "Warning", reason, message);
    });
  }

  /** Two system calls now and then; everything is written again when somebody else has changed the rules. */
  #watchKernel(): void {
    const { clock, watchKernelMs = 1000 } = this.#options;
    if (watchKernelMs === 0) return;
    let cancel: Cancel = () => undefined;
    const look = (): void => {
      cancel = clock.schedule(watchKernelMs, look);
      if (this.#state !== "idle" || !this.#othersChanged()) return;
      const now = clock.monotonic();
      // Programs that change their own tables all the time must not make this one write all the time.
      if (now - this.#lastResync > 2 * longestRetryMs) this.#resyncGapMs = 0;
      if (now - this.#lastResync < this.#resyncGapMs) {
        cancel();
        cancel = clock.schedule(this.#lastResync + this.#resyncGapMs - now, resync);
        return;
      }
      resync();
    };
    const resync = (): void => {
      cancel();
      cancel = clock.schedule(watchKernelMs, look);
      this.#lastResync = clock.monotonic();
      this.#resyncGapMs = Math.min(longestRetryMs, Math.max(watchKernelMs, this.#resyncGapMs * 2));
      this.#log.info("somebody else changed the rules, writing all rules again");
      this.#needsFull = true;
      this.#wake();
    };
    cancel = clock.schedule(watchKernelMs, look);
    this.#stops.push(() => cancel());
  }

  #othersChanged(): boolean {
    try {
      return this.#engine.noticesOthers();
    } catch (error) {
      this.#log.warn("it could not be seen whether others changed the rules", { error: messageOf(error) });
      return false;
    }
  }

  #tellIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

function backOff(attempts: number): number {
  return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(attempts - 1, 20));
}
