import type { Cancel, Clock } from "../core/index.ts";
import type { Refusal } from "./engine.ts";

const firstRetryMs = 500;
const longestRetryMs = 60_000;

/** The pause in milliseconds after so many failures in a row. */
export function backOff(failures: number): number {
  return Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
}

/** Services whose rules the kernel refuses; each is tried again after growing pauses. */
export class SetAside {
  readonly #clock: Clock;
  readonly #retry: (service: string) => void;
  readonly #services = new Map<string, Refusal & { readonly attempts: number; readonly cancel: Cancel }>();

  constructor(clock: Clock, retry: (service: string) => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  /** Notes a refusal; returns how many there were in a row. */
  add({ service, reason }: Refusal): number {
    const known = this.#services.get(service);
    known?.cancel();
    const attempts = (known?.attempts ?? 0) + 1;
    const cancel = this.#clock.schedule(backOff(attempts), () => this.#retry(service));
    this.#services.set(service, { service, reason, attempts, cancel });
    return attempts;
  }

  /** The rules of a Service were taken. */
  delete(service: string): void {
    this.#services.get(service)?.cancel();
    this.#services.delete(service);
  }

  get size(): number {
    return this.#services.size;
  }

  list(): readonly Refusal[] {
    return [...this.#services.values()].map(({ service, reason }) => ({ service, reason }));
  }

  stop(): void {
    for (const { cancel } of this.#services.values()) cancel();
  }
}
