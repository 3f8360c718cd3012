import { messageOf, pause } from "../core/index.ts";
import type { Cancel, Clock, Logger } from "../core/index.ts";
import type { HealthCheckPlan, NodeNetwork } from "../model/index.ts";
import type { EventRecorder } from "../objects/index.ts";
import type { EngineStats, Notice, ProxyEngine, ProxyMode, Refusal, TableRules } from "./engine.ts";
import type { FlowCleaner, PlanChange } from "./flow-cleaner.ts";
import type { HealthCheckPorts } from "./health-check.ts";
import { Limitations } from "./limitations.ts";
import type { PlanBook } from "./plan-book.ts";
import { outlineOf } from "./planned-service.ts";
import type { PlannedService, PlanOutline } from "./planned-service.ts";
import type { TrackedFlow } from "./ports.ts";
import { SetAside } from "./set-aside.ts";

/** How long after the first rules the flows of an earlier agent are looked at. */
const earlierFlowsDelayMs = 1000;

const none: readonly string[] = [];

/** How long connections that began by the rules of a former engine have to come to their end, in milliseconds, where they end with it. */
const lastConnectionsMs = 1000;

/** What is kept of a Service's new plan until its rules are in the kernel. */
interface Look {
  readonly outline: PlanOutline;
  readonly limitations: readonly string[];
  /** Present when the change may have left flows that nobody answers. */
  readonly flows: PlanChange | undefined;
}

/** What a writer works with. */
export interface ServiceWriterOptions<F extends TrackedFlow> {
  readonly nodeName: string;
  readonly book: PlanBook;
  readonly engine: ProxyEngine;
  readonly flows: FlowCleaner<F> | undefined;
  readonly healthChecks: HealthCheckPorts;
  readonly recorder: EventRecorder | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** A Service that was refused is to be tried again. */
  readonly retry: (service: string) => void;
  /** Told of each Service that the kernel refuses. */
  readonly refused: () => void;
}

/**
 * Brings the plans of Services to the engine, and does what follows when the kernel has them: flows that nobody answers any
 * more are forgotten, health checks answer, and Events tell of what was refused or is served otherwise than it asks for.
 */
export class ServiceWriter<F extends TrackedFlow> {
  readonly #options: ServiceWriterOptions<F>;
  readonly #limitations: Limitations;
  readonly #setAside: SetAside;
  #engine: ProxyEngine;
  #hasWrittenAll = false;
  #cancelEarlierFlows: Cancel = () => undefined;

  constructor(options: ServiceWriterOptions<F>) {
    this.#options = options;
    this.#engine = options.engine;
    this.#limitations = new Limitations(options.nodeName, options.recorder);
    this.#setAside = new SetAside(options.clock, options.retry);
  }

  get mode(): ProxyMode {
    return this.#engine.mode;
  }

  get engineStats(): EngineStats {
    return this.#engine.stats;
  }

  /** How many rules each table has; nothing in modes without tables of iptables. */
  tableRules(): readonly TableRules[] {
    return this.#engine.tableRules?.() ?? [];
  }

  get setAsideCount(): number {
    return this.#setAside.size;
  }

  /** Services whose rules the kernel refuses. */
  setAside(): readonly Refusal[] {
    return this.#setAside.list();
  }

  /** Services that are served otherwise than they ask for. */
  limitations(): readonly Refusal[] {
    return this.#limitations.list();
  }

  /** Whether the engine itself answers a flow. */
  ownsFlow(flow: TrackedFlow): boolean {
    return this.#engine.ownsFlow?.(flow) === true;
  }

  setNetwork(network: NodeNetwork): void {
    this.#engine.setNetwork(network);
  }

  /** What others did to the kernel's rules; "nothing" when that cannot be seen. */
  noticesOthers(): Notice {
    try {
      return this.#engine.noticesOthers();
    } catch (error) {
      this.#options.log.warn("it could not be seen whether others changed the rules", { error: messageOf(error) });
      return "nothing";
    }
  }

  /**
   * Writes what these Services want now. Gives the reason why nothing was written when the kernel has other things than it was left with.
   * `written` is called when the rules are in the kernel, before anything else follows. Rejects when the engine does not work.
   */
  async writeChanges(
    services: readonly string[],
    { mayMismatch, written }: { readonly mayMismatch: boolean; readonly written: () => void },
  ): Promise<string | undefined> {
    const looks = this.#lookAt(services, this.#engine);
    const result = await this.#engine.writeChanges(services, { mayMismatch });
    if (result.kind === "mismatch") return result.reason;
    written();
    this.#follow(looks, result.refused);
    return undefined;
  }

  /** Writes all that the engine was told, and what `services` want now. Like `writeChanges` in all else. */
  async writeAll(services: readonly string[], written: () => void): Promise<string | undefined> {
    const looks = this.#lookAt(services, this.#engine);
    const result = await this.#engine.writeAll(this.#allAnd(services));
    if (result.kind === "mismatch") return result.reason;
    written();
    this.#followAll(looks, result.refused);
    return undefined;
  }

