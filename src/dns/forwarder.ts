import { headerBits, nameKey, responseCodeName, responseCodes, rootName, zoneOffset } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Cancel, Clock, Metrics, Random } from "../core/index.ts";
import { askInTurn } from "./forwarder-question.ts";
import type { Candidate } from "./forwarder-question.ts";
import { forwarderMetrics } from "./forwarder-metrics.ts";
import type { ForwarderMetrics } from "./forwarder-metrics.ts";
import { failure } from "./resolver.ts";
import type { MaybeLater, Reply, Request, Resolver } from "./resolver.ts";
import { SingleFlight } from "./single-flight.ts";
import { exchange } from "./upstream-exchange.ts";
import { UpstreamHealth } from "./upstream-health.ts";
import type { HealthCheckOptions, UpstreamState } from "./upstream-health.ts";
import { upstreamOrder } from "./upstream-policy.ts";
import type { UpstreamPolicy } from "./upstream-policy.ts";
import { replyOf, rotated } from "./upstream-reply.ts";
import { maxUpstreams, upstreamName } from "./upstream.ts";
import type { Upstream, UpstreamDialer, UpstreamTransport } from "./upstream.ts";

/** How other servers are asked. Times are in milliseconds. */
export interface ForwarderOptions {
  /** At most 15. */
  readonly upstreams: readonly Upstream[];
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  /** Also makes the ids of queries: use one that cannot be guessed. */
  readonly random: Random;
  /** The zone whose names are asked for; all names unless given. */
  readonly from?: DnsName;
  /** Zones within it whose names are left to the next resolver. */
  readonly except?: readonly DnsName[];
  /** "random" unless given. */
  readonly policy?: UpstreamPolicy;
  /** Ask over what the client came with ("client", unless given), begin with UDP for all, or use TCP only. */
  readonly protocol?: "client" | "prefer_udp" | "force_tcp";
  /** How long one server is waited for at most; 2000 unless given. */
  readonly attemptTimeoutMs?: number;
  /** After that no further server is asked; 5000 unless given. */
  readonly totalTimeoutMs?: number;
  /** Different questions asked at the same time; more are refused. 1000 unless given, 0 for no limit. */
  readonly maxConcurrent?: number;
  /** Clients that wait for one question; more are refused. 1000 unless given. */
  readonly maxWaiting?: number;
  /**
   * After so long without an answer a second server is asked, too. Off unless given: it shows names to servers that a
   * policy may have wanted to spare, and not all networks' servers say the same.
   */
  readonly hedgeMs?: number;
  /** Checks in a row that must fail until a server counts as down; 2 unless given, 0 for never. */
  readonly maxFails?: number;
  readonly healthCheck?: HealthCheckOptions;
  /** Response codes after which the next server is asked; all but NOERROR and NXDOMAIN unless given. */
  readonly failover?: readonly number[];
  /** Answers SERVFAIL at once when all servers are down, in place of asking one at random. */
  readonly failfast?: boolean;
  /** Where what happened is counted, too. */
  readonly metrics?: Metrics;
}

/** What is known of one server. */
export interface UpstreamStats {
  /** `1.1.1.1:53` */
  readonly to: string;
  readonly state: UpstreamState;
  /** Queries sent, health checks aside. */
  readonly queries: number;
  /** Queries that got no answer. */
  readonly failures: number;
  /** Health checks that failed, in all. */
  readonly checkFailures: number;
  /** Answers by the mnemonic of their response code. */
  readonly answers: Readonly<Record<string, number>>;
  /** Smoothed time of an answer in milliseconds; `undefined` before the first. */
  readonly roundTripMs: number | undefined;
}

/** What a forwarder counted since it was made. */
export interface ForwarderStats {
  /** Questions asked. */
  readonly asked: number;
  /** Questions that were already being asked for somebody else. */
  readonly joined: number;
  readonly rejected: number;
  /** Questions that no server answered. */
  readonly unanswered: number;
  /** Questions for which all servers were down. */
  readonly allDown: number;
  readonly inFlight: number;
  readonly upstreams: readonly UpstreamStats[];
}

