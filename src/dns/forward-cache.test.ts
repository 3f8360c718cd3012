import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressRecord,
  aliasRecord,
  fakeUpstreams,
  requestFor,
  settle,
  soaRecord,
} from "../../test/support/fake-upstreams.ts";
import { decodeMessage, dnsName, encodeMessage, formatName, queryMessage, recordTypes } from "../codec/index.ts";
import type { Message, ResourceRecord } from "../codec/index.ts";
import { ManualClock, createMetrics, ip, seededRandom, silentLogger } from "../core/index.ts";
import { exposeCache } from "./forward-cache-metrics.ts";
import { ForwardCache } from "./forward-cache.ts";
import type { ForwardCacheOptions } from "./forward-cache.ts";
import { Forwarder } from "./forwarder.ts";
import { askInOrder, createResponder } from "./responder.ts";
import { failure } from "./resolver.ts";
import type { Reply, Request } from "./resolver.ts";

/** A cache before a forwarder with one server, and a responder before both. */
function world(options: Partial<ForwardCacheOptions> = {}) {
  const clock = new ManualClock();
  const { dial, sent, checks } = fakeUpstreams();
  const upstreams = [{ address: ip("192.168.100.1"), port: 53 }];
  const random = seededRandom(7);
  const forwarder = new Forwarder({ upstreams, clock, random, dial });
  const cache = new ForwardCache({ next: forwarder, clock, random, ...options });
  const ask = (name?: string, fields?: Partial<Request>) => cache.resolve(requestFor(name, fields));
  /** Asks, and answers as the server unless the cache does; gives how often the server has been asked. */
  const remember = async (fields: Partial<Message>, name?: string, request?: Partial<Request>) => {
    const before = sent.length;
    const reply = ask(name, request);
    if (sent.length > before) sent.at(-1)?.reply(fields);
    await reply;
    return sent.length;
  };
  const { answer } = createResponder(askInOrder([cache]), silentLogger);
  return { clock, sent, checks, cache, ask, remember, answer };
}

/** A signature that ends so many seconds after the clock's beginning, across the end of its 32 bits. */
function signature(seconds: number): ResourceRecord {
  const rdata = new Uint8Array(22);
  new DataView(rdata.buffer).setUint32(8, Math.floor(new ManualClock().now() / 1000) + seconds);
  return { name: dnsName("a.example.com"), type: recordTypes.RRSIG, class: 1, ttl: 60, rdata };
}

function isNow(reply: Reply | Promise<Reply> | undefined): reply is Reply {
  return reply !== undefined && !(reply instanceof Promise);
}

function queryBytes(name: string, type: number = recordTypes.A, fields: Partial<Message> = {}): Uint8Array {
  return encodeMessage({ ...queryMessage(77, { name: dnsName(name), type, class: 1 }), ...fields });
}

function read(bytes: Uint8Array | Promise<Uint8Array | undefined> | undefined): Message {
  if (bytes === undefined || bytes instanceof Promise) throw new Error("no answer at once");
  const message = decodeMessage(bytes);
  if (message.kind === "malformed") throw new Error(message.reason);
  return message;
}

