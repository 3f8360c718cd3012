import { headerBits, lowerByte } from "../codec/index.ts";
import type { PackedRecords, Request } from "./resolver.ts";

/**
 * What is remembered of one question, flat in one object, so that a hit touches little memory. Its bytes begin with the
 * question's name in lower case. Times are whole milliseconds. What can change is the cache's business, not the store's.
 */
export interface StoredReply extends PackedRecords {
  readonly kind: "positive" | "negative";
  /** Of the question, see `questionHash`. */
  readonly hash: number;
  readonly type: number;
  /** See `variantOf`. */
  readonly variant: number;
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  /** Seconds, at the time of storing. */
  readonly ttl: number;
  readonly storedAt: number;
  /** From then on it may not even be served stale. */
  readonly discardAt: number;
  /** Queries that it answered without a long pause between them, and the last one's time. */
  hits: number;
  lastHitAt: number;
  isRefreshing: boolean;
  /** Until then nobody tries again to get something newer. */
  recheckAt: number;
  /** Whether it answered anything since the hand of the clock passed. */
  wasUsed: boolean;
  /** The store's: the next reply with the same hash, and the place in the ring. */
  next: StoredReply | undefined;
  slot: number;
}

/** How much is remembered at most. */
export interface StoreLimits {
  readonly entries: number;
  /** Of memory, estimated from the size of the records. */
  readonly bytes: number;
}

/** What one entry costs beside its bytes: objects, the map's and the ring's places. Measured with 100,000 entries. */
export const entryOverhead = 600;

/** Questions that differ in nothing but their hash are rare, unless somebody made them so. */
const longestChain = 8;

/** Distinguishes replies with and without DNSSEC records, checked and unchecked. */
export function variantOf({ dnssecOk, flags }: Request): number {
  return (dnssecOk ? 2 : 0) | ((flags & headerBits.checkingDisabled) === 0 ? 0 : 1);
}

/** A hash (FNV-1a, 30 bits) of a question, whatever its case. A secret `seed` keeps others from making collisions. */
export function questionHash(seed: number, { name, type }: Request, variant: number): number {
  let hash = seed ^ (type << 2) ^ variant;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ lowerByte(name[i] ?? 0), 0x0100_0193);
  return (hash ^ (hash >>> 15)) & 0x3fff_ffff;
}

/** Replies in bounded memory. The one to go is the first that answered nothing since it was last looked at ("clock"). */
export class ReplyStore {
  readonly #limits: StoreLimits;
  readonly #chains = new Map<number, StoredReply>();
  readonly #ring: StoredReply[] = [];
  #hand = 0;
  #bytes = 0;
  #evictions = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#ring.length;
  }

  /** Memory in use, by estimate. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Replies that had to go for others while they were still good. */
  get evictions(): number {
    return this.#evictions;
  }

  get(hash: number, { name, type }: Request, variant: number): StoredReply | undefined {
    for (let stored = this.#chains.get(hash); stored !== undefined; stored = stored.next) {
      if (stored.type !== type || stored.variant !== variant) continue;
      if (startsWithName(stored.bytes, name, stored.from)) return stored;
    }
    return undefined;
  }

  /** Adds a reply to a question that has none here. */
  add(stored: StoredReply, now: number): void {
    const cost = costOf(stored);
    if (cost > this.#limits.bytes || this.#limits.entries < 1) return;
    while (this.#ring.length >= this.#limits.entries || this.#bytes + cost > this.#limits.bytes) this.#evict(now);
    stored.next = this.#chains.get(stored.hash);
    stored.slot = this.#ring.length;
    this.#ring.push(stored);
    this.#chains.set(stored.hash, stored);
    this.#bytes += cost;
    let length = 1;
    for (let other = stored.next; other !== undefined; other = other.next) {
      if (++length > longestChain) this.#remove(other);
    }
  }

  delete(stored: StoredReply): void {
    if (this.#ring[stored.slot] === stored) this.#remove(stored);
  }

  #evict(now: number): void {
    for (;;) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const stored = this.#ring[this.#hand];
      if (stored === undefined) return;
      const isGone = now >= stored.discardAt;
      if (isGone || !stored.wasUsed) {
        if (!isGone) this.#evictions++;
        return this.#remove(stored);
      }
      stored.wasUsed = false;
      this.#hand++;
    }
  }

  #remove(stored: StoredReply): void {
    const first = this.#chains.get(stored.hash);
    if (first === stored) {
      if (stored.next === undefined) this.#chains.delete(stored.hash);
      else this.#chains.set(stored.hash, stored.next);
    } else {
      for (let before = first; before !== undefined; before = before.next) {
        if (before.next === stored) before.next = stored.next;
      }
    }
    const last = this.#ring.pop();
    if (last !== undefined && last !== stored) {
      this.#ring[stored.slot] = last;
      last.slot = stored.slot;
    }
    this.#bytes -= costOf(stored);
  }
}

function costOf({ bytes }: StoredReply): number {
  return entryOverhead + bytes.length;
}

function startsWithName(bytes: Uint8Array, name: Uint8Array, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = name[i] ?? 0;
    if (byte !== bytes[i] && lowerByte(byte) !== bytes[i]) return false;
  }
  return true;
}
