import { dnsName } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import type { Clock, Metrics, Random } from "../../core/index.ts";
import type { CacheSettings, ForwardSettings } from "../corefile/configuration.ts";
import { ForwardCache } from "../forward-cache.ts";
import type { ForwardCacheOptions } from "../forward-cache.ts";
import { Forwarder } from "../forwarder.ts";
import type { ForwarderOptions, ForwarderStats } from "../forwarder.ts";
import type { MaybeLater, Reply, Request, Resolver } from "../resolver.ts";
import { upstreamName } from "../upstream.ts";
import type { Upstream, UpstreamDialer } from "../upstream.ts";
import { inZones } from "./zone-match.ts";

/** What goes before the settings of a configuration. */
export type ForwardOptions = Omit<ForwarderOptions, "upstreams" | "dial" | "clock" | "random" | "metrics">;

/** The same for what is remembered of their answers. */
export type CacheOptions = Omit<ForwardCacheOptions, "next" | "clock" | "random">;

/** What other servers are asked with. */
export interface ForwardingParts {
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  /** Makes the ids of queries: one that cannot be guessed. */
  readonly random: Random;
  readonly metrics?: Metrics | undefined;
  /** What no Corefile can say. */
  readonly forwardOptions?: ForwardOptions | undefined;
}

/** One `forward`: the servers that it asks, without those that were found to lead back here. */
export class Forwarding implements Resolver {
  readonly settings: ForwardSettings;
  readonly #parts: ForwardingParts;
  readonly #isMine: (name: DnsName) => boolean;
  readonly #retired: Forwarder[] = [];
  #upstreams: readonly Upstream[];
  #forwarder: Forwarder;

  constructor(settings: ForwardSettings, parts: ForwardingParts) {
    this.settings = settings;
    this.#parts = parts;
    const [isFrom, isExcept] = [inZones(settings.from), inZones(settings.except)];
    this.#isMine = settings.except.length === 0 ? isFrom : (name) => isFrom(name) && !isExcept(name);
    this.#upstreams = settings.to;
    this.#forwarder = this.#make();
  }

  get upstreams(): readonly Upstream[] {
    return this.#upstreams;
  }

  resolve(request: Request): MaybeLater<Reply> | undefined {
    return this.#isMine(request.name) ? this.#forwarder.resolve(request) : undefined;
  }

  /** Never asks this server again. */
  refuse(upstream: Upstream): void {
    const name = upstreamName(upstream);
    this.#upstreams = this.#upstreams.filter((one) => upstreamName(one) !== name);
    // Questions under way end with the servers that they have.
    this.#retired.push(this.#forwarder);
    this.#forwarder = this.#make();
  }

  stats(): ForwarderStats {
    return this.#forwarder.stats();
  }

  stop(): void {
    for (const forwarder of [...this.#retired, this.#forwarder]) forwarder.stop();
  }

  #make(): Forwarder {
    const { dial, clock, random, metrics, forwardOptions } = this.#parts;
    const { settings } = this;
    return new Forwarder({
      upstreams: this.#upstreams.map((upstream) => ({ ...upstream, idleMs: settings.expireMs })),
      dial,
      clock,
      random,
      ...(metrics === undefined ? {} : { metrics }),
      policy: settings.policy,
      protocol: settings.forceTcp ? "force_tcp" : settings.preferUdp ? "prefer_udp" : "client",
      maxFails: settings.maxFails,
      healthCheck: {
        intervalMs: settings.healthCheckMs,
        recursionDesired: settings.healthCheckRecursion,
        domain: dnsName(settings.healthCheckName),
      },
      maxConcurrent: settings.maxConcurrent,
      failfast: settings.failFast,
      ...(settings.hedgeMs === undefined ? {} : { hedgeMs: settings.hedgeMs }),
      ...(settings.failover.length === 0 ? {} : { failover: settings.failover }),
      ...forwardOptions,
    });
  }
}

/** Asks one `forward` after the other: the next one when a name is not for it, or when its answer has a code in `next`. */
export function forwardsInTurn(forwards: readonly Forwarding[]): Resolver {
  const ask = (request: Request, from: number): MaybeLater<Reply> | undefined => {
    for (let at = from; at < forwards.length; at++) {
      const forward = forwards[at];
      const reply = forward?.resolve(request);
      if (forward === undefined || reply === undefined) continue;
      const { next } = forward.settings;
      if (next.length === 0 || at === forwards.length - 1) return reply;
      const goOn = (known: Reply) => (next.includes(known.rcode) ? (ask(request, at + 1) ?? known) : known);
      return reply instanceof Promise ? reply.then(goOn) : goOn(reply);
    }
    return undefined;
  };
  const [only] = forwards;
  return forwards.length === 1 && only !== undefined ? only : { resolve: (request) => ask(request, 0) };
}

/** Remembers what `next` says, as a `cache` of a Corefile tells. */
export function cached(
  next: Resolver,
  settings: CacheSettings,
  {
    clock,
    random,
    cacheOptions,
  }: Pick<ForwardCacheOptions, "clock" | "random"> & {
    readonly cacheOptions?: CacheOptions | undefined;
  },
): ForwardCache {
  const { success, denial, prefetch, serveStale } = settings;
  const kind = ({ capacity, minTtl, maxTtl }: CacheSettings["success"]) => ({
    entries: capacity,
    minSeconds: minTtl,
    maxSeconds: maxTtl,
  });
  const zones = (list: readonly string[]): readonly DnsName[] => list.map(dnsName);
  const disabled = (list: CacheSettings["success"]["disabled"]) => zones(list === "all" ? ["."] : list);
  return new ForwardCache({
    next,
    clock,
    random,
    positive: kind(success),
    negative: kind(denial),
    servfailSeconds: settings.servfailMs / 1000,
    ...(settings.zones.length === 0 ? {} : { zones: zones(settings.zones) }),
    except: { positive: disabled(success.disabled), negative: disabled(denial.disabled) },
    keepTtl: settings.keepTtl,
    ...(prefetch === undefined || prefetch.amount === 0
      ? {}
      : { prefetch: { amount: prefetch.amount, pauseMs: prefetch.durationMs, percentage: prefetch.percentage } }),
    ...(serveStale === undefined
      ? {}
      : {
          stale: {
            seconds: serveStale.forMs / 1000,
            mode: serveStale.mode,
            ...(serveStale.verifyTimeoutMs === undefined ? {} : { timeoutMs: serveStale.verifyTimeoutMs }),
            ...(serveStale.ttl === undefined ? {} : { ttlSeconds: serveStale.ttl }),
            ...(serveStale.recheckMs === undefined ? {} : { recheckSeconds: serveStale.recheckMs / 1000 }),
            ...(serveStale.prefersPositive === undefined ? {} : { prefersPositive: serveStale.prefersPositive }),
          },
        }),
    ...cacheOptions,
  });
}
