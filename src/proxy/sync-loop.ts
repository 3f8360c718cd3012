import { cidrFamily, createMetrics, messageOf, silentLogger } from "../core/index.ts";
import type { Cancel, Clock, IpFamily, Logger } from "../core/index.ts";
import { nodeNetwork } from "../model/index.ts";
import type { NodeNetwork } from "../model/index.ts";
import { DirtyServices } from "./dirty-services.ts";
import type { DirtyService } from "./dirty-services.ts";
import type { ProxyEngine } from "./engine.ts";
import { FlowCleaner } from "./flow-cleaner.ts";
import { HealthCheckPorts } from "./health-check.ts";
import { watchKernel } from "./kernel-watch.ts";
import { PlanBook } from "./plan-book.ts";
import type { TrackedFlow } from "./ports.ts";
import { ProxyHealth } from "./proxy-health.ts";
import { ProxyMetrics } from "./proxy-metrics.ts";
import type { Proxy, ProxyOptions } from "./proxy.ts";
import type { ProxyStats } from "./proxy-stats.ts";
import { ServiceWriter } from "./service-writer.ts";
import { backOff } from "./set-aside.ts";
import { nodePortNetworks } from "./settings/node-port-addresses.ts";
import { cleanedProtocols } from "./stale-flows.ts";
import { SyncRecord } from "./sync-record.ts";

/** The proxy at work: see `createProxy`. */
export class SyncLoop<F extends TrackedFlow> implements Proxy {
  readonly #options: ProxyOptions<F>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #book: PlanBook;
  readonly #metrics: ProxyMetrics;
  readonly #record: SyncRecord;
  readonly #dirty = new DirtyServices();
  readonly #writer: ServiceWriter<F>;
  readonly #stops: (() => void)[] = [];
  readonly health: ProxyHealth;
  #needsFull = true;
  #lastWriteEnd = -Infinity;
  #failuresInARow = 0;
  #mayMismatch = true;
  #state: "waiting" | "idle" | "pausing" | "running" | "retrying" | "stopped" = "waiting";
  #run: Promise<void> = Promise.resolve();
  #cancelSleep: Cancel = () => undefined;
  #idleWaiters: (() => void)[] = [];
  /** Settled when the first write may begin, or none will. */
  readonly #whenStarted: Promise<void>;
  #announceStarted: () => void = () => undefined;
  readonly #whenSynced: Promise<void>;
  #announceSynced: () => void = () => undefined;

