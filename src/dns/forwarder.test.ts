import { describe, expect, it } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatName,
  recordTypes,
  responseCodes,
  writeRecordData,
} from "../codec/index.ts";
import type { Message } from "../codec/index.ts";
import { ManualClock, ip, seededRandom } from "../core/index.ts";
import { Forwarder } from "./forwarder.ts";
import type { ForwarderOptions } from "./forwarder.ts";
import type { DnsServerAddress, DnsTransport, Reply, Request } from "./resolver.ts";
import type { UpstreamHandlers } from "./upstream.ts";

/** One query that an upstream got, and how to answer it. */
interface Sent {
  readonly upstream: DnsServerAddress;
  readonly transport: DnsTransport;
  readonly query: Message;
  readonly handlers: UpstreamHandlers;
  isCancelled: boolean;
  reply(fields: Partial<Message>): void;
}

const first = { address: ip("192.168.100.1"), port: 53 };
const second = { address: ip("192.168.100.2"), port: 53 };

function world(options: Partial<ForwarderOptions> = {}) {
  const clock = new ManualClock();
  const sent: Sent[] = [];
  const forwarder = new Forwarder({
    upstreams: [first],
    clock,
    random: seededRandom(7),
    dial: {
      send: (upstream, transport, bytes, handlers) => {
        const query = decodeMessage(bytes);
        if (query.kind === "malformed") throw new Error(query.reason);
        const entry: Sent = {
          upstream,
          transport,
          query,
          handlers,
          isCancelled: false,
          reply: (fields) =>
            handlers.message(encodeMessage({ ...query, response: true, recursionAvailable: true, ...fields })),
        };
        sent.push(entry);
        return () => {
          entry.isCancelled = true;
        };
      },
    },
    ...options,
  });
  const ask = (name = "a.example.com", fields: Partial<Request> = {}) =>
    forwarder.resolve({
      name: dnsName(name),
      type: recordTypes.A,
      flags: 0x0100,
      dnssecOk: false,
      transport: "udp",
      client: undefined,
      aliases: [],
      ...fields,
    });
  return { clock, sent, forwarder, ask };
}

const address = (last: number, ttl = 60, name = "a.example.com") => ({
  name: dnsName(name),
  type: recordTypes.A,
  class: 1,
  ttl,
  rdata: Uint8Array.of(192, 0, 2, last),
});
const soa = (ttl: number, minimum: number) => ({
  name: dnsName("example.com"),
  type: recordTypes.SOA,
  class: 1,
  ttl,
  rdata: writeRecordData({
    kind: "SOA",
    mname: dnsName("ns.example.com"),
    rname: dnsName("h.example.com"),
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum,
  }),
});