  /**
   * Writes everything by another engine, and then removes what the former one wrote. Rejects when the new one does not work; what
   * it wrote is removed then, and the former one stays. `formerStays` is told when the former rules cannot be removed.
   */
  async switchTo(
    engine: ProxyEngine,
    network: NodeNetwork,
    { written, formerStays }: { readonly written: () => void; readonly formerStays: (mode: ProxyMode) => void },
  ): Promise<void> {
    const services = this.#options.book.allServices();
    let looks: ReadonlyMap<string, Look>;
    let refused: readonly Refusal[];
    try {
      engine.setNetwork(network);
      looks = this.#lookAt(services, engine);
      const result = await engine.writeAll(services);
      if (result.kind === "mismatch") throw new Error(result.reason);
      refused = result.refused;
    } catch (error) {
      await engine.remove().catch(() => undefined);
      engine.close();
      throw error;
    }
    const former = this.#engine;
    this.#engine = engine;
    this.#limitations.clear();
    written();
    this.#followAll(looks, refused);
    await this.#leave(former).catch((error: unknown) => {
      formerStays(former.mode);
      this.#options.log.warn("rules of the former mode could not be removed", {
        mode: former.mode,
        error: messageOf(error),
      });
    });
    former.close();
    // Datagrams that the former engine relayed are the new one's from now on.
    if (former.ownsFlow !== undefined) this.#cleanAllFlows();
  }

  /** Nothing is done by itself from now on. */
  stop(): void {
    this.#cancelEarlierFlows();
    this.#options.flows?.stop();
    this.#setAside.stop();
  }

  /** Ends the engine, and with `cleanup` removes its rules before. */
  async close(cleanup: boolean): Promise<void> {
    this.#options.healthChecks.close();
    if (cleanup) await this.#engine.remove();
    this.#engine.close();
  }

  /** Made when it is read, which is seldom. */
  *#allAnd(services: readonly string[]): Generator<string> {
    yield* new Set([...services, ...this.#options.book.allServices()]);
  }

  /** New connections go by other rules already. */
  async #leave(former: ProxyEngine): Promise<void> {
    if (former.retire !== undefined) {
      await former.retire().catch((error: unknown) => {
        const reason = messageOf(error);
        this.#options.log.warn("connections may end with the former mode", { mode: former.mode, reason });
      });
      await pause(this.#options.clock, lastConnectionsMs);
    }
    await former.remove();
  }

  #lookAt(services: readonly string[], engine: ProxyEngine): ReadonlyMap<string, Look> {
    const looks = new Map<string, Look>();
    for (const service of services) looks.set(service, this.#look(service, engine));
    return looks;
  }

  /** Plans a Service anew and tells an engine. Of the plan only what is needed later is kept: there may be very many. */
  #look(service: string, engine: ProxyEngine): Look {
    const { book } = this.#options;
    const plan = book.plan(service);
    engine.want(service, plan.ports);
    let limitations = plan.problems ?? none;
    for (const port of plan.ports) {
      const sentences = engine.shortcomings(port);
      if (sentences.length > 0) limitations = [...limitations, ...sentences];
    }
    return { outline: outlineOf(plan), limitations, flows: this.#flowsOf(service, plan) };
  }

  /** What of a change the flows depend on. What an earlier agent left is looked for all at once, a little later. */
  #flowsOf(service: string, plan: PlannedService): PlanChange | undefined {
    const { book, flows } = this.#options;
    if (!this.#hasWrittenAll || flows === undefined) return undefined;
    const concerned = [plan.source, book.appliedSource(service)];
    if (!concerned.some((source) => flows.concerns(source?.service))) return undefined;
    return { now: plan.ports, before: book.applied(service).ports };
  }

  #followAll(looks: ReadonlyMap<string, Look>, refused: readonly Refusal[]): void {
    const isFirst = !this.#hasWrittenAll;
    this.#hasWrittenAll = true;
    this.#follow(looks, refused);
    if (!isFirst) return;
    // Traffic that comes with the start does not wait for what an earlier agent left.
    this.#cancelEarlierFlows = this.#options.clock.schedule(earlierFlowsDelayMs, () => this.#cleanAllFlows());
  }

  #follow(looks: ReadonlyMap<string, Look>, refused: readonly Refusal[]): void {
    const { book, healthChecks: ports } = this.#options;
    for (const refusal of refused) this.#setServiceAside(refusal);
    const refusedServices = new Set(refused.map(({ service }) => service));
    const flows: PlanChange[] = [];
    const healthChecks: (readonly [string, HealthCheckPlan | undefined])[] = [];
    for (const [service, look] of looks) {
      if (refusedServices.has(service)) continue;
      this.#setAside.delete(service);
      if (look.flows !== undefined) flows.push(look.flows);
      if (look.outline.healthCheck !== undefined || ports.has(service)) {
        healthChecks.push([service, look.outline.healthCheck]);
      }
      book.setApplied(service, look.outline);
      this.#limitations.note(service, look.limitations, () => book.service(service));
    }
    this.#options.flows?.afterChanges(flows);
    ports.update(healthChecks);
  }

  /** The Service keeps its last good rules, is reported, and is tried again later or when it changes. */
  #setServiceAside(refusal: Refusal): void {
    const { book, log, nodeName, recorder } = this.#options;
    const { service, reason } = refusal;
    this.#options.refused();
    const attempts = this.#setAside.add(refusal);
    const former = book.applied(service).ports;
    this.#engine.want(service, former);
    log.error("the rules of a Service were refused", { service, reason });
    const object = book.service(service);
    if (object === undefined || attempts > 1) return;
    const until = former.length > 0 ? "its last good rules stay" : "it has none there until they are taken";
    const message = `The kernel of ${nodeName} refused the rules of this Service, ${until}: ${reason}`;
    recorder?.record(object, "Warning", "FailedToProgramService", message);
  }

  #cleanAllFlows(): void {
    const { book, flows } = this.#options;
    flows?.all(book.appliedPorts((service) => flows.concerns(service)));
  }
}
