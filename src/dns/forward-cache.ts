import { recordTypes, responseCodes } from "../codec/index.ts";
import type { RecordSet, Reply } from "./resolver.ts";

/** How much is remembered, and how long at most. */
export interface ForwardCacheLimits {
  /** Replies; the one not used for longest goes first. */
  readonly entries: number;
  /** Seconds that a reply with records is kept at most, whatever its TTL. */
  readonly positiveSeconds: number;
  /** Seconds that "nothing there" is kept at most. */
  readonly negativeSeconds: number;
}

/** Longer messages are answered but not remembered, so that memory stays bounded. */
const largestReply = 4096;

interface Entry {
  readonly reply: Reply;
  /** Monotonic milliseconds. */
  readonly storedAt: number;
  readonly expiresAt: number;
}

/** Replies of other servers, for as long as their TTL and the limits allow. */
export class ForwardCache {
  readonly #limits: ForwardCacheLimits;
  readonly #entries = new Map<string, Entry>();

  constructor(limits: ForwardCacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The reply with the time passed taken off its TTLs. */
  get(key: string, now: number): Reply | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (now >= entry.expiresAt) return undefined;
    this.#entries.set(key, entry);
    const passed = Math.floor((now - entry.storedAt) / 1000);
    return passed === 0 ? entry.reply : aged(entry.reply, passed);
  }

  /** Remembers a reply of `size` bytes if it may be remembered. */
  put(key: string, reply: Reply, size: number, now: number): void {
    const seconds = size > largestReply ? 0 : this.#secondsOf(reply);
    if (seconds <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { reply, storedAt: now, expiresAt: now + seconds * 1000 });
    if (this.#entries.size <= this.#limits.entries) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  #secondsOf(reply: Reply): number {
    if (reply.truncated) return 0;
    // RFC 9520: failures are remembered shortly, so that they do not become a storm.
    if (reply.rcode === responseCodes.SERVFAIL) return 1;
    const all = [...reply.answer, ...reply.authority, ...reply.additional];
    if (reply.rcode === responseCodes.NOERROR && reply.answer.some(({ type }) => type !== recordTypes.CNAME)) {
      return Math.min(this.#limits.positiveSeconds, ...all.map(({ ttl }) => ttl));
    }
    if (reply.rcode !== responseCodes.NOERROR && reply.rcode !== responseCodes.NXDOMAIN) return 0;
    // RFC 2308: without an SOA record nobody said how long it holds.
    const soa = reply.authority.find(({ type }) => type === recordTypes.SOA);
    if (soa === undefined) return 0;
    return Math.min(this.#limits.negativeSeconds, soaMinimum(soa), ...all.map(({ ttl }) => ttl));
  }
}

/** The last number in the data of an SOA record. */
function soaMinimum(soa: RecordSet): number {
  if (soa.data.kind === "zone-soa") return soa.data.minimum;
  const rdata = soa.data.kind === "rdata" ? soa.data.list[0] : undefined;
  if (rdata === undefined) return 0;
  return [4, 3, 2, 1].reduce((sum, back) => sum * 256 + (rdata[rdata.length - back] ?? 0), 0);
}

function aged(reply: Reply, passed: number): Reply {
  const age = (sets: readonly RecordSet[]) => sets.map((set) => ({ ...set, ttl: Math.max(0, set.ttl - passed) }));
  return { ...reply, answer: age(reply.answer), authority: age(reply.authority), additional: age(reply.additional) };
}