interface Known {
  readonly upstream: Upstream;
  readonly name: string;
  readonly health: UpstreamHealth;
  readonly answers: Map<number, number>;
  roundTripMs: number | undefined;
  queries: number;
  failures: number;
  checkFailures: number;
}

/** Asks other servers, each question once at a time. */
export class Forwarder implements Resolver {
  readonly #options: ForwarderOptions;
  readonly #upstreams: readonly Known[];
  readonly #flights: SingleFlight<Reply>;
  readonly #stops = new Set<() => void>();
  readonly #counts = { asked: 0, joined: 0, rejected: 0, unanswered: 0, allDown: 0 };
  readonly #metrics: ForwarderMetrics | undefined;
  #turn = 0;
  #isStopped = false;

  /** Throws `RangeError` for more than 15 upstreams. */
  constructor(options: ForwarderOptions) {
    const { upstreams, maxWaiting = 1000, metrics } = options;
    if (upstreams.length > maxUpstreams) {
      throw new RangeError(`${upstreams.length} upstreams are too many: give at most ${maxUpstreams}`);
    }
    this.#options = options;
    this.#metrics = metrics === undefined ? undefined : forwarderMetrics(metrics);
    this.#flights = new SingleFlight(maxWaiting);
    this.#upstreams = upstreams.map((upstream) => this.#known(upstream));
  }

  resolve(request: Request): MaybeLater<Reply> | undefined {
    const { maxConcurrent = 1000, failfast = false } = this.#options;
    if (this.#upstreams.length === 0 || !this.#isMine(request.name)) return undefined;
    const key = questionKey(request);
    const joined = this.#flights.join(key);
    if (joined !== undefined && joined !== "crowded") {
      this.#counts.joined++;
      return joined;
    }
    const isFull = maxConcurrent > 0 && this.#flights.size >= maxConcurrent;
    if (joined === "crowded" || isFull || this.#isStopped) {
      this.#counts.rejected++;
      this.#metrics?.rejects.add();
      return failure(responseCodes.REFUSED);
    }
    if (this.#upstreams.every(({ health }) => health.state === "down")) {
      this.#counts.allDown++;
      this.#metrics?.healthcheckBroken.add();
      if (failfast) return { ...failure(responseCodes.SERVFAIL), recursionAvailable: true };
    }
    this.#counts.asked++;
    return this.#flights.start(key, this.#ask(request));
  }

  stats(): ForwarderStats {
    const upstreams = this.#upstreams.map(
      ({ name, health, queries, failures, checkFailures, answers, roundTripMs }): UpstreamStats => ({
        to: name,
        state: health.state,
        queries,
        failures,
        checkFailures,
        answers: Object.fromEntries([...answers].map(([code, count]) => [responseCodeName(code), count])),
        roundTripMs,
      }),
    );
    return { ...this.#counts, inFlight: this.#flights.size, upstreams };
  }

  /** Gives up on all running questions (their answer is SERVFAIL) and takes no new ones. */
  stop(): void {
    this.#isStopped = true;
    for (const { health } of this.#upstreams) health.stop();
    for (const stop of this.#stops) stop();
  }

  #known(upstream: Upstream): Known {
    const { dial, clock, random, maxFails = 2, healthCheck = {} } = this.#options;
    const known: Known = {
      upstream,
      name: upstreamName(upstream),
      answers: new Map(),
      roundTripMs: undefined,
      queries: 0,
      failures: 0,
      checkFailures: 0,
      health: new UpstreamHealth(upstream, {
        dial,
        clock,
        random,
        transport: this.#transport(upstream, "udp"),
        maxFails,
        options: healthCheck,
        checkFailed: () => {
          known.checkFailures++;
          this.#metrics?.checkFailed(known.name);
        },
      }),
    };
    return known;
  }

  #isMine(name: DnsName): boolean {
    const { from = rootName, except = [] } = this.#options;
    return zoneOffset(name, from) >= 0 && !except.some((zone) => zoneOffset(name, zone) >= 0);
  }

  #transport({ tls }: Upstream, client: Request["transport"]): UpstreamTransport {
    if (tls !== undefined) return "tls";
    switch (this.#options.protocol ?? "client") {
      case "client":
        return client;
      case "prefer_udp":
        return "udp";
      case "force_tcp":
        return "tcp";
    }
  }