describe("ForwardCache", () => {
  it("remembers answers for their TTL, counting it down", async () => {
    const { ask, remember, clock } = world();
    await remember({ answers: [addressRecord(1, 20), addressRecord(2, 20)] });
    clock.advance(7500);
    const hit = ask("A.example.com");
    expect(isNow(hit) && hit.answer.map(({ owner, ttl }) => ({ owner, ttl }))).toEqual([{ owner: 0, ttl: 13 }]);
    clock.advance(12_499);
    expect(isNow(ask())).toBe(true);
    clock.advance(1);
    expect(isNow(ask())).toBe(false);
  });

  const remembered: readonly (readonly [string, Partial<Message>, number, Partial<ForwardCacheOptions>?])[] = [
    ["an answer for an hour at most", { answers: [addressRecord(1, 100_000)] }, 3600],
    ["an answer for as long as set", { answers: [addressRecord(1, 100)] }, 30, { positive: { maxSeconds: 30 } }],
    ["an answer with a TTL of 0 for 5 seconds", { answers: [addressRecord(1, 0)] }, 5],
    [
      "an answer with a TTL of 0 not, when so set",
      { answers: [addressRecord(1, 0)] },
      0,
      { positive: { minSeconds: 0 } },
    ],
    ["the shortest TTL", { answers: [addressRecord(1, 60)], additionals: [addressRecord(9, 7, "x.com")] }, 7],
    ["NXDOMAIN for the SOA's minimum", { rcode: 3, authorities: [soaRecord(100, 7)] }, 7],
    ["NXDOMAIN for the SOA's own TTL", { rcode: 3, authorities: [soaRecord(6, 100)] }, 6],
    ["NXDOMAIN for half an hour at most", { rcode: 3, authorities: [soaRecord(9000, 9000)] }, 1800],
    ["NXDOMAIN for as long as set", { rcode: 3, authorities: [soaRecord(90, 90)] }, 8, { negative: { maxSeconds: 8 } }],
    ["no data like NXDOMAIN", { authorities: [soaRecord(9, 100)] }, 9],
    [
      "an alias without its target like no data",
      { answers: [aliasRecord("b.com")], authorities: [soaRecord(8, 100)] },
      8,
    ],
    ["an alias without its target and SOA not", { answers: [aliasRecord("b.com")] }, 0],
    [
      "an alias beside another name's address not",
      { answers: [aliasRecord("b.com"), addressRecord(1, 50, "c.com")] },
      0,
    ],
    [
      "two aliases of one name not",
      { answers: [aliasRecord("b.com"), aliasRecord("c.com"), addressRecord(1, 50, "b.com")] },
      0,
    ],
    [
      "aliases in a circle not",
      { answers: [aliasRecord("b.com"), aliasRecord("a.example.com", 60, "b.com"), addressRecord(1)] },
      0,
    ],
    ["an answer with a signature that holds", { answers: [addressRecord(1, 40), signature(1)] }, 40],
    ["an answer with a signature that has ended not", { answers: [addressRecord(1, 40), signature(-1)] }, 0],
    ["an alias with its target", { answers: [aliasRecord("b.com", 40), addressRecord(1, 50, "b.com")] }, 40],
    ["nothing without an SOA", { rcode: 3 }, 0],
    ["nothing that was cut", { truncated: true, answers: [addressRecord(1)] }, 0],
    ["no refusal", { rcode: 5 }, 0],
    ["a failure for 5 seconds", { rcode: 2 }, 5],
    ["what a server does not do for 5 seconds", { rcode: 4 }, 5],
    ["a failure not, when so set", { rcode: 2 }, 0, { servfailSeconds: 0 }],
  ];
  it.each(remembered.map(([what, fields, seconds, options = {}]) => [what, fields, seconds, options] as const))(
    "remembers %s",
    async (_, fields, seconds, options) => {
      const { ask, sent, clock } = world(options);
      const reply = ask();
      sent[0]?.reply(fields);
      if (fields.truncated === true) sent[1]?.handlers.failed(new Error("refused"));
      const given = await reply;
      const sections = [...(given?.answer ?? []), ...(given?.authority ?? []), ...(given?.additional ?? [])];
      if (seconds > 0) {
        // The first client must not believe in it for longer than the next one.
        for (const { ttl } of sections) expect(ttl).toBe(seconds);
        clock.advance(seconds * 1000 - 1);
        expect(isNow(ask())).toBe(true);
        clock.advance(1);
      }
      expect(isNow(ask())).toBe(false);
    },
  );

  it("remembers the alias itself when that is asked for", async () => {
    const { ask, remember } = world();
    await remember({ answers: [aliasRecord("b.com")] }, "a.example.com", { type: recordTypes.CNAME });
    expect(isNow(ask("a.example.com", { type: recordTypes.CNAME }))).toBe(true);
  });

  it("keeps types, answers with and without DNSSEC, and unchecked ones apart", async () => {
    const { ask, remember } = world();
    await remember({ answers: [addressRecord(1)] });
    expect(isNow(ask())).toBe(true);
    expect(isNow(ask("a.example.com", { type: recordTypes.AAAA }))).toBe(false);
    expect(isNow(ask("a.example.com", { dnssecOk: true }))).toBe(false);
    expect(isNow(ask("a.example.com", { flags: 0x0110 }))).toBe(false);
    expect(isNow(ask("b.example.com"))).toBe(false);
  });

  it("replaces no data by data and the other way round", async () => {
    const { clock, remember, cache } = world();
    await remember({ authorities: [soaRecord(10, 10)] });
    expect(cache.stats().entries).toEqual({ positive: 0, negative: 1 });
    clock.advance(10_000);
    await remember({ answers: [addressRecord(1, 10)] });
    expect(cache.stats().entries).toEqual({ positive: 1, negative: 0 });
    clock.advance(10_000);
    await remember({ rcode: 3, authorities: [soaRecord(10, 10)] });
    expect(cache.stats().entries).toEqual({ positive: 0, negative: 1 });
  });

  it("leaves zones alone that it was told to", async () => {
    const zone = dnsName("own.example.com");
    const { remember, cache } = world({
      zones: [dnsName("example.com")],
      except: { positive: [zone], negative: [zone] },
    });
    const answers = (name: string) => ({ answers: [addressRecord(1, 60, name)] });
    expect(await remember(answers("a.own.example.com"), "a.own.example.com")).toBe(1);
    expect(await remember(answers("a.own.example.com"), "a.own.example.com")).toBe(2);
    expect(await remember(answers("a.example.org"), "a.example.org")).toBe(3);
    expect(await remember(answers("a.example.org"), "a.example.org")).toBe(4);
    expect(await remember(answers("a.example.com"), "a.example.com")).toBe(5);
    expect(await remember(answers("a.example.com"), "a.example.com")).toBe(5);
    expect(cache.stats()).toMatchObject({ requests: 2, misses: 1, hits: { positive: 1 } });
  });

  it("leaves one kind alone when told so", async () => {
    const zone = dnsName("example.com");
    const { remember } = world({ except: { positive: [zone] } });
    expect(await remember({ answers: [addressRecord(1)] })).toBe(1);
    expect(await remember({ rcode: 3, authorities: [soaRecord(60, 60)] })).toBe(2);
    expect(await remember({})).toBe(2);
  });

  it("shows the whole TTL when told so", async () => {
    const { ask, remember, clock } = world({ keepTtl: true });
    await remember({ answers: [addressRecord(1, 20)] });
    clock.advance(19_999);
    expect(ask()).toMatchObject({ answer: [{ ttl: 20 }] });
    clock.advance(1);
    expect(isNow(ask())).toBe(false);
  });

  it("asks once for many clients, and refuses when too many wait", async () => {
    const { ask, sent, cache } = world({ maxWaiting: 3 });
    const replies = [ask(), ask(), ask()];
    expect(ask()).toMatchObject({ rcode: 5 });
    sent[0]?.reply({ answers: [addressRecord(1)] });
    for (const reply of await Promise.all(replies.map((reply) => Promise.resolve(reply))))
      expect(reply).toMatchObject({ rcode: 0, answer: [{}] });
    expect(sent).toHaveLength(1);
    expect(cache.stats()).toMatchObject({ requests: 4, misses: 4, joined: 2, rejected: 1 });
  });

  it("passes on what the next resolver does not know or knows at once", () => {
    const replies = [undefined, failure(2), failure(4)];
    const { ask } = world({ next: { resolve: () => replies.shift() } });
    expect(ask()).toBeUndefined();
    expect(ask()).toMatchObject({ rcode: 2 });
    expect(ask()).toMatchObject({ rcode: 2 });
    expect(replies).toHaveLength(1);
  });

  it("passes an error on, and forgets that it was asking", async () => {
    const { ask } = world({ next: { resolve: () => Promise.reject(new Error("broken")) } });
    await expect(ask()).rejects.toThrow("broken");
    await expect(ask()).rejects.toThrow("broken");
  });
});

