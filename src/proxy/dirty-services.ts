import type { ChangeKind } from "./proxy-metrics.ts";

/** Why a Service has to be looked at again. */
export interface Change {
  readonly kind: ChangeKind;
  /** When a pod or the Service changed, in milliseconds since 1970, as the EndpointSlice says. */
  readonly triggeredAt?: number;
}

/** What is known of a Service that has to be looked at again. */
export interface DirtyService {
  /** Monotonic time of the first change. */
  readonly since: number;
  services: number;
  endpoints: number;
  triggers: readonly number[];
}

const none: readonly number[] = [];

/** The Services that changed since they were last written, in the order of their first change. */
export class DirtyServices {
  readonly #services = new Map<string, DirtyService>();

  get size(): number {
    return this.#services.size;
  }

  /** Notes a change at this monotonic time; without `change` the Service is only looked at again. */
  mark(service: string, now: number, change?: Change): void {
    let known = this.#services.get(service);
    if (known === undefined) {
      known = { since: now, services: 0, endpoints: 0, triggers: none };
      this.#services.set(service, known);
    }
    if (change?.kind === "service") known.services++;
    if (change?.kind === "endpoint") known.endpoints++;
    if (change?.triggeredAt !== undefined) known.triggers = [...known.triggers, change.triggeredAt];
  }

  /** Everything that is noted; from now on it is not. */
  take(): ReadonlyMap<string, DirtyService> {
    const taken = new Map(this.#services);
    this.#services.clear();
    return taken;
  }

  /** What was taken but could not be written, together with what came meanwhile. */
  putBack(batch: ReadonlyMap<string, DirtyService>): void {
    for (const [service, before] of batch) {
      const newer = this.#services.get(service);
      this.#services.set(service, {
        since: before.since,
        services: before.services + (newer?.services ?? 0),
        endpoints: before.endpoints + (newer?.endpoints ?? 0),
        triggers: [...before.triggers, ...(newer?.triggers ?? [])],
      });
    }
  }

  /** How many changes of each kind wait. */
  pending(): { readonly services: number; readonly endpoints: number } {
    let services = 0;
    let endpoints = 0;
    for (const one of this.#services.values()) {
      services += one.services;
      endpoints += one.endpoints;
    }
    return { services, endpoints };
  }
}
