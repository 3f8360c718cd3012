import { resources } from "#layers/objects";
import type { ClusterApi } from "#layers/objects";
import { addressesOf, endpointsOf, isHeadless, serviceKey, serviceObject, sliceKey } from "./cluster.ts";
import type { ClusterSize } from "./cluster.ts";

/** What a Service's name may say: the addresses of a round, or `gone`. */
export type Round = number;

/** There is no such Service. */
export const gone: Round = -1;

interface State {
  readonly round: Round;
  /** When the write began that made it true, and when the one was done that ended it, in milliseconds. */
  readonly from: number;
  until: number;
}

/** How long a replaced state is remembered, in milliseconds. */
const memoryMs = 10_000;

/** What is true of each Service and was lately, and who changes it. */
export class SoakStates {
  readonly #states: State[][];
  readonly #busy = new Set<number>();
  readonly #recent: number[] = [];
  readonly #api: ClusterApi;
  readonly #size: ClusterSize;
  readonly #random: () => number;
  changes = 0;

  constructor(api: ClusterApi, size: ClusterSize, random: () => number) {
    this.#api = api;
    this.#size = size;
    this.#random = random;
    this.#states = Array.from({ length: size.services }, () => [{ round: 0, from: 0, until: Infinity }]);
  }

  /** A Service to ask for: every other time one that changed a moment ago. */
  pick(): number {
    const recent = this.#recent;
    if (recent.length > 0 && this.#random() < 0.5) return recent[Math.floor(this.#random() * recent.length)] ?? 0;
    return Math.floor(this.#random() * this.#size.services);
  }

  /**
   * How long before `sentAt` it ended to be true that a Service is in `round`; 0 when it was true at some time between sending and
   * receiving, and undefined when it was not true lately, or not yet.
   */
  ageOf(service: number, round: Round, sentAt: number, receivedAt: number): number | undefined {
    let age: number | undefined;
    for (const state of this.#states[service] ?? []) {
      if (state.round !== round || state.from > receivedAt) continue;
      const late = Math.max(0, sentAt - state.until);
      age = age === undefined ? late : Math.min(age, late);
    }
    return age;
  }

  /** Changes one Service: other endpoints, deleted, or made anew. */
  async change(): Promise<void> {
    let service = Math.floor(this.#random() * this.#size.services);
    while (this.#busy.has(service)) service = Math.floor(this.#random() * this.#size.services);
    const states = this.#states[service] ?? [];
    const now = states.at(-1);
    if (now === undefined) return;
    this.#busy.add(service);
    const round = this.#next(service, now.round, states);
    const next: State = { round, from: performance.now(), until: Infinity };
    states.push(next);
    this.#recent.push(service);
    if (this.#recent.length > 200) this.#recent.shift();
    await this.#write(service, now.round, round);
    now.until = performance.now();
    this.#busy.delete(service);
    this.changes++;
    while (states.length > 1 && (states[0]?.until ?? Infinity) < now.until - memoryMs) states.shift();
  }

  /** The slice outlives the Service, which comes back with what the slice has. */
  #next(service: number, now: Round, states: readonly State[]): Round {
    if (now === gone) return states.findLast(({ round }) => round !== gone)?.round ?? 0;
    if (!isHeadless(service) || this.#random() < 0.1) return gone;
    return now + 1;
  }

  async #write(service: number, from: Round, to: Round): Promise<void> {
    if (to === gone) return this.#api.delete(resources.services, ...serviceKey(service));
    if (from === gone) {
      await this.#api.create(resources.services, serviceObject(service));
      return;
    }
    const slice = await this.#api.get(resources.endpointSlices, ...sliceKey(service));
    const addresses = addressesOf(service, this.#size.endpointsPerService, to);
    await this.#api.update(resources.endpointSlices, { ...slice, endpoints: endpointsOf(service, addresses) });
  }
}
