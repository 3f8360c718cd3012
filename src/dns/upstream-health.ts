import { decodeMessage, encodeMessage, queryMessage, recordTypes, rootName } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Cancel, Clock, Random } from "../core/index.ts";
import type { Upstream, UpstreamDialer, UpstreamTransport } from "./upstream.ts";

/** How a server that failed is looked after. Times are in milliseconds. */
export interface HealthCheckOptions {
  /** From one check to the next; 500 unless given. */
  readonly intervalMs?: number;
  /** How long one check waits; 1000 unless given. */
  readonly timeoutMs?: number;
  /** The name whose NS records are asked for; the root unless given. */
  readonly domain?: DnsName;
  /** Whether checks ask for recursion; yes unless given. */
  readonly recursionDesired?: boolean;
}

/** What is thought of a server. */
export type UpstreamState =
  /** As far as anybody knows it answers. */
  | "healthy"
  /** It failed lately and is being checked: asked after the healthy ones. */
  | "suspect"
  /** So many checks failed in a row that it is asked only when all are down. */
  | "down";

/** What a health watch needs. */
export interface HealthParts {
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: UpstreamTransport;
  /** Checks in a row that must fail until a server is down; 0 for never. */
  readonly maxFails: number;
  readonly options: HealthCheckOptions;
  readonly checkFailed: () => void;
}

/** Watches one server: checks begin with an error and end with any answer, so that a healthy server gets none. */
export class UpstreamHealth {
  readonly #upstream: Upstream;
  readonly #parts: HealthParts;
  #isChecking = false;
  #fails = 0;
  #cancels: Cancel[] = [];

  constructor(upstream: Upstream, parts: HealthParts) {
    this.#upstream = upstream;
    this.#parts = parts;
  }

  get state(): UpstreamState {
    const { maxFails } = this.#parts;
    if (maxFails > 0 && this.#fails >= maxFails) return "down";
    return this.#isChecking ? "suspect" : "healthy";
  }

  /** Checks that failed one after the other, until now. */
  get fails(): number {
    return this.#fails;
  }

  /** A query failed: checking begins if it has not yet. */
  failed(): void {
    if (this.#isChecking) return;
    this.#isChecking = true;
    this.#check();
  }

  /** The server answered something. */
  answered(): void {
    this.#fails = 0;
    if (this.#isChecking) this.stop();
  }

  /** Ends checking. */
  stop(): void {
    this.#isChecking = false;
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  #check(): void {
    const { dial, clock, random, transport, options } = this.#parts;
    const { intervalMs = 500, timeoutMs = 1000, domain = rootName, recursionDesired = true } = options;
    const startedAt = clock.monotonic();
    const id = Math.floor(random() * 0x1_0000);
    const query = { ...queryMessage(id, { name: domain, type: recordTypes.NS, class: 1 }), recursionDesired };
    let isOver = false;
    const finish = (isHealthy: boolean) => {
      if (isOver) return;
      isOver = true;
      for (const cancel of this.#cancels.splice(0)) cancel();
      if (isHealthy) return this.answered();
      this.#fails++;
      this.#parts.checkFailed();
      const left = Math.max(0, startedAt + intervalMs - clock.monotonic());
      this.#cancels.push(clock.schedule(left, () => this.#check()));
    };
    this.#cancels.push(
      () => {
        isOver = true;
      },
      clock.schedule(timeoutMs, () => finish(false)),
    );
    const close = dial.send(this.#upstream, transport, encodeMessage(query), {
      message: (bytes) => {
        const message = decodeMessage(bytes);
        // Whatever the answer says, somebody is there to give it.
        if (message.kind === "message" && message.response && message.id === id) finish(true);
      },
      failed: () => finish(false),
    });
    if (isOver) close();
    else this.#cancels.push(close);
  }
}
