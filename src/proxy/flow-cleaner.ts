import { messageOf } from "../core/index.ts";
import type { Cancel, Clock, IpFamily, Logger, Protocol } from "../core/index.ts";
import type { ServicePlan } from "../model/index.ts";
import type { Service } from "../objects/index.ts";
import type { FlowQuery, FlowsPort, TrackedFlow } from "./ports.ts";
import { fewQueries, flowEntries, flowId, flowQueries, staleFlows, wholeTables } from "./stale-flows.ts";
import type { FlowEntry } from "./stale-flows.ts";

/** The plans of a Service before and after a change. */
export interface PlanChange {
  readonly now: readonly ServicePlan[];
  readonly before: readonly ServicePlan[];
}

/** What removing stale flows needs. */
export interface FlowCleanerOptions<F extends TrackedFlow> {
  readonly flows: FlowsPort<F>;
  readonly protocols: ReadonlySet<Protocol>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Flows that are right although no endpoint answers them. */
  readonly isOwn: (flow: TrackedFlow) => boolean;
  /** Told of every removal. */
  readonly removed: (family: IpFamily, flows: number, milliseconds: number) => void;
}

/**
 * Each question makes the kernel walk all of its flows, some 10 ms, in which nothing else of the agent goes on: over a long time this share of the time
 * goes into that.
 */
const share = 0.2;
/** Milliseconds of questions that may be asked at once after a rest: a change alone, or some, never wait. */
const mostCredit = 2000;

/** Removes flows that go to Services but are answered by nobody any more; never those of others. */
export class FlowCleaner<F extends TrackedFlow> {
  readonly #options: FlowCleanerOptions<F>;
  readonly #queries: FlowQuery[] = [];
  /** By what they are for: the last change of a Service says who may answer. */
  readonly #entries = new Map<string, FlowEntry>();
  /** Milliseconds that may be spent; below 0 when more was spent, and until when it is counted. */
  #credit = mostCredit;
  #creditAt: number | undefined;
  #cancel: Cancel | undefined;

  constructor(options: FlowCleanerOptions<F>) {
    this.#options = options;
  }

  /** Whether a Service has flows that would have to be looked at. */
  concerns(service: Service | undefined): boolean {
    if (service === undefined) return false;
    const { type, externalIPs = [], ports = [] } = service.spec;
    const isOutside = type === "LoadBalancer" || externalIPs.length > 0;
    return ports.some(({ protocol = "TCP" }) => isOutside || this.#options.protocols.has(protocol));
  }

  /** After a change: asks the kernel only for what the change may have left; at once, unless many changes go before. */
  afterChanges(changes: readonly PlanChange[]): void {
    const { protocols, clock } = this.#options;
    for (const { now, before } of changes) {
      this.#queries.push(...flowQueries(now, before, protocols));
      // For a question that waits, who may answer is who may now.
      if (this.#queries.length === 0) continue;
      for (const entry of flowEntries(now, before, protocols)) this.#entries.set(flowId(entry), entry);
    }
    if (this.#queries.length === 0 || this.#cancel !== undefined) return;
    const now = clock.monotonic();
    this.#credit = Math.min(mostCredit, this.#credit + share * (now - (this.#creditAt ?? now)));
    this.#creditAt = now;
    if (this.#credit >= 0) this.#cleanPending();
    else this.#cancel = clock.schedule(-this.#credit / share, () => this.#cleanPending());
  }

  /** What waits is not asked any more. */
  stop(): void {
    this.#cancel?.();
  }

  /** Looks through everything: what an earlier agent may have left. */
  all(plans: Iterable<readonly ServicePlan[]>): void {
    const entries: FlowEntry[] = [];
    for (const now of plans) entries.push(...flowEntries(now, [], this.#options.protocols));
    this.#clean(wholeTables(entries), entries);
  }

  #cleanPending(): void {
    const { clock } = this.#options;
    this.#cancel = undefined;
    const started = clock.monotonic();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    this.#clean(fewQueries(this.#queries.splice(0)), entries);
    this.#credit -= clock.monotonic() - started;
  }

  #clean(queries: readonly FlowQuery[], entries: readonly FlowEntry[]): void {
    const { flows, clock, log, isOwn, removed } = this.#options;
    for (const query of queries) {
      const started = clock.monotonic();
      try {
        const stale = staleFlows(flows.flows(query), entries).filter((flow) => !isOwn(flow));
        for (const flow of stale) flows.deleteFlow(flow);
        removed(query.family, stale.length, clock.monotonic() - started);
      } catch (error) {
        log.warn("stale flows could not be removed", { protocol: query.protocol, error: messageOf(error) });
      }
    }
  }
}
