import { MessageWriter, dnsClasses, lowerByte, responseCodes, zoneOffset } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Clock, Random } from "../core/index.ts";
import { lifetimeOf, limited } from "./forward-cache-lifetime.ts";
import type { Lifetime, LifetimeLimits, ReplyKind } from "./forward-cache-lifetime.ts";
import { ReplyStore, questionHash, variantOf } from "./forward-cache-store.ts";
import type { StoreLimits, StoredReply } from "./forward-cache-store.ts";
import { questionKey } from "./forwarder.ts";
import { packRecords, unpackReply } from "./packed-records.ts";
import { encodeReply } from "./reply-encoding.ts";
import { failure } from "./resolver.ts";
import type { MaybeLater, PackedRecords, PackedReply, RecordSet, Reply, Request, Resolver } from "./resolver.ts";
import { SingleFlight } from "./single-flight.ts";
import { rotated } from "./upstream-reply.ts";

/** Limits for replies of one kind. */
export interface CacheLimits extends StoreLimits, LifetimeLimits {}

/** Getting a popular reply anew before it expires. */
export interface PrefetchOptions {
  /** Queries that make a reply popular. */
  readonly amount: number;
  /** A longer pause between two queries, in milliseconds, and counting begins anew; 60,000 unless given. */
  readonly pauseMs?: number;
  /** How much of its TTL must be left at most; 10 unless given. */
  readonly percentage?: number;
}

/** Serving expired replies when nobody says anything newer (RFC 8767). */
export interface StaleOptions {
  /** How long after they expired; 3600 unless given. */
  readonly seconds?: number;
  /** First ask for something newer, as RFC 8767 advises ("verify", unless given), or serve at once and ask meanwhile. */
  readonly mode?: "verify" | "immediate";
  /** How long "verify" keeps the client waiting; 1800 unless given, 0 for as long as it takes. */
  readonly timeoutMs?: number;
  /** The TTL that clients see; 30 unless given. */
  readonly ttlSeconds?: number;
  /** How long nobody is asked after that failed; 30 unless given. */
  readonly recheckSeconds?: number;
  /** Serves expired records rather than a new denial of them; no unless given. */
  readonly prefersPositive?: boolean;
}

/** What a cache does. */
export interface ForwardCacheOptions {
  /** Who is asked for what is not remembered. */
  readonly next: Resolver;
  readonly clock: Clock;
  /** Turns addresses and keeps others from making hash collisions. */
  readonly random: Random;
  /** 9984 entries, 8 MiB, 5 to 3600 seconds unless given. */
  readonly positive?: Partial<CacheLimits>;
  /** 9984 entries, 8 MiB, 5 to 1800 seconds unless given. */
  readonly negative?: Partial<CacheLimits>;
  /** How long a failure is remembered, so that it does not become a storm (RFC 9520); 5 unless given, 0 for not at all. */
  readonly servfailSeconds?: number;
  /** Only names in these zones are remembered; all unless given. */
  readonly zones?: readonly DnsName[];
  /** Zones in which nothing of a kind is remembered. */
  readonly except?: { readonly positive?: readonly DnsName[]; readonly negative?: readonly DnsName[] };
  /** Shows clients the TTL from the beginning for as long as a reply is remembered, in place of what is left of it. */
  readonly keepTtl?: boolean;
  readonly prefetch?: PrefetchOptions;
  readonly stale?: StaleOptions;
  /** Whether addresses are turned from reply to reply; yes unless given. */
  readonly rotate?: boolean;
  /** Clients that wait for one question; more are refused. 1000 unless given. */
  readonly maxWaiting?: number;
}

/** Numbers of both kinds. */
export type PerKind = Readonly<Record<"positive" | "negative", number>>;

/** What a cache counted since it was made. */
export interface ForwardCacheStats {
  /** Queries for names that it is for. */
  readonly requests: number;
  readonly hits: PerKind;
  readonly misses: number;
  /** Misses for which the answer was already on its way. */
  readonly joined: number;
  readonly rejected: number;
  readonly servedStale: number;
  readonly prefetches: number;
  readonly evictions: PerKind;
  readonly entries: PerKind;
  /** Memory in use, by estimate. */
  readonly bytes: PerKind;
}

/** Longer replies are passed on but not remembered: few would fill the memory of many. */
const largestReply = 16_384;

