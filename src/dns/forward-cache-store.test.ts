import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestFor } from "../../test/support/fake-upstreams.ts";
import { dnsName } from "../codec/index.ts";
import { ReplyStore, entryOverhead, questionHash, variantOf } from "./forward-cache-store.ts";
import type { StoredReply } from "./forward-cache-store.ts";

function storedFor(index: number, hash: number, size: number, discardAt: number): StoredReply {
  const name = dnsName(`n${index}.example.com`);
  const bytes = new Uint8Array(name.length + size);
  bytes.set(name);
  return {
    kind: "positive",
    bytes,
    from: name.length,
    to: bytes.length,
    answers: 0,
    authorities: 0,
    additionals: 0,
    runCount: 0,
    runAt: 0,
    runStride: 0,
    hash,
    type: 1,
    variant: 0,
    rcode: 0,
    authoritative: false,
    recursionAvailable: true,
    authenticData: false,
    ttl: 1,
    storedAt: 0,
    discardAt,
    hits: 0,
    lastHitAt: 0,
    isRefreshing: false,
    recheckAt: 0,
    wasUsed: false,
    next: undefined,
    slot: 0,
  };
}

describe("ReplyStore", () => {
  it("agrees with a map, but for what it had to let go, under any use", () => {
    const step = fc.record({
      kind: fc.constantFrom("add", "add", "add", "use", "delete"),
      index: fc.nat(40),
      size: fc.nat(400),
      discardAt: fc.nat(200),
    });
    // So few hashes that most replies share theirs with others.
    const hashes = fc.constantFrom(1, 3, 1000);
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        hashes,
        fc.integer({ min: 1, max: 30 }),
        (steps, modulo, entries) => {
          const limits = { entries, bytes: 12 * (entryOverhead + 200) };
          const store = new ReplyStore(limits);
          const model = new Map<number, StoredReply>();
          const get = (index: number) => store.get(index % modulo, requestFor(`N${index}.example.com`), 0);
          for (const [now, { kind, index, size, discardAt }] of steps.entries()) {
            const known = get(index);
            if (known !== undefined) expect(known).toBe(model.get(index));
            if (kind === "use" && known !== undefined) known.wasUsed = true;
            if (kind !== "use" && known !== undefined) store.delete(known);
            if (kind !== "use") model.delete(index);
            if (kind === "add") {
              const stored = storedFor(index, index % modulo, size, discardAt);
              store.add(stored, now);
              model.set(index, stored);
              expect(get(index)).toBe(stored);
            }
            const kept = Array.from({ length: 41 }, (_, i) => get(i)).filter((one) => one !== undefined);
            expect(store.size).toBe(kept.length);
            expect(store.bytes).toBe(kept.reduce((sum, { bytes }) => sum + entryOverhead + bytes.length, 0));
            expect(store.size).toBeLessThanOrEqual(limits.entries);
            expect(store.bytes).toBeLessThanOrEqual(limits.bytes);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("lets go what nobody used before what somebody did", () => {
    const store = new ReplyStore({ entries: 3, bytes: 1e6 });
    for (const index of [0, 1, 2]) store.add(storedFor(index, index, 0, 1e9), 0);
    const used = store.get(0, requestFor("n0.example.com"), 0);
    if (used === undefined) throw new Error("not there");
    used.wasUsed = true;
    store.add(storedFor(3, 3, 0, 1e9), 0);
    const kept = [0, 1, 2, 3].filter((index) => store.get(index, requestFor(`n${index}.example.com`), 0) !== undefined);
    expect(kept).toEqual([0, 2, 3]);
    expect(store.evictions).toBe(1);
  });
});

describe("questionHash()", () => {
  it("is the same for any case, and another for other names, types, variants and seeds", () => {
    const hash = (name: string, type = 1, flags = 0, seed = 1) => {
      const request = requestFor(name, { type, flags });
      return questionHash(seed, request, variantOf(request));
    };
    expect(hash("a.EXAMPLE.com")).toBe(hash("A.example.com"));
    const others = [
      hash("a.example.com"),
      hash("b.example.com"),
      hash("a.example.com", 28),
      hash("a.example.com", 1, 0x10),
      hash("a.example.com", 1, 0, 2),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it("spreads names over all numbers", () => {
    const buckets = Array.from({ length: 64 }, () => 0);
    for (let i = 0; i < 6400; i++) {
      const bucket = questionHash(7, requestFor(`name-${i}.example.com`), 0) & 63;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.max(...buckets)).toBeLessThan(150);
    expect(Math.min(...buckets)).toBeGreaterThan(55);
  });
});