  constructor(options: ProxyOptions<F>) {
    const { nodeName, clock, recorder, metrics = createMetrics(), syncMs = 30_000 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#log = options.log ?? silentLogger;
    this.#book = new PlanBook(nodeName, options.caches);
    const families = () => this.#families();
    this.health = new ProxyHealth({ clock, metrics, timeoutMs: 2 * syncMs, families });
    this.#metrics = new ProxyMetrics(metrics, {
      families,
      dropping: () => this.#book.dropping(),
      setAside: () => this.#writer.setAsideCount,
      installed: () => this.#writer.engineStats.installed,
      mode: () => this.#writer.mode,
      tableRules: () => this.#writer.tableRules(),
    });
    this.#record = new SyncRecord(clock, this.#metrics);
    this.#writer = new ServiceWriter({
      nodeName,
      book: this.#book,
      engine: options.engine,
      flows: this.#flowCleaner(),
      healthChecks: this.#healthCheckPorts(),
      recorder,
      clock,
      log: this.#log,
      retry: (service) => this.#mark(service),
      refused: () => this.#record.failures++,
    });
    this.#writer.setNetwork(this.#network());
    this.#whenStarted = new Promise((resolve) => (this.#announceStarted = resolve));
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
      mode: this.#writer.mode,
      services: this.#book.appliedCount,
      ...this.#writer.engineStats,
      ...this.#record.read(),
      setAside: this.#writer.setAside(),
      limitations: this.#writer.limitations(),
    };
  }

  async stop({ cleanup = false }: { readonly cleanup?: boolean } = {}): Promise<void> {
    this.#state = "stopped";
    this.#announceStarted();
    for (const stop of this.#stops) stop();
    this.#cancelSleep();
    this.#writer.stop();
    await this.#run;
    await this.#writer.close(cleanup);
    this.#tellIdle();
  }

  async setEngine(engine: ProxyEngine): Promise<void> {
    // A former engine that does not work, and is tried again and again, must not keep anybody from another one.
    while (this.#state === "waiting" || this.#state === "running") await this.#whenPaused();
    const { nodeName } = this.#options;
    if (this.#state === "stopped") throw new Error(`the proxy of ${nodeName} has ended`);
    // What the former engine removes would be what the new one has just written.
    if (engine.mode === this.#writer.mode)
      throw new Error(`the proxy of ${nodeName} works in mode ${engine.mode} already`);
    this.#cancelSleep();
    this.#state = "running";
    const running = this.#switchTo(engine);
    this.#run = running.catch(() => undefined);
    try {
      await running;
    } finally {
      this.#goOn();
    }
    await this.whenIdle();
  }

  /** Resolves when the write at present has ended, or the first one can begin. */
  #whenPaused(): Promise<void> {
    return this.#state === "waiting" ? this.#whenStarted : this.#run;
  }

  async #switchTo(engine: ProxyEngine): Promise<void> {
    const batch = this.#dirty.take();
    const started = this.#clock.monotonic();
    const full = this.#needsFull;
    this.#needsFull = false;
    try {
      await this.#writer.switchTo(engine, this.#network(), {
        written: () => this.#written(batch, true, started),
        formerStays: (mode) => this.#metrics.cleanupFailed(mode),
      });
    } catch (error) {
      this.#needsFull ||= full;
      this.#dirty.putBack(batch);
      throw error;
    }
    this.#failuresInARow = 0;
    // The node may have changed meanwhile, which only the former engine was told.
    this.#writer.setNetwork(this.#network());
    if (!this.#needsFull) this.#announceSynced();
  }

  #start(): void {
    if (this.#state !== "waiting") return;
    const { watchKernelMs = 1000, fullSyncMs = 3_600_000 } = this.#options;
    this.#state = "idle";
    this.#announceStarted();
    this.#wake();
    if (watchKernelMs > 0) {
      const stop = watchKernel({
        clock: this.#clock,
        everyMs: watchKernelMs,
        look: () => (this.#state === "idle" ? this.#writer.noticesOthers() : "nothing"),
        resync: (why) => {
          const what = why === "damage" ? "took rules away" : "may have changed the rules";
          this.#log.info(`somebody else ${what}, writing all rules again`);
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
    const { flows, resetRemoved = false, clock } = this.#options;
    if (flows === undefined) return undefined;
    const removed = this.#metrics.flowsRemoved.bind(this.#metrics);
    const isOwn = (flow: TrackedFlow): boolean => this.#writer.ownsFlow(flow);
    return new FlowCleaner({ flows, protocols: cleanedProtocols(resetRemoved), clock, log: this.#log, isOwn, removed });
  }

  #healthCheckPorts(): HealthCheckPorts {
    const { healthChecks: port, nodeName, recorder } = this.#options;
    return new HealthCheckPorts({
      port,
      isHealthy: () => this.#failuresInARow === 0 && this.health.isHealthy(),
      failed: (service, number, error) => {
        const object = this.#book.service(service);
        if (object === undefined) return;
        const message = `node ${nodeName} failed to start healthcheck on port ${number}: ${error.message}`;
        recorder?.record(object, "Warning", "FailedToStartServiceHealthcheck", message);
      },
    });
  }

  #mark(service: string): void {
    this.#dirty.mark(service, this.#clock.monotonic());
    this.#wake();
  }

  #nodeChanged(): void {
    this.#writer.setNetwork(this.#network());
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
    this.#cancelSleep = this.#clock.schedule(milliseconds, () => {
      this.#state = "idle";
      this.#wake();
    });
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
        this.#metrics.syncFailed(this.#writer.mode, full);
        this.#retryLater(error);
        return;
      }
      if (this.#options.minSyncMs !== undefined && this.#options.minSyncMs > 0) break;
    }
    this.#goOn();
  }

  async #sync(batch: ReadonlyMap<string, DirtyService>, full: boolean): Promise<void> {
    const started = this.#clock.monotonic();
    const services = [...batch.keys()];
    const written = (): void => this.#written(batch, full, started);
    const mismatch = full
      ? await this.#writer.writeAll(services, written)
      : await this.#writer.writeChanges(services, { mayMismatch: this.#mayMismatch, written });
    if (mismatch === undefined) return;
    this.#log.warn("the kernel's rules are not what they were left as, writing all of them again", {
      reason: mismatch,
    });
    this.#metrics.syncFailed(this.#writer.mode, full);
    this.#mayMismatch = false;
    this.#needsFull = true;
    this.#dirty.putBack(batch);
  }

  /** The rules of these Services are in the kernel. */
  #written(batch: ReadonlyMap<string, DirtyService>, full: boolean, started: number): void {
    const ended = this.#clock.monotonic();
    this.#lastWriteEnd = ended;
    if (!full) this.#mayMismatch = true;
    this.#record.written(batch, full, ended - started);
    const { services, endpoints } = this.#dirty.pending();
    this.#metrics.pending(services, endpoints);
    if (this.#dirty.size === 0) this.health.updated();
  }

  #retryLater(error: unknown): void {
    if (this.#isStopped()) return;
    this.#record.failures++;
    const delay = backOff(++this.#failuresInARow);
    this.#log.error("rules could not be written", { error: messageOf(error), retryInMs: delay });
    this.#sleep("retrying", delay);
  }

  /** After a write: to the next one, or to rest. */
  #goOn(): void {
    if (this.#state !== "running") return;
    this.#state = "idle";
    if (this.#hasWork()) this.#wake();
    else this.#tellIdle();
  }

  #tellIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