/** Lets promises that are ready run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function isNow(reply: Reply | Promise<Reply> | undefined): reply is Reply {
  return reply !== undefined && !(reply instanceof Promise);
}

describe("Forwarder", () => {
  it("asks with a new id, recursion and EDNS, and repeats what the client wants checked", async () => {
    const { ask, sent } = world();
    void ask("a.example.com", { dnssecOk: true, flags: 0x0110 });
    void ask("b.example.com");
    expect(sent.map(({ query }) => query)).toMatchObject([
      { recursionDesired: true, checkingDisabled: true, edns: { udpSize: 1232, dnssecOk: true } },
      { recursionDesired: true, checkingDisabled: false, edns: { udpSize: 1232, dnssecOk: false } },
    ]);
    expect(sent[0]?.query.id).not.toBe(sent[1]?.query.id);
  });

  it("passes over messages that do not answer its query", async () => {
    const { ask, sent } = world();
    const reply = ask();
    const [asked] = sent;
    asked?.reply({ id: (asked.query.id + 1) & 0xffff, answers: [address(66)] });
    asked?.reply({ response: false, answers: [address(66)] });
    asked?.reply({ questions: [{ name: dnsName("b.example.com"), type: 1, class: 1 }], answers: [address(66)] });
    asked?.reply({ questions: [{ name: dnsName("a.example.com"), type: 28, class: 1 }], answers: [address(66)] });
    asked?.reply({ questions: [], answers: [address(66)] });
    asked?.handlers.message(Uint8Array.of(1, 2, 3));
    asked?.reply({ answers: [address(1)] });
    expect(await reply).toMatchObject({
      rcode: 0,
      answer: [{ owner: 0, data: { packed: Uint8Array.of(192, 0, 2, 1) } }],
    });
    expect(asked?.isCancelled).toBe(true);
  });

  it("asks each question once at a time", async () => {
    const { ask, sent, forwarder } = world();
    const replies = [ask("a.example.com"), ask("A.EXAMPLE.com"), ask("a.example.com", { type: recordTypes.AAAA })];
    expect(sent).toHaveLength(2);
    sent[0]?.reply({ answers: [address(1), address(2)] });
    sent[1]?.reply({});
    expect(
      (await Promise.all(replies.map((reply) => Promise.resolve(reply)))).map((reply) => reply?.answer.length),
    ).toEqual([1, 1, 0]);
    expect(forwarder.stats()).toMatchObject({ misses: 2, joined: 1, inFlight: 0 });
  });

  it("remembers answers for their TTL, counting it down, at most 30 seconds", async () => {
    const { ask, sent, clock } = world();
    const reply = ask();
    sent[0]?.reply({ answers: [address(1, 20), address(2, 20)] });
    await reply;
    clock.advance(7500);
    const hit = ask("A.example.com");
    expect(isNow(hit) && hit.answer.map(({ owner, ttl }) => ({ owner, ttl }))).toEqual([{ owner: 0, ttl: 13 }]);
    clock.advance(12_500);
    expect(ask()).toBeInstanceOf(Promise);
    sent[1]?.reply({ answers: [address(1, 3600)] });
    await settle();
    clock.advance(29_999);
    expect(isNow(ask())).toBe(true);
    clock.advance(1);
    expect(isNow(ask())).toBe(false);
  });

  const remembered: readonly (readonly [string, Partial<Message>, number])[] = [
    ["NXDOMAIN for the SOA's minimum", { rcode: 3, authorities: [soa(100, 7)] }, 7],
    ["NXDOMAIN for the SOA's own TTL", { rcode: 3, authorities: [soa(6, 100)] }, 6],
    ["no data like NXDOMAIN", { authorities: [soa(9, 100)] }, 9],
    [
      "an alias without its target like no data",
      { answers: [{ ...address(0), type: 5, rdata: dnsName("b.com") }], authorities: [soa(8, 100)] },
      8,
    ],
    ["nothing without an SOA", { rcode: 3 }, 0],
    ["no refusal", { rcode: 5 }, 0],
    ["no answer with a TTL of 0", { answers: [address(1, 0)] }, 0],
    [
      "the shortest TTL of all records",
      { answers: [address(1, 60)], additionals: [address(9, 4, "x.example.com")] },
      4,
    ],
    ["a failure for a second", { rcode: 2 }, 1],
  ];
  it.each(remembered)("remembers %s", async (_, fields, seconds) => {
    const { ask, sent, clock } = world();
    const reply = ask();
    sent[0]?.reply(fields);
    await reply;
    if (seconds > 0) {
      clock.advance(seconds * 1000 - 1);
      expect(isNow(ask())).toBe(true);
      clock.advance(1);
    }
    expect(isNow(ask())).toBe(false);
  });

  it("keeps answers with and without DNSSEC apart", async () => {
    const { ask, sent } = world();
    void ask();
    sent[0]?.reply({ answers: [address(1)] });
    await settle();
    expect(isNow(ask())).toBe(true);
    expect(isNow(ask("a.example.com", { dnssecOk: true }))).toBe(false);
    expect(isNow(ask("a.example.com", { flags: 0x0110 }))).toBe(false);
  });

  it("forgets what was not used for longest when the cache is full", async () => {
    const { ask, sent, forwarder } = world({ cache: { entries: 2 } });
    for (const [i, name] of ["a.example.com", "b.example.com"].entries()) {
      void ask(name);
      sent[i]?.reply({ answers: [address(1, 60, name)] });
      await settle();
    }
    expect(isNow(ask("a.example.com"))).toBe(true);
    void ask("c.example.com");
    sent[2]?.reply({ answers: [address(1, 60, "c.example.com")] });
    await settle();
    expect(forwarder.stats().cached).toBe(2);
    expect(isNow(ask("a.example.com"))).toBe(true);
    expect(isNow(ask("b.example.com"))).toBe(false);
  });

  it("asks again over TCP when the answer was cut", async () => {
    const { ask, sent } = world();
    const reply = ask();
    sent[0]?.reply({ truncated: true, answers: [address(1)] });
    await settle();
    expect(sent[1]?.transport).toBe("tcp");
    sent[1]?.reply({ answers: [address(1), address(2)] });
    expect(await reply).toMatchObject({ truncated: false, answer: [{ data: { packed: { length: 8 } } }] });
  });

  it("gives the cut answer when TCP fails, and does not remember it", async () => {
    const { ask, sent } = world();
    const reply = ask();
    sent[0]?.reply({ truncated: true, answers: [address(1)] });
    await settle();
    sent[1]?.handlers.failed(new Error("refused"));
    expect(await reply).toMatchObject({ truncated: true, answer: [{}] });
    expect(isNow(ask())).toBe(false);
  });

  it("asks without EDNS when the server does not understand it", async () => {
    const { ask, sent } = world();
    const reply = ask();
    sent[0]?.handlers.message(
      Uint8Array.of(
        ((sent[0]?.query.id ?? 0) >> 8) & 255,
        (sent[0]?.query.id ?? 0) & 255,
        0x81,
        0x01,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
      ),
    );
    await settle();
    expect(sent[1]?.query.edns).toBeUndefined();
    sent[1]?.reply({ answers: [address(1)] });
    expect(await reply).toMatchObject({ rcode: 0 });
  });

  it("asks the next server when one is silent, fails or refuses, and the silent one last for a while", async () => {
    const { ask, sent, clock } = world({ upstreams: [first, second], random: () => 0 });
    const reply = ask();
    expect(sent[0]?.upstream).toBe(first);
    clock.advance(2000);
    await settle();
    expect(sent[0]?.isCancelled).toBe(true);
    expect(sent[1]?.upstream).toBe(second);
    sent[1]?.reply({ answers: [address(1)] });
    expect(await reply).toMatchObject({ rcode: 0 });

    const next = ask("b.example.com");
    expect(sent[2]?.upstream).toBe(second);
    sent[2]?.reply({ rcode: responseCodes.SERVFAIL });
    await settle();
    expect(sent[3]?.upstream).toBe(first);
    sent[3]?.reply({ rcode: responseCodes.REFUSED });
    expect(await next).toMatchObject({ rcode: responseCodes.REFUSED });
    void ask("c.example.com");
    expect(sent[4]?.upstream).toBe(first);
  });

  it("says SERVFAIL when nobody answers in time", async () => {
    const { ask, clock, forwarder } = world({
      upstreams: [first, second, { ...first, port: 54 }, { ...first, port: 55 }],
    });
    const reply = ask();
    for (let i = 0; i < 3; i++) {
      clock.advance(2000);
      await settle();
    }
    expect(await reply).toMatchObject({ rcode: responseCodes.SERVFAIL, recursionAvailable: true });
    expect(forwarder.stats()).toMatchObject({ unanswered: 1, inFlight: 0 });
  });

  it("says SERVFAIL at once when the dialer fails at once", async () => {
    const { forwarder, ask } = world({
      dial: {
        send: (_upstream, _transport, _query, handlers) => {
          handlers.failed(new Error("no route"));
          return () => undefined;
        },
      },
    });
    expect(await ask()).toMatchObject({ rcode: responseCodes.SERVFAIL });
    expect(forwarder.stats().unanswered).toBe(1);
  });

  it("refuses when too much is going on", async () => {
    const { ask, forwarder } = world({ maxConcurrent: 2 });
    void ask("a.example.com");
    void ask("b.example.com");
    expect(ask("c.example.com")).toMatchObject({ rcode: responseCodes.REFUSED });
    expect(ask("a.example.com")).toBeInstanceOf(Promise);
    expect(forwarder.stats()).toMatchObject({ rejected: 1, inFlight: 2 });
  });

  it("gives up on everything when stopped", async () => {
    const { ask, forwarder, sent } = world({ upstreams: [first, second] });
    const reply = ask();
    forwarder.stop();
    expect(await reply).toMatchObject({ rcode: responseCodes.SERVFAIL });
    expect(sent).toHaveLength(1);
    expect(ask("b.example.com")).toMatchObject({ rcode: responseCodes.REFUSED });
  });

  it("turns addresses but leaves aliases before them", async () => {
    const { ask, sent } = world();
    const reply = ask();
    sent[0]?.reply({
      answers: [
        { ...address(0), type: recordTypes.CNAME, rdata: dnsName("b.example.com") },
        ...[1, 2, 3].map((last) => address(last, 60, "b.example.com")),
      ],
    });
    await reply;
    const orders = new Set<number>();
    for (let i = 0; i < 30; i++) {
      const hit = ask();
      if (!isNow(hit)) throw new Error("not remembered");
      const [alias, target] = hit.answer;
      expect(alias).toMatchObject({ owner: 0, type: recordTypes.CNAME });
      if (target === undefined || typeof target.owner === "number") throw new Error("no target");
      expect(formatName(target.owner)).toBe("b.example.com.");
      if (target.data.kind === "addresses") orders.add(target.data.first);
    }
    expect(orders).toEqual(new Set([0, 1, 2]));
  });
});