describe("ForwardCache, answers in bytes", () => {
  const chain: readonly ResourceRecord[] = [
    aliasRecord("b.example.com", 40, "a.example.com"),
    aliasRecord("c.example.net", 40, "b.example.com"),
    ...[1, 2, 3].map((last) => addressRecord(last, 40, "c.example.net")),
  ];

  it("are what the server said, in the letters of whoever asks, with what is left of the TTL", async () => {
    const { remember, clock, answer } = world({ rotate: false });
    await remember({ answers: chain, authenticData: true });
    clock.advance(15_000);
    const message = read(answer(queryBytes("A.eXample.com"), "udp"));
    expect(message).toMatchObject({ id: 77, response: true, recursionAvailable: true, authenticData: false, rcode: 0 });
    expect(message.questions.map(({ name }) => formatName(name))).toEqual(["A.eXample.com."]);
    expect(message.answers.map(({ name }) => formatName(name).toLowerCase())).toEqual(
      chain.map(({ name }) => formatName(name)),
    );
    expect(message.answers[0]?.name).toEqual(dnsName("A.eXample.com"));
    expect(message.answers.map(({ ttl }) => ttl)).toEqual([25, 25, 25, 25, 25]);
    expect(
      message.answers
        .slice(2)
        .map(({ rdata }) => rdata[3])
        .toSorted(),
    ).toEqual([1, 2, 3]);
    expect(read(answer(queryBytes("a.example.com", 1, { authenticData: true }), "udp")).authenticData).toBe(true);
  });

  it("turn addresses but leave aliases before them", async () => {
    const { remember, answer } = world();
    await remember({ answers: chain });
    const orders = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { answers } = read(answer(queryBytes("a.example.com"), "udp"));
      expect(answers.slice(0, 2).map(({ type }) => type)).toEqual([recordTypes.CNAME, recordTypes.CNAME]);
      orders.add(
        answers
          .slice(2)
          .map(({ rdata }) => rdata[3])
          .join(),
      );
    }
    expect(orders).toEqual(new Set(["1,2,3", "2,3,1", "3,1,2"]));
  });

  it("are cut record by record when they do not fit", async () => {
    const { remember, answer } = world({ rotate: false });
    await remember({ answers: Array.from({ length: 60 }, (_, i) => addressRecord(i)) });
    const short = read(answer(queryBytes("a.example.com"), "udp"));
    expect(short.truncated).toBe(true);
    expect(short.answers).toHaveLength(Math.floor((512 - 12 - 15 - 4) / 16));
    expect(read(answer(queryBytes("a.example.com"), "tcp"))).toMatchObject({
      truncated: false,
      answers: { length: 60 },
    });
    const edns = { udpSize: 1232, version: 0, dnssecOk: false, options: [] };
    const long = read(answer(queryBytes("a.example.com", 1, { edns }), "udp"));
    expect(long).toMatchObject({ truncated: false, answers: { length: 60 }, edns: { udpSize: 1232 } });
  });

  it("have an OPT record exactly when the query had one", async () => {
    const { remember, answer } = world();
    await remember({
      rcode: 3,
      authorities: [soaRecord(60, 60)],
      edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [] },
    });
    expect(read(answer(queryBytes("a.example.com"), "udp")).edns).toBeUndefined();
    const edns = { udpSize: 4096, version: 0, dnssecOk: false, options: [] };
    const negative = read(answer(queryBytes("a.example.com", 1, { edns }), "udp"));
    expect(negative).toMatchObject({
      rcode: 3,
      authorities: [{ type: recordTypes.SOA, ttl: 60 }],
      edns: { udpSize: 4096 },
    });
  });

  it("say the same as values do, for any records", async () => {
    const names = ["a.example.com", "b.example.com", "example.com", "x.other.net", "com"];
    const record = fc
      .record({
        owner: fc.constantFrom(...names),
        target: fc.constantFrom(...names),
        kind: fc.nat(4),
        last: fc.nat(255),
      })
      .map(({ owner, target, kind, last }): ResourceRecord => {
        const name = dnsName(owner);
        const common = { name, class: 1, ttl: 50 };
        switch (kind) {
          case 0:
            return { ...common, type: recordTypes.CNAME, rdata: dnsName(target) };
          case 1:
            return { ...common, type: recordTypes.MX, rdata: Uint8Array.of(0, last, ...dnsName(target)) };
          case 2:
            return { ...common, type: recordTypes.TXT, rdata: Uint8Array.of(2, 65, last) };
          case 3:
            return { ...common, type: recordTypes.AAAA, rdata: new Uint8Array(16).fill(last) };
          default:
            return addressRecord(last, 50, owner);
        }
      });
    const sections = fc.record({
      answers: fc.array(record, { minLength: 1, maxLength: 12 }),
      authorities: fc.array(record, { maxLength: 3 }),
      additionals: fc.array(record, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(sections, fc.constantFrom("udp", "tcp"), async (fields, transport) => {
        const { sent, answer, clock } = world({ rotate: false });
        const query = queryBytes("A.example.com", recordTypes.ANY, {
          edns: { udpSize: 4096, version: 0, dnssecOk: false, options: [] },
        });
        const first = answer(query, transport === "tcp" ? "tcp" : "udp");
        sent[0]?.reply(fields);
        const asked = await first;
        const again = answer(query, transport === "tcp" ? "tcp" : "udp");
        const isKept = fields.answers.some(({ name }) => formatName(name) === "a.example.com.");
        expect(again instanceof Promise).toBe(!isKept);
        if (isKept) expect(read(again)).toEqual(read(asked));
        clock.advance(1000);
      }),
      { numRuns: 300 },
    );
  });
});

