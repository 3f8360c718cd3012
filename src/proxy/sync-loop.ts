import { cidrFamily, createMetrics, messageOf, silentLogger } from "../core/index.ts";
import type { Clock, IpFamily, Logger } from "../core/index.ts";
import { nodeNetwork } from "../model/index.ts";
import type { HealthCheckPlan, NodeNetwork } from "../model/index.ts";
import { DirtyServices } from "./dirty-services.ts";
import type { DirtyService } from "./dirty-services.ts";
import type { ProxyEngine, Refusal } from "./engine.ts";
import { FlowCleaner } from "./flow-cleaner.ts";
import type { PlanChange } from "./flow-cleaner.ts";
import { HealthCheckPorts } from "./health-check.ts";
import { watchKernel } from "./kernel-watch.ts";
import { Limitations } from "./limitations.ts";
import { PlanBook } from "./plan-book.ts";
import { outlineOf } from "./planned-service.ts";
import type { PlanOutline } from "./planned-service.ts";
import type { TrackedFlow } from "./ports.ts";
import { ProxyHealth } from "./proxy-health.ts";
import { ProxyMetrics } from "./proxy-metrics.ts";
import type { Proxy, ProxyOptions } from "./proxy.ts";
import type { ProxyStats } from "./proxy-stats.ts";
import { backOff, SetAside } from "./set-aside.ts";
import { nodePortNetworks } from "./settings/node-port-addresses.ts";
import { cleanedProtocols } from "./stale-flows.ts";
import { LatencyRecord } from "./sync-latency.ts";

/** How long after the first rules the flows of an earlier agent are looked at. */
const earlierFlowsDelayMs = 1000;

/** What is kept of a Service's new plan until its rules are in the kernel. */
interface Look {
  readonly outline: PlanOutline;
  readonly limitations: readonly string[];
  /** Present when the change may have left flows that nobody answers. */
  readonly flows: PlanChange | undefined;
}

/** The proxy at work: see `createProxy`. */
export class SyncLoop<F extends TrackedFlow> implements Proxy {
  readonly #options: ProxyOptions<F>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #book: PlanBook;
  readonly #limitations: Limitations;
  readonly #metrics: ProxyMetrics;
  readonly #latency = new LatencyRecord();
  readonly #dirty = new DirtyServices();
  readonly #setAside: SetAside;
  readonly #healthChecks: HealthCheckPorts;
  readonly #flows: FlowCleaner<F> | undefined;
  readonly #stops: (() => void)[] = [];
  readonly health: ProxyHealth;
  #engine: ProxyEngine;
  #needsFull = true;
  #fullSyncs = 0;
  #lastFullSyncMs = 0;
  #lastWriteEnd = -Infinity;
  #failures = 0;
  #failuresInARow = 0;
  #mayMismatch = true;
  #state: "waiting" | "idle" | "pausing" | "running" | "retrying" | "stopped" = "waiting";
  #run: Promise<void> = Promise.resolve();
  #idleWaiters: (() => void)[] = [];
  readonly #whenSynced: Promise<void>;
  #announceSynced: () => void = () => undefined;