const mebibyte = 1024 * 1024;
const defaults = {
  positive: { entries: 9984, bytes: 8 * mebibyte, minSeconds: 5, maxSeconds: 3600 },
  negative: { entries: 9984, bytes: 8 * mebibyte, minSeconds: 5, maxSeconds: 1800 },
} satisfies Record<string, CacheLimits>;

/** Remembers what another resolver says. */
export class ForwardCache implements Resolver {
  readonly #options: ForwardCacheOptions;
  readonly #limits: Readonly<Record<"positive" | "negative", CacheLimits>>;
  readonly #positive: ReplyStore;
  readonly #negative: ReplyStore;
  readonly #flights: SingleFlight<Reply>;
  readonly #writer = new MessageWriter();
  readonly #seed: number;
  readonly #madeAt: number;
  /** Zones in which nothing is remembered. */
  readonly #untouched: readonly DnsName[];
  readonly #counts = {
    requests: 0,
    positive: 0,
    negative: 0,
    misses: 0,
    joined: 0,
    rejected: 0,
    servedStale: 0,
    prefetches: 0,
  };

  constructor(options: ForwardCacheOptions) {
    const { positive, negative, except, random, maxWaiting = 1000 } = options;
    this.#options = options;
    this.#limits = {
      positive: { ...defaults.positive, ...positive },
      negative: { ...defaults.negative, ...negative },
    };
    this.#positive = new ReplyStore(this.#limits.positive);
    this.#negative = new ReplyStore(this.#limits.negative);
    this.#flights = new SingleFlight(maxWaiting);
    this.#madeAt = options.clock.monotonic();
    this.#seed = Math.floor(random() * 0x4000_0000);
    const others = except?.negative ?? [];
    this.#untouched = (except?.positive ?? []).filter((zone) => others.some((other) => zoneOffset(zone, other) >= 0));
  }

  resolve(request: Request): MaybeLater<Reply> | undefined {
    if (!this.#covers(request.name)) return this.#options.next.resolve(request);
    this.#counts.requests++;
    const now = this.#now();
    const stored = this.#find(request, now);
    if (stored === undefined) {
      this.#counts.misses++;
      return this.#fetch(request);
    }
    if (now < expiryOf(stored)) return unpackReply(this.#hit(stored, request, now), request);
    return this.#resolveStale(stored, request, now);
  }

  packed(request: Request): PackedReply | undefined {
    if (!this.#covers(request.name)) return undefined;
    const now = this.#now();
    const stored = this.#find(request, now);
    if (stored === undefined) return undefined;
    const isFresh = now < expiryOf(stored);
    if (!isFresh && !this.#isServedAtOnce(stored, now)) return undefined;
    this.#counts.requests++;
    return isFresh ? this.#hit(stored, request, now) : this.#serveStale(stored, request, now);
  }

  /** What is remembered for this question, in whole seconds; below 0 seconds left it is stale. Changes and counts nothing. */
  peek(request: Request): { readonly ageSeconds: number; readonly leftSeconds: number } | undefined {
    if (!this.#covers(request.name)) return undefined;
    const now = this.#now();
    const stored = this.#find(request, now);
    if (stored === undefined) return undefined;
    const ageSeconds = Math.floor((now - stored.storedAt) / 1000);
    return { ageSeconds, leftSeconds: stored.ttl - ageSeconds };
  }

  stats(): ForwardCacheStats {
    const { positive, negative, ...counts } = this.#counts;
    const of = (read: (store: ReplyStore) => number) => ({
      positive: read(this.#positive),
      negative: read(this.#negative),
    });
    return {
      ...counts,
      hits: { positive, negative },
      evictions: of((store) => store.evictions),
      entries: of((store) => store.size),
      bytes: of((store) => store.bytes),
    };
  }

  /** Whole milliseconds since the cache was made: small numbers need no memory of their own. */
  #now(): number {
    return Math.floor(this.#options.clock.monotonic() - this.#madeAt);
  }

  #covers(name: DnsName): boolean {
    const { zones } = this.#options;
    if (zones !== undefined && !zones.some((zone) => zoneOffset(name, zone) >= 0)) return false;
    return !this.#untouched.some((zone) => zoneOffset(name, zone) >= 0);
  }

  /** What may be served, be it stale. What is too old for that is forgotten. */
  #find(request: Request, now: number): StoredReply | undefined {
    const variant = variantOf(request);
    const hash = questionHash(this.#seed, request, variant);
    for (const store of [this.#positive, this.#negative]) {
      const stored = store.get(hash, request, variant);
      if (stored === undefined) continue;
      if (now < stored.discardAt) return stored;
      store.delete(stored);
    }
    return undefined;
  }

  #hit(stored: StoredReply, request: Request, now: number): PackedReply {
    const { keepTtl = false, prefetch } = this.#options;
    const { ttl } = stored;
    this.#counts[stored.kind]++;
    stored.wasUsed = true;
    const left = ttl - Math.floor((now - stored.storedAt) / 1000);
    if (prefetch !== undefined) this.#prefetch(stored, request, left, now, prefetch);
    return this.#packedReply(stored, keepTtl ? ttl : left);
  }

  #packedReply(stored: StoredReply, ttl: number): PackedReply {
    const { rotate = true, random } = this.#options;
    const { rcode, authoritative, recursionAvailable, authenticData, runCount } = stored;
    const first = runCount > 1 && rotate ? Math.floor(random() * runCount) : 0;
    return {
      rcode,
      authoritative,
      recursionAvailable,
      authenticData,
      truncated: false,
      records: stored,
      ttl,
      first,
      plugin: "cache",
    };
  }

  #prefetch(stored: StoredReply, request: Request, left: number, now: number, options: PrefetchOptions): void {
    const { amount, pauseMs = 60_000, percentage = 10 } = options;
    stored.hits = now - stored.lastHitAt > pauseMs ? 1 : stored.hits + 1;
    stored.lastHitAt = now;
    const isLate = left <= Math.ceil((stored.ttl * percentage) / 100);
    if (!isLate || stored.hits < amount || stored.isRefreshing) return;
    this.#counts.prefetches++;
    this.#refresh(stored, request);
  }

  /** Asks for something newer while nobody waits for it. */
  #refresh(stored: StoredReply, request: Request): void {
    stored.isRefreshing = true;
    const failed = () => {
      stored.recheckAt = this.#now() + 1000 * (this.#options.stale?.recheckSeconds ?? 30);
    };
    const settle = (reply: Reply | undefined) => {
      stored.isRefreshing = false;
      if (reply === undefined || this.#isWorse(reply, stored)) failed();
    };
    const reply = this.#fetch(request);
    if (reply instanceof Promise) reply.then(settle, () => settle(undefined));
    else settle(reply);
  }

  #isServedAtOnce(stored: StoredReply, now: number): boolean {
    return this.#options.stale?.mode === "immediate" || now < stored.recheckAt;
  }

  #serveStale(stored: StoredReply, request: Request, now: number): PackedReply {
    this.#counts.servedStale++;
    stored.wasUsed = true;
    if (now >= stored.recheckAt && !stored.isRefreshing && this.#options.stale?.mode === "immediate") {
      this.#refresh(stored, request);
    }
    return this.#packedReply(stored, this.#options.stale?.ttlSeconds ?? 30);
  }

  #resolveStale(stored: StoredReply, request: Request, now: number): MaybeLater<Reply> | undefined {
    const { clock, stale = {} } = this.#options;
    const { timeoutMs = 1800, recheckSeconds = 30 } = stale;
    const serve = () => unpackReply(this.#serveStale(stored, request, now), request);
    if (this.#isServedAtOnce(stored, now)) return serve();
    this.#counts.misses++;
    const fresh = this.#fetch(request);
    const better = (reply: Reply | undefined) => {
      if (reply !== undefined && !this.#isWorse(reply, stored)) return reply;
      stored.recheckAt = this.#now() + 1000 * recheckSeconds;
      return serve();
    };
    if (!(fresh instanceof Promise)) return better(fresh);
    return new Promise((resolve) => {
      let isServed = false;
      const serveNow = () => {
        isServed = true;
        resolve(serve());
      };
      const cancel = timeoutMs > 0 ? clock.schedule(timeoutMs, serveNow) : () => undefined;
      const settle = (reply: Reply | undefined) => {
        cancel();
        if (!isServed) resolve(better(reply));
      };
      fresh.then(settle, () => settle(undefined));
    });
  }

  /** Whether a reply is no reason to forget what may still be served, be it stale. */
  #isWorse(reply: Reply, stored: StoredReply): boolean {
    if (reply.rcode !== responseCodes.NOERROR && reply.rcode !== responseCodes.NXDOMAIN) return true;
    const { kind } = this.#lifetimeOf(reply, stored.type);
    // Cut, or with signatures that have ended: records that nobody can rely on.
    if (kind === "transient" && reply.answer.length > 0) return true;
    return kind !== "positive" && stored.kind === "positive" && this.#options.stale?.prefersPositive === true;
  }

  #lifetimeOf(reply: Reply, type: number): Lifetime {
    return lifetimeOf(reply, type, Math.floor(this.#options.clock.now() / 1000));
  }

  #fetch(request: Request): MaybeLater<Reply> | undefined {
    const { next, rotate = true, random } = this.#options;
    const key = questionKey(request);
    const joined = this.#flights.join(key);
    if (joined === "crowded") {
      this.#counts.rejected++;
      return failure(responseCodes.REFUSED);
    }
    if (joined !== undefined) {
      this.#counts.joined++;
      return rotate ? joined.then((reply) => rotated(reply, random)) : joined;
    }
    const reply = next.resolve(request);
    if (reply === undefined) return undefined;
    if (!(reply instanceof Promise)) return this.#keep(request, reply);
    return this.#flights.start(
      key,
      reply.then((later) => this.#keep(request, later)),
    );
  }

  /** Remembers a reply if it may be remembered, and gives it with the TTL that it is remembered for. */
  #keep(request: Request, reply: Reply): Reply {
    const { servfailSeconds = 5, stale } = this.#options;
    const { kind, seconds: own } = this.#lifetimeOf(reply, request.type);
    const seconds = this.#secondsOf(kind, own, servfailSeconds, request.name);
    if (seconds <= 0) return reply;
    const now = this.#now();
    const before = this.#find(request, now);
    if (before !== undefined && this.#isWorse(reply, before)) return reply;
    const staleSeconds = stale === undefined || kind === "failure" ? 0 : (stale.seconds ?? 3600);
    const records = this.#pack(request, reply);
    if (before !== undefined) this.#storeOf(before.kind).delete(before);
    if (records === undefined) return withTtl(reply, seconds);
    const variant = variantOf(request);
    const stored: StoredReply = {
      // Field by field: a spread makes objects that are slow to read.
      bytes: records.bytes,
      from: records.from,
      to: records.to,
      answers: records.answers,
      authorities: records.authorities,
      additionals: records.additionals,
      runCount: records.runCount,
      runAt: records.runAt,
      runStride: records.runStride,
      kind: kind === "positive" ? "positive" : "negative",
      hash: questionHash(this.#seed, request, variant),
      type: request.type,
      variant,
      rcode: reply.rcode,
      authoritative: reply.authoritative,
      recursionAvailable: reply.recursionAvailable,
      authenticData: reply.authenticData,
      ttl: seconds,
      storedAt: now,
      discardAt: now + 1000 * (seconds + staleSeconds),
      hits: before?.hits ?? 0,
      lastHitAt: before?.lastHitAt ?? now,
      isRefreshing: false,
      recheckAt: 0,
      wasUsed: false,
      next: undefined,
      slot: 0,
    };
    this.#storeOf(stored.kind).add(stored, now);
    return withTtl(reply, seconds);
  }

  #storeOf(kind: StoredReply["kind"]): ReplyStore {
    return kind === "positive" ? this.#positive : this.#negative;
  }

  #secondsOf(kind: ReplyKind, own: number, servfailSeconds: number, name: DnsName): number {
    if (kind === "transient") return 0;
    const { except } = this.#options;
    const zones = kind === "positive" ? except?.positive : except?.negative;
    if (zones?.some((zone) => zoneOffset(name, zone) >= 0) === true) return 0;
    return kind === "failure" ? servfailSeconds : limited(own, this.#limits[kind]);
  }

  #pack({ name, type }: Request, reply: Reply): PackedRecords | undefined {
    const query = { kind: "query", id: 0, flags: 0, name, type, class: dnsClasses.IN, edns: undefined } as const;
    const message = encodeReply(this.#writer, query, reply, "tcp");
    return message.length > largestReply ? undefined : packRecords(message, name, name.map(lowerByte));
  }
}

/** When a reply is no longer fresh. */
function expiryOf({ storedAt, ttl }: StoredReply): number {
  return storedAt + 1000 * ttl;
}

function withTtl(reply: Reply, ttl: number): Reply {
  const set = (sets: readonly RecordSet[]) => sets.map((one) => ({ ...one, ttl }));
  return { ...reply, answer: set(reply.answer), authority: set(reply.authority), additional: set(reply.additional) };
}