describe("ForwardCache, prefetch", () => {
  it("gets popular answers anew shortly before they expire, once", async () => {
    const { ask, sent, clock, remember, cache } = world({ prefetch: { amount: 3, percentage: 20 } });
    await remember({ answers: [addressRecord(1, 50)] });
    for (let i = 0; i < 2; i++) void ask();
    clock.advance(39_000);
    void ask();
    expect(sent).toHaveLength(1);
    clock.advance(1000);
    expect(isNow(ask())).toBe(true);
    expect(sent).toHaveLength(2);
    expect(isNow(ask())).toBe(true);
    expect(sent).toHaveLength(2);
    sent[1]?.reply({ answers: [addressRecord(2, 50)] });
    await settle();
    expect(ask()).toMatchObject({ answer: [{ ttl: 50, data: { packed: Uint8Array.of(192, 0, 2, 2) } }] });
    expect(cache.stats()).toMatchObject({ prefetches: 1, misses: 1 });
    // Popularity outlives the old answer.
    clock.advance(45_000);
    void ask();
    expect(sent).toHaveLength(3);
  });

  it("leaves alone what nobody asks for, or asks for with long pauses", async () => {
    const { ask, sent, clock, remember } = world({ prefetch: { amount: 2, pauseMs: 1000 } });
    await remember({ answers: [addressRecord(1, 50)] });
    clock.advance(20_000);
    void ask();
    clock.advance(26_000);
    void ask();
    expect(sent).toHaveLength(1);
    clock.advance(500);
    void ask();
    expect(sent).toHaveLength(2);
  });
});