  constructor(options: ProxyOptions<F>) {
    const { nodeName, clock, recorder, metrics = createMetrics(), syncMs = 30_000 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#log = options.log ?? silentLogger;
    this.#book = new PlanBook(nodeName, options.caches);
    this.#engine = options.engine;
    this.#engine.setNetwork(this.#network());
    this.#limitations = new Limitations(nodeName, recorder);
    this.#setAside = new SetAside(clock, (service) => this.#mark(service));
    const families = () => this.#families();
    this.health = new ProxyHealth({ clock, metrics, timeoutMs: 2 * syncMs, families });
    this.#metrics = new ProxyMetrics(metrics, {
      families,
      dropping: () => this.#book.dropping(),
      setAside: () => this.#setAside.size,
      installed: () => this.#engine.stats.installed,
      mode: () => this.#engine.mode,
    });
    this.#flows = this.#flowCleaner();
    this.#healthChecks = new HealthCheckPorts({
      port: options.healthChecks,
      isHealthy: () => this.#failuresInARow === 0 && this.health.isHealthy(),
      failed: (service, port, error) => this.#healthCheckFailed(service, port, error),
    });
    this.#whenSynced = new Promise((resolve) => (this.#announceSynced = resolve));
    this.#stops.push(
      this.#book.follow({
        changed: (service, change) => {
          this.#metrics.queued(change.kind, clock.now());
          this.#dirty.mark(service, clock.monotonic(), change);
          this.health.queued();
          this.#wake();
        },
        nodeChanged: () => this.#nodeChanged(),
        nodeSeen: (node) => this.health.setNode(node),
      }),
    );
    void this.#book.whenSynced().then(() => this.#start());
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
      services: this.#book.appliedCount,
      ...this.#engine.stats,
      fullSyncs: this.#fullSyncs,
      lastFullSyncMs: this.#lastFullSyncMs,
      failures: this.#failures,
      setAside: this.#setAside.list(),
      limitations: this.#limitations.list(),
      latency: this.#latency.read(),
    };
  }

  async stop({ cleanup = false }: { readonly cleanup?: boolean } = {}): Promise<void> {
    this.#state = "stopped";
    for (const stop of this.#stops) stop();
    this.#setAside.stop();
    await this.#run;
    this.#healthChecks.close();
    if (cleanup) await this.#engine.remove();
    this.#engine.close();
    this.#tellIdle();
  }

  async setEngine(engine: ProxyEngine): Promise<void> {
    await this.whenIdle();
    if (this.#state !== "idle") throw new Error(`the proxy of ${this.#options.nodeName} has ended`);
    const former = this.#engine;
    // What the former engine removes would be what the new one has just written.
    if (engine.mode === former.mode)
      throw new Error(`the proxy of ${this.#options.nodeName} works in mode ${engine.mode} already`);
    this.#state = "running";
    const run = async (): Promise<void> => {
      const services = this.#book.allServices();
      try {
        engine.setNetwork(this.#network());
        for (const service of services) engine.want(service, this.#book.applied(service).ports);
        await engine.writeAll(services);
      } catch (error) {
        await engine.remove().catch(() => undefined);
        engine.close();
        throw error;
      }
      this.#engine = engine;
      this.#limitations.clear();
      // Changes that came meanwhile, and whatever the new engine refused, are looked at once more.
      for (const service of this.#book.allServices()) this.#dirty.mark(service, this.#clock.monotonic());
      await former.remove().catch((error: unknown) => {
        this.#metrics.cleanupFailed(former.mode);
        this.#log.warn("rules of the former mode could not be removed", {
          mode: former.mode,
          error: messageOf(error),
        });
      });
      former.close();
      // Datagrams that the former engine relayed are the new one's from now on.
      if (former.ownsFlow !== undefined) this.#cleanAllFlows();
    };
    const running = run();
    this.#run = running.catch(() => undefined);
    try {
      await running;
    } finally {
      if (!this.#isStopped()) {
        this.#state = "idle";
        this.#wake();
        if (this.#state === "idle") this.#tellIdle();
      }
    }
    await this.whenIdle();
  }

  #start(): void {
    if (this.#state !== "waiting") return;
    const { watchKernelMs = 1000, fullSyncMs = 3_600_000 } = this.#options;
    this.#state = "idle";
    this.#wake();
    if (watchKernelMs > 0) {
      const stop = watchKernel({
        clock: this.#clock,
        everyMs: watchKernelMs,
        othersChanged: () => this.#state === "idle" && this.#othersChanged(),
        resync: () => {
          this.#log.info("somebody else changed the rules, writing all rules again");
          this.#writeAll();
        },
      });
      this.#stops.push(stop);
    }
    if (fullSyncMs > 0) this.#every(fullSyncMs, () => this.#writeAll());
  }

  #every(milliseconds: number, run: () => void): void {
    let cancel = this.#clock.schedule(milliseconds, again);
    const clock = this.#clock;
    function again(): void {
      cancel = clock.schedule(milliseconds, again);
      run();
    }
    this.#stops.push(() => cancel());
  }

  #network(): NodeNetwork {
    const { network, nodePorts = { nodePortAddresses: [], localhostNodePorts: false } } = this.#options;
    return nodeNetwork({
      serviceCidrs: this.#book.serviceCidrs,
      localTraffic: { kind: "pod-cidrs", cidrs: this.#book.podCidrs },
      ...nodePortNetworks(nodePorts, this.#book.place.addresses ?? []),
      ...network,
    });
  }

  /** The address families of the Services, IPv4 when nothing is known. */
  #families(): readonly IpFamily[] {
    const families = new Set((this.#options.network?.serviceCidrs ?? this.#book.serviceCidrs).map(cidrFamily));
    return families.size === 0 ? ["IPv4"] : [...families].sort();
  }

  #flowCleaner(): FlowCleaner<F> | undefined {
    const { flows, resetRemoved = false } = this.#options;
    if (flows === undefined) return undefined;
    return new FlowCleaner({
      flows,
      protocols: cleanedProtocols(resetRemoved),
      clock: this.#clock,
      log: this.#log,
      isOwn: (flow) => this.#engine.ownsFlow?.(flow) === true,
      removed: (family, count, milliseconds) => this.#metrics.flowsRemoved(family, count, milliseconds),
    });
  }

  #mark(service: string): void {
    this.#dirty.mark(service, this.#clock.monotonic());
    this.#wake();
  }

  #nodeChanged(): void {
    this.#engine.setNetwork(this.#network());
    for (const service of this.#book.allServices()) this.#dirty.mark(service, this.#clock.monotonic());
    this.#writeAll();
  }

  #writeAll(): void {
    this.#needsFull = true;
    this.#wake();
  }

  #hasWork(): boolean {
    return this.#needsFull || this.#dirty.size > 0;
  }

  #isStopped(): boolean {
    return this.#state === "stopped";
  }

  #wake(): void {
    if (this.#state !== "idle" || !this.#hasWork()) return;
    const pause = this.#lastWriteEnd + (this.#options.minSyncMs ?? 0) - this.#clock.monotonic();
    if (pause > 0) return this.#sleep("pausing", pause);
    this.#state = "running";
    // A watch delivers several events in one go; they make one transaction.
    queueMicrotask(() => {
      this.#run = this.#work();
    });
  }

  /** Goes on after this many milliseconds. */
  #sleep(state: "pausing" | "retrying", milliseconds: number): void {
    this.#state = state;
    const cancel = this.#clock.schedule(milliseconds, () => {
      this.#stops.splice(this.#stops.indexOf(cancel), 1);
      if (this.#state !== state) return;
      this.#state = "idle";
      this.#wake();
    });
    this.#stops.push(cancel);
  }

  async #work(): Promise<void> {
    while (this.#state === "running" && this.#hasWork()) {
      const batch = this.#dirty.take();
      const full = this.#needsFull;
      this.#needsFull = false;
      try {
        await this.#sync(batch, full);
        this.#failuresInARow = 0;
        if (full && !this.#needsFull) this.#announceSynced();
      } catch (error) {
        this.#needsFull ||= full;
        this.#dirty.putBack(batch);
        this.#metrics.syncFailed(this.#engine.mode, full);
        this.#retryLater(error);
        return;
      }
      if (this.#options.minSyncMs !== undefined && this.#options.minSyncMs > 0) break;
    }
    if (this.#state !== "running") return;
    this.#state = "idle";
    if (this.#hasWork()) this.#wake();
    else this.#tellIdle();
  }

  async #sync(batch: ReadonlyMap<string, DirtyService>, full: boolean): Promise<void> {
    const started = this.#clock.monotonic();
    const services = [...batch.keys()];
    const looks = new Map(services.map((service) => [service, this.#look(service)]));
    const result = full
      ? await this.#engine.writeAll([...new Set([...services, ...this.#book.allServices()])])
      : await this.#engine.writeChanges(services, { mayMismatch: this.#mayMismatch });
    if (result.kind === "mismatch") {
      this.#log.warn("the kernel's rules are not what they were left as, writing all of them again", {
        reason: result.reason,
      });
      this.#metrics.syncFailed(this.#engine.mode, full);
      this.#mayMismatch = false;
      this.#needsFull = true;
      this.#dirty.putBack(batch);
      return;
    }
    const ended = this.#clock.monotonic();
    this.#lastWriteEnd = ended;
    if (full) {
      this.#fullSyncs++;
      this.#lastFullSyncMs = ended - started;
    } else this.#mayMismatch = true;
    this.#count(batch, full, ended - started);
    this.#finish(looks, result.refused, full);
  }

  #count(batch: ReadonlyMap<string, DirtyService>, full: boolean, milliseconds: number): void {
    const now = this.#clock.now();
    const ended = this.#clock.monotonic();
    this.#metrics.synced(full, milliseconds, now);
    const { services, endpoints } = this.#dirty.pending();
    this.#metrics.pending(services, endpoints);
    const isFirst = this.#fullSyncs === 1 && full;
    for (const { since, triggers } of batch.values()) {
      if (!full) this.#latency.add(ended - since);
      if (!isFirst) for (const triggeredAt of triggers) this.#metrics.programmed(now - triggeredAt);
    }
    if (this.#dirty.size === 0) this.health.updated();
  }

  /** Plans a Service anew and tells the engine. Of the plan only what is needed later is kept: there may be very many. */
  #look(service: string): Look {
    const plan = this.#book.plan(service);
    this.#engine.want(service, plan.ports);
    const limitations = [...(plan.problems ?? []), ...plan.ports.flatMap((port) => this.#engine.shortcomings(port))];
    // What an earlier agent left is looked for all at once, a little later.
    const isFirst = this.#fullSyncs === 0;
    const concerned = [plan.source, this.#book.appliedSource(service)];
    const hasFlows = !isFirst && concerned.some((source) => this.#flows?.concerns(source?.service));
    const flows = hasFlows ? { now: plan.ports, before: this.#book.applied(service).ports } : undefined;
    return { outline: outlineOf(plan), limitations, flows };
  }

  /** What follows when the rules are in the kernel. */
  #finish(looks: ReadonlyMap<string, Look>, refused: readonly Refusal[], full: boolean): void {
    for (const refusal of refused) this.#setServiceAside(refusal);
    const refusedServices = new Set(refused.map(({ service }) => service));
    const flows: PlanChange[] = [];
    const healthChecks = new Map<string, HealthCheckPlan | undefined>();
    for (const [service, look] of looks) {
      if (refusedServices.has(service)) continue;
      this.#setAside.delete(service);
      if (look.flows !== undefined) flows.push(look.flows);
      healthChecks.set(service, look.outline.healthCheck);
      this.#book.setApplied(service, look.outline);
      this.#limitations.note(service, this.#book.service(service), look.limitations);
    }
    if (this.#fullSyncs === 1 && full) this.#forgetEarlierFlows();
    else this.#flows?.afterChanges(flows);
    this.#healthChecks.update(healthChecks);
  }

  /** The Service keeps its last good rules, is reported, and is tried again later or when it changes. */
  #setServiceAside(refusal: Refusal): void {
    const { service, reason } = refusal;
    this.#failures++;
    const attempts = this.#setAside.add(refusal);
    this.#engine.want(service, this.#book.applied(service).ports);
    this.#log.error("the rules of a Service were refused", { service, reason });
    const object = this.#book.service(service);
    if (object === undefined || attempts > 1) return;
    const message = `The kernel of ${this.#options.nodeName} refused the rules of this Service, its last good rules stay: ${reason}`;
    this.#options.recorder?.record(object, "Warning", "FailedToProgramService", message);
  }

  #retryLater(error: unknown): void {
    if (this.#state === "stopped") return;
    this.#failures++;
    const delay = backOff(++this.#failuresInARow);
    this.#log.error("rules could not be written", { error: messageOf(error), retryInMs: delay });
    this.#sleep("retrying", delay);
  }

  /** What an earlier agent left is forgotten a little later: traffic that comes with the start does not wait for it. */
  #forgetEarlierFlows(): void {
    this.#stops.push(this.#clock.schedule(earlierFlowsDelayMs, () => this.#cleanAllFlows()));
  }

  #cleanAllFlows(): void {
    const flows = this.#flows;
    flows?.all(this.#book.appliedPorts((service) => flows.concerns(service)));
  }

  #healthCheckFailed(service: string, port: number, error: Error): void {
    const object = this.#book.service(service);
    if (object === undefined) return;
    const message = `node ${this.#options.nodeName} failed to start healthcheck on port ${port}: ${error.message}`;
    this.#options.recorder?.record(object, "Warning", "FailedToStartServiceHealthcheck", message);
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
