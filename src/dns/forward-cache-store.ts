import { headerBits, lowerByte } from "../codec/index.ts";
import type { PackedReply, Request } from "./resolver.ts";

/** What is remembered of one question. The numbers that change are the cache's business. */
export interface StoredReply {
  readonly kind: "positive" | "negative";
  /** Of the question, see `questionHash`. */
  readonly hash: number;
  readonly type: number;
  /** See `variantOf`. */
  readonly variant: number;
  /** Its bytes begin with the question's name in lower case. Its TTL is the one at the time of storing. */
  readonly reply: Omit<PackedReply, "first">;
  /** Monotonic milliseconds, like all times here. */
  readonly storedAt: number;
  readonly expiresAt: number;
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

interface Entry {
  readonly stored: StoredReply;
  readonly cost: number;
  next: Entry | undefined;
  slot: number;
}

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
  readonly #chains = new Map<number, Entry>();
  readonly #ring: Entry[] = [];
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
    for (let entry = this.#chains.get(hash); entry !== undefined; entry = entry.next) {
      const { stored } = entry;
      const { bytes, from } = stored.reply.records;
      if (stored.type === type && stored.variant === variant && startsWithName(bytes, name, from)) return stored;
    }
    return undefined;
  }

  /** Adds a reply to a question that has none here. */
  add(stored: StoredReply, now: number): void {
    const cost = entryOverhead + stored.reply.records.bytes.length;
    if (cost > this.#limits.bytes || this.#limits.entries < 1) return;
    while (this.#ring.length >= this.#limits.entries || this.#bytes + cost > this.#limits.bytes) this.#evict(now);
    const first = this.#chains.get(stored.hash);
    const entry: Entry = { stored, cost, next: first, slot: this.#ring.length };
    this.#ring.push(entry);
    this.#chains.set(stored.hash, entry);
    this.#bytes += cost;
    let length = 1;
    for (let other = first; other !== undefined; other = other.next) {
      if (++length > longestChain) this.#remove(other);
    }
  }

  delete(stored: StoredReply): void {
    for (let entry = this.#chains.get(stored.hash); entry !== undefined; entry = entry.next) {
      if (entry.stored === stored) return this.#remove(entry);
    }
  }

  #evict(now: number): void {
    for (;;) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const entry = this.#ring[this.#hand];
      if (entry === undefined) return;
      const isGone = now >= entry.stored.discardAt;
      if (isGone || !entry.stored.wasUsed) {
        if (!isGone) this.#evictions++;
        return this.#remove(entry);
      }
      entry.stored.wasUsed = false;
      this.#hand++;
    }
  }

  #remove(entry: Entry): void {
    const { hash } = entry.stored;
    const first = this.#chains.get(hash);
    if (first === entry) {
      if (entry.next === undefined) this.#chains.delete(hash);
      else this.#chains.set(hash, entry.next);
    } else {
      for (let before = first; before !== undefined; before = before.next) {
        if (before.next === entry) before.next = entry.next;
      }
    }
    const last = this.#ring.pop();
    if (last !== undefined && last !== entry) {
      this.#ring[entry.slot] = last;
      last.slot = entry.slot;
    }
    this.#bytes -= entry.cost;
  }
}

function startsWithName(bytes: Uint8Array, name: Uint8Array, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = name[i] ?? 0;
    if (byte !== bytes[i] && lowerByte(byte) !== bytes[i]) return false;
  }
  return true;
}