describe("ForwardCache, stale answers", () => {
  const stale = { seconds: 100 };
  const filled = async (options: Partial<ForwardCacheOptions> = {}) => {
    const it = world({ stale, ...options });
    await it.remember({ answers: [addressRecord(1, 10)] });
    it.clock.advance(10_000);
    return it;
  };

  it("wait for something newer first", async () => {
    const { ask, sent, cache } = await filled();
    const reply = ask();
    expect(reply).toBeInstanceOf(Promise);
    sent[1]?.reply({ answers: [addressRecord(2, 10)] });
    expect(await reply).toMatchObject({ answer: [{ ttl: 10, data: { packed: Uint8Array.of(192, 0, 2, 2) } }] });
    expect(cache.stats().servedStale).toBe(0);
  });

  it("are served when the server is too slow; what it says later is remembered", async () => {
    const { ask, sent, clock, cache } = await filled();
    const reply = ask();
    clock.advance(1799);
    let isThere = false;
    void Promise.resolve(reply).then(() => (isThere = true));
    await settle();
    expect(isThere).toBe(false);
    clock.advance(1);
    expect(await reply).toMatchObject({
      rcode: 0,
      answer: [{ ttl: 30, data: { packed: Uint8Array.of(192, 0, 2, 1) } }],
    });
    sent.at(-1)?.reply({ answers: [addressRecord(2, 10)] });
    await settle();
    expect(ask()).toMatchObject({ answer: [{ ttl: 10, data: { packed: Uint8Array.of(192, 0, 2, 2) } }] });
    expect(cache.stats().servedStale).toBe(1);
  });

  it("are served when the server fails, and nobody is asked for a while then", async () => {
    const { ask, sent, clock, cache } = await filled();
    const reply = ask();
    sent[1]?.reply({ rcode: 2 });
    expect(await reply).toMatchObject({ rcode: 0, answer: [{ ttl: 30 }] });
    clock.advance(29_999);
    expect(isNow(ask())).toBe(true);
    expect(sent).toHaveLength(2);
    clock.advance(1);
    expect(isNow(ask())).toBe(false);
    expect(sent).toHaveLength(3);
    sent[2]?.reply({ rcode: 2 });
    await settle();
    expect(cache.stats()).toMatchObject({ servedStale: 3, hits: { positive: 0 }, requests: 4 });
  });

  it("give way to a denial", async () => {
    const { ask, sent } = await filled();
    const reply = ask();
    sent[1]?.reply({ rcode: 3, authorities: [soaRecord(10, 10)] });
    expect(await reply).toMatchObject({ rcode: 3 });
    expect(ask()).toMatchObject({ rcode: 3 });
  });

  it("give no way to a denial when told so, until they end", async () => {
    const { ask, sent, clock } = await filled({ stale: { ...stale, prefersPositive: true, recheckSeconds: 1 } });
    const reply = ask();
    sent[1]?.reply({ rcode: 3, authorities: [soaRecord(10, 10)] });
    expect(await reply).toMatchObject({ rcode: 0, answer: [{ ttl: 30 }] });
    clock.advance(100_000);
    const last = ask();
    sent[2]?.reply({ rcode: 3, authorities: [soaRecord(10, 10)] });
    expect(await last).toMatchObject({ rcode: 3 });
  });

  it("end some time", async () => {
    const { ask, sent, clock, cache } = await filled();
    clock.advance(100_000);
    const reply = ask();
    sent[1]?.reply({ rcode: 2 });
    expect(await reply).toMatchObject({ rcode: 2 });
    expect(cache.stats().servedStale).toBe(0);
  });

  it("are served at once when told so, and asked for anew meanwhile", async () => {
    const { ask, answer, sent, clock } = await filled({ stale: { ...stale, mode: "immediate", ttlSeconds: 0 } });
    expect(read(answer(queryBytes("a.example.com"), "udp")).answers).toMatchObject([{ ttl: 0 }]);
    expect(ask()).toMatchObject({ answer: [{ ttl: 0 }] });
    expect(sent).toHaveLength(2);
    sent[1]?.reply({ rcode: 2 });
    await settle();
    expect(isNow(ask())).toBe(true);
    expect(sent).toHaveLength(2);
    clock.advance(30_000);
    expect(isNow(ask())).toBe(true);
    sent[2]?.reply({ answers: [addressRecord(2, 10)] });
    await settle();
    expect(ask()).toMatchObject({ answer: [{ ttl: 10, data: { packed: Uint8Array.of(192, 0, 2, 2) } }] });
  });
});