  #ask(request: Request): Promise<Reply> {
    const { clock, random, policy = "random", failover, hedgeMs } = this.#options;
    const { attemptTimeoutMs = 2000, totalTimeoutMs = 5000 } = this.#options;
    const isFinal = (rcode: number) =>
      failover === undefined
        ? rcode === responseCodes.NOERROR || rcode === responseCodes.NXDOMAIN
        : !failover.includes(rcode);
    const states = this.#upstreams.map(({ health }) => health.state);
    const order = upstreamOrder(states, policy, this.#turn++, random);
    const candidates = order
      .flatMap((index) => this.#upstreams[index] ?? [])
      .map((one): Candidate => ({ ask: (timeoutMs, done) => this.#exchange(one, request, timeoutMs, done) }));
    return new Promise((resolve) => {
      let cancel: Cancel = () => undefined;
      const finish = (reply: Reply | undefined) => {
        this.#stops.delete(giveUp);
        if (reply === undefined) this.#counts.unanswered++;
        resolve(reply ?? { ...failure(responseCodes.SERVFAIL), recursionAvailable: true });
      };
      const giveUp = () => {
        cancel();
        finish(undefined);
      };
      this.#stops.add(giveUp);
      const maxAttempts = 2 * candidates.length;
      const options = { clock, attemptTimeoutMs, hedgeMs, totalTimeoutMs, maxAttempts, isFinal };
      cancel = askInTurn(candidates, options, finish);
    });
  }

  #exchange(known: Known, request: Request, timeoutMs: number, done: (reply: Reply | undefined) => void): Cancel {
    const { dial, clock, random, hedgeMs } = this.#options;
    const { upstream, health, answers } = known;
    const startedAt = clock.monotonic();
    known.queries++;
    const transport = this.#transport(upstream, request.transport);
    const failed = () => {
      known.failures++;
      if (!this.#isStopped) health.failed();
    };
    const noteOf = (outcome: string) => {
      const ms = clock.monotonic() - startedAt;
      request.note?.({ kind: "upstream", server: known.name, transport, outcome, ms });
    };
    const cancel = exchange(request, upstream, transport, timeoutMs, { dial, clock, random }, (result) => {
      if (result.kind === "failed") {
        failed();
        noteOf(result.reason);
        return done(undefined);
      }
      const ms = clock.monotonic() - startedAt;
      const { rcode } = result.message;
      noteOf(responseCodeName(rcode));
      // Smoothed as in RFC 6298 section 2.
      known.roundTripMs = known.roundTripMs === undefined ? ms : known.roundTripMs + (ms - known.roundTripMs) / 8;
      answers.set(rcode, (answers.get(rcode) ?? 0) + 1);
      this.#metrics?.answered(known.name, rcode, ms / 1000);
      health.answered();
      done(rotated(replyOf(result.message, request.name), random));
    });
    const lateMs = Math.min(timeoutMs, hedgeMs ?? timeoutMs);
    return () => {
      // Another one was faster, or time is over: a silent server must not stay the first choice.
      if (clock.monotonic() - startedAt >= lateMs) failed();
      cancel();
    };
  }
}

/** Equal for requests that one answer serves. */
export function questionKey({ type, dnssecOk, flags, name }: Request): string {
  const bits = (dnssecOk ? 2 : 0) | ((flags & headerBits.checkingDisabled) === 0 ? 0 : 1);
  return `${type} ${bits} ${nameKey(name)}`;
}
