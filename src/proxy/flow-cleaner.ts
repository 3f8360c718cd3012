import { messageOf } from "../core/index.ts";
import type { Clock, IpFamily, Logger, Protocol } from "../core/index.ts";
import type { ServicePlan } from "../model/index.ts";
import type { Service } from "../objects/index.ts";
import type { FlowQuery, FlowsPort, TrackedFlow } from "./ports.ts";
import { fewQueries, flowEntries, flowQueries, staleFlows, wholeTables } from "./stale-flows.ts";
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

/** Removes flows that go to Services but are answered by nobody any more; never those of others. */
export class FlowCleaner<F extends TrackedFlow> {
  readonly #options: FlowCleanerOptions<F>;

  constructor(options: FlowCleanerOptions<F>) {
    this.#options = options;
  }

  /** Whether a Service has flows that would have to be looked at. */
  concerns(service: Service | undefined): boolean {
    return service?.spec.ports?.some(({ protocol = "TCP" }) => this.#options.protocols.has(protocol)) === true;
  }

  /** After a change: asks the kernel only for what the change may have left. */
  afterChanges(changes: readonly PlanChange[]): void {
    const { protocols } = this.#options;
    const queries: FlowQuery[] = [];
    const entries: FlowEntry[] = [];
    for (const { now, before } of changes) {
      const own = flowQueries(now, before, protocols);
      if (own.length === 0) continue;
      queries.push(...own);
      entries.push(...flowEntries(now, before, protocols));
    }
    this.#clean(fewQueries(queries), entries);
  }

  /** Looks through everything: what an earlier agent may have left. */
  all(plans: Iterable<readonly ServicePlan[]>): void {
    const entries: FlowEntry[] = [];
    for (const now of plans) entries.push(...flowEntries(now, [], this.#options.protocols));
    this.#clean(wholeTables(entries), entries);
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