describe("ForwardCache, memory", () => {
  it("stays within its bytes with 10,000 names, and keeps what is used", async () => {
    const bytes = 512 * 1024;
    const { remember, ask, cache } = world({ positive: { bytes, entries: 1_000_000 } });
    await remember({ answers: [addressRecord(1, 3000, "used.example.com")] }, "used.example.com");
    let most = 0;
    for (let i = 0; i < 10_000; i++) {
      const name = `n${i}.example.com`;
      await remember({ answers: [addressRecord(1, 3000, name), addressRecord(2, 3000, name)] }, name);
      if (i % 100 === 0) expect(isNow(ask("used.example.com"))).toBe(true);
      most = Math.max(most, cache.stats().bytes.positive);
    }
    const { entries, evictions, bytes: now } = cache.stats();
    expect(most).toBeLessThanOrEqual(bytes);
    expect(most).toBeGreaterThan(bytes - 1000);
    expect(now.positive).toBeGreaterThan(bytes - 1000);
    expect(entries.positive + evictions.positive).toBe(10_001);
    expect(entries.positive).toBeGreaterThan(500);
    expect(isNow(ask("n9999.example.com"))).toBe(true);
    expect(isNow(ask("n0.example.com"))).toBe(false);
  });

  it("stays within its number of entries, and lets the expired go before the used", async () => {
    const { remember, ask, clock, cache } = world({ positive: { entries: 2 } });
    await remember({ answers: [addressRecord(1, 5, "short.example.com")] }, "short.example.com");
    await remember({ answers: [addressRecord(1, 500, "long.example.com")] }, "long.example.com");
    for (const name of ["short", "long"]) expect(isNow(ask(`${name}.example.com`))).toBe(true);
    clock.advance(5000);
    await remember({ answers: [addressRecord(1, 500, "new.example.com")] }, "new.example.com");
    expect(isNow(ask("long.example.com"))).toBe(true);
    expect(cache.stats()).toMatchObject({ entries: { positive: 2 }, evictions: { positive: 0 } });
    await remember({ answers: [addressRecord(1, 500, "newer.example.com")] }, "newer.example.com");
    expect(cache.stats()).toMatchObject({ entries: { positive: 2 }, evictions: { positive: 1 } });
  });

  it("remembers nothing when told so, and never what would fill the memory of many", async () => {
    const none = world({ positive: { entries: 0 } });
    expect(await none.remember({ answers: [addressRecord(1)] })).toBe(1);
    expect(await none.remember({ answers: [addressRecord(1)] })).toBe(2);
    const { remember } = world();
    const answers = Array.from({ length: 1200 }, (_, i) => addressRecord(i & 255));
    expect(await remember({ answers })).toBe(1);
    expect(await remember({ answers })).toBe(2);
  });

  it("survives names that somebody made to collide", async () => {
    // The first number of the generator is the secret of the hash: with 0 for all, names differ but variants may collide.
    const { remember, cache, ask } = world({ random: () => 0 });
    for (let i = 0; i < 2000; i++) {
      await remember({ answers: [addressRecord(1, 60, `${i}.example.com`)] }, `${i}.example.com`);
    }
    expect(cache.stats().entries.positive).toBeGreaterThan(1990);
    expect(isNow(ask("1999.example.com"))).toBe(true);
  });
});

describe("exposeCache()", () => {
  it("shows the numbers under CoreDNS's names", async () => {
    const { remember, ask, cache } = world();
    const metrics = createMetrics();
    const stop = exposeCache(metrics, { server: "dns://:53", zones: "." }, () => cache.stats());
    await remember({ answers: [addressRecord(1)] });
    await remember({ rcode: 3, authorities: [soaRecord(9, 9)] }, "b.example.com");
    for (let i = 0; i < 3; i++) void ask();
    const text = metrics.expose();
    for (const line of [
      'coredns_cache_entries{server="dns://:53",type="success",zones=".",view=""} 1',
      'coredns_cache_entries{server="dns://:53",type="denial",zones=".",view=""} 1',
      'coredns_cache_hits_total{server="dns://:53",type="success",zones=".",view=""} 3',
      'coredns_cache_misses_total{server="dns://:53",zones=".",view=""} 2',
      'coredns_cache_requests_total{server="dns://:53",zones=".",view=""} 5',
      'coredns_cache_served_stale_total{server="dns://:53",zones=".",view=""} 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    stop();
    expect(metrics.expose()).not.toContain("coredns_cache_entries{");
  });
});
