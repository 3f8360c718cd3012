import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressRecord, aliasRecord, fakeUpstreams, requestFor } from "../../test/support/fake-upstreams.ts";
import { dnsName, encodeMessage, queryMessage, recordTypes, responseCodes } from "../codec/index.ts";
import { ManualClock, createMetrics, ip, seededRandom } from "../core/index.ts";
import { Forwarder } from "./forwarder.ts";
import type { ForwarderOptions } from "./forwarder.ts";
import type { Request } from "./resolver.ts";
import type { Upstream } from "./upstream.ts";

const first: Upstream = { address: ip("192.168.100.1"), port: 53 };
const second: Upstream = { address: ip("192.168.100.2"), port: 53 };
const third: Upstream = { address: ip("192.168.100.3"), port: 53 };

function world(options: Partial<ForwarderOptions> = {}) {
  const clock = new ManualClock();
  const { dial, sent, checks } = fakeUpstreams();
  const forwarder = new Forwarder({ upstreams: [first], clock, random: seededRandom(7), dial, ...options });
  const ask = (name?: string, fields?: Partial<Request>) => forwarder.resolve(requestFor(name, fields));
  return { clock, sent, checks, forwarder, ask };
}

describe("Forwarder", () => {
  it("asks with a new id, recursion and EDNS, and repeats what the client wants checked", () => {
    const { ask, sent } = world();
    void ask("a.example.com", { dnssecOk: true, flags: 0x0110 });
    void ask("b.example.com");
    expect(sent.map(({ query }) => query)).toMatchObject([
      { recursionDesired: true, authenticData: true, checkingDisabled: true, edns: { udpSize: 1232, dnssecOk: true } },
      {
        recursionDesired: true,
        authenticData: true,
        checkingDisabled: false,
        edns: { udpSize: 1232, dnssecOk: false },
      },
    ]);
    expect(sent[0]?.query.id).not.toBe(sent[1]?.query.id);
  });

  it("passes over messages that do not answer its query", async () => {
    const { ask, sent } = world();
    const reply = ask();
    const [asked] = sent;
    asked?.reply({ id: (asked.query.id + 1) & 0xffff, answers: [addressRecord(66)] });
    asked?.reply({ response: false, answers: [addressRecord(66)] });
    asked?.reply({ questions: [{ name: dnsName("b.example.com"), type: 1, class: 1 }], answers: [addressRecord(66)] });
    asked?.reply({ questions: [{ name: dnsName("a.example.com"), type: 28, class: 1 }], answers: [addressRecord(66)] });
    asked?.reply({ questions: [], answers: [addressRecord(66)] });
    asked?.handlers.message(Uint8Array.of(1, 2, 3));
    asked?.reply({ answers: [addressRecord(1)] });
    expect(await reply).toMatchObject({
      rcode: 0,
      answer: [{ owner: 0, data: { packed: Uint8Array.of(192, 0, 2, 1) } }],
    });
    expect(asked?.isCancelled).toBe(true);
  });

  it("turns to TCP when somebody seems to be guessing ids", () => {
    const { ask, sent } = world();
    void ask();
    const [asked] = sent;
    for (let i = 1; i <= 10; i++) asked?.reply({ id: (asked.query.id + i) & 0xffff, answers: [addressRecord(66)] });
    expect(sent).toHaveLength(1);
    asked?.reply({ id: (asked.query.id + 11) & 0xffff, answers: [addressRecord(66)] });
    expect(sent[1]?.transport).toBe("tcp");
    expect(asked?.isCancelled).toBe(true);
  });

  it("asks each question once at a time", async () => {
    const { ask, sent, forwarder } = world();
    const replies = [ask("a.example.com"), ask("A.EXAMPLE.com"), ask("a.example.com", { type: recordTypes.AAAA })];
    expect(sent).toHaveLength(2);
    sent[0]?.reply({ answers: [addressRecord(1), addressRecord(2)] });
    sent[1]?.reply();
    const sizes = (await Promise.all(replies.map((reply) => Promise.resolve(reply)))).map(
      (reply) => reply?.answer.length,
    );
    expect(sizes).toEqual([1, 1, 0]);
    expect(forwarder.stats()).toMatchObject({ asked: 2, joined: 1, inFlight: 0 });
  });

  it("keeps questions with and without DNSSEC apart", () => {
    const { ask, sent } = world();
    void ask();
    void ask("a.example.com", { dnssecOk: true });
    void ask("a.example.com", { flags: 0x0110 });
    expect(sent).toHaveLength(3);
  });

  it("gives aliases before what they lead to, and addresses in turn, whatever order the server has them in", async () => {
    const { ask, sent } = world();
    const firsts = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const reply = ask(`n${i}.example.com`);
      const name = `n${i}.example.com`;
      const addresses = [1, 2, 3].map((last) => addressRecord(last, 60, "b.com"));
      sent
        .at(-1)
        ?.reply({ answers: [...addresses, aliasRecord("a.com", 60, name), aliasRecord("b.com", 60, "a.com")] });
      const { answer = [] } = (await reply) ?? {};
      expect(answer.map(({ type }) => type)).toEqual([recordTypes.CNAME, recordTypes.CNAME, recordTypes.A]);
      const data = answer[2]?.data;
      if (data?.kind === "addresses") firsts.add(data.first);
    }
    expect([...firsts].toSorted()).toEqual([0, 1, 2]);
  });

  it("asks again over TCP when the answer was cut", async () => {
    const { ask, sent } = world();
    const reply = ask();
    sent[0]?.reply({ truncated: true, answers: [addressRecord(1)] });
    expect(sent[1]?.transport).toBe("tcp");
    sent[1]?.reply({ answers: [addressRecord(1), addressRecord(2)] });
    expect(await reply).toMatchObject({ truncated: false, answer: [{ data: { packed: { length: 8 } } }] });
  });

  it("gives the cut answer when TCP fails", async () => {
    const { ask, sent } = world();
    const reply = ask();
    sent[0]?.reply({ truncated: true, answers: [addressRecord(1)] });
    sent[1]?.handlers.failed(new Error("refused"));
    expect(await reply).toMatchObject({ truncated: true, answer: [{}] });
  });

  it("asks without EDNS when the server does not understand it", async () => {
    const { ask, sent } = world();
    const reply = ask();
    const id = sent[0]?.query.id ?? 0;
    sent[0]?.handlers.message(Uint8Array.of(id >> 8, id & 255, 0x81, 0x01, 0, 0, 0, 0, 0, 0, 0, 0));
    expect(sent[1]?.query.edns).toBeUndefined();
    sent[1]?.reply({ answers: [addressRecord(1)] });
    expect(await reply).toMatchObject({ rcode: 0 });
  });

  const transports: readonly (readonly [string, Partial<ForwarderOptions>, Partial<Request>, string])[] = [
    ["a client over UDP", {}, {}, "udp"],
    ["a client over TCP", {}, { transport: "tcp" }, "tcp"],
    ["a client over TCP and prefer_udp", { protocol: "prefer_udp" }, { transport: "tcp" }, "udp"],
    ["a client over UDP and force_tcp", { protocol: "force_tcp" }, {}, "tcp"],
    ["a server over TLS", { upstreams: [{ ...first, tls: {} }], protocol: "prefer_udp" }, {}, "tls"],
  ];
  it.each(transports)("chooses the transport for %s", (_, options, fields, transport) => {
    const { ask, sent } = world(options);
    void ask("a.example.com", fields);
    expect(sent.map((one) => one.transport)).toEqual([transport]);
  });

  it("takes only names of its zone, and none of those it should leave", () => {
    const { ask } = world({ from: dnsName("example.com"), except: [dnsName("own.example.com")] });
    expect(ask("a.example.com")).toBeInstanceOf(Promise);
    expect(ask("EXAMPLE.com")).toBeInstanceOf(Promise);
    expect(ask("example.org")).toBeUndefined();
    expect(ask("a.own.example.com")).toBeUndefined();
    expect(ask("shown.example.com")).toBeInstanceOf(Promise);
  });

  it("asks the next server when one is silent, fails or refuses", async () => {
    const { ask, sent, clock, checks } = world({ upstreams: [first, second], policy: "sequential" });
    const reply = ask();
    expect(sent[0]?.upstream).toBe(first);
    clock.advance(2000);
    expect(sent[0]?.isCancelled).toBe(true);
    expect(sent[1]?.upstream).toBe(second);
    sent[1]?.reply({ answers: [addressRecord(1)] });
    expect(await reply).toMatchObject({ rcode: 0 });

    expect(checks).toHaveLength(1);
    const next = ask("b.example.com");
    expect(sent[2]?.upstream).toBe(second);
    sent[2]?.reply({ rcode: responseCodes.SERVFAIL });
    expect(sent[3]?.upstream).toBe(first);
    sent[3]?.reply({ rcode: responseCodes.REFUSED });
    expect(await next).toMatchObject({ rcode: responseCodes.REFUSED });
    void ask("c.example.com");
    expect(sent[4]?.upstream).toBe(first);
  });

  it("asks the next server only after the codes it was told", async () => {
    const failover = [responseCodes.REFUSED];
    const { ask, sent } = world({ upstreams: [first, second], policy: "sequential", failover });
    const failed = ask();
    sent[0]?.reply({ rcode: responseCodes.SERVFAIL });
    expect(await failed).toMatchObject({ rcode: responseCodes.SERVFAIL });
    const refused = ask("b.example.com");
    sent[1]?.reply({ rcode: responseCodes.REFUSED });
    sent[2]?.reply({ rcode: responseCodes.NXDOMAIN });
    expect(await refused).toMatchObject({ rcode: responseCodes.NXDOMAIN });
  });

  it("survives any bytes, and believes none of them", async () => {
    const { ask, sent } = world({ attemptTimeoutMs: 1000 });
    const good = encodeMessage({
      ...queryMessage(0, { name: dnsName("a.example.com"), type: 1, class: 1 }),
      response: true,
      answers: [addressRecord(66)],
    });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      // A good answer with a byte changed; the id stays wrong, whatever is changed.
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => good.with(at, value)),
    );
    const reply = ask();
    const id = sent[0]?.query.id ?? 0;
    fc.assert(
      fc.property(bytes, fc.boolean(), (lie, rightId) => {
        const aimed = lie.slice();
        aimed[0] = id >> 8;
        aimed[1] = (id & 255) ^ (rightId && aimed.length < 12 ? 0 : 1);
        // Over TCP nobody counts, so that all of them are looked at.
        sent.at(-1)?.handlers.message(aimed);
      }),
      { numRuns: 2000 },
    );
    expect(sent.at(-1)?.transport).toBe("tcp");
    sent.at(-1)?.reply({ answers: [addressRecord(1)] });
    expect(await reply).toMatchObject({ answer: [{ data: { packed: Uint8Array.of(192, 0, 2, 1) } }] });
  });

  it("asks a silent server again when there is no other", async () => {
    const { ask, sent, clock } = world();
    const reply = ask();
    clock.advance(2000);
    expect(sent).toHaveLength(2);
    sent[1]?.reply({ answers: [addressRecord(1)] });
    expect(await reply).toMatchObject({ rcode: 0 });
  });

  it("says SERVFAIL when nobody answers in time, not later than told", async () => {
    const upstreams = [53, 54, 55, 56].map((port) => ({ ...first, port }));
    const { ask, clock, forwarder, sent } = world({ upstreams });
    const reply = ask();
    clock.advance(4999);
    expect(forwarder.stats().inFlight).toBe(1);
    clock.advance(1);
    expect(await reply).toMatchObject({ rcode: responseCodes.SERVFAIL, recursionAvailable: true });
    expect(new Set(sent.map(({ upstream }) => upstream.port)).size).toBe(3);
    expect(sent.every(({ isCancelled }) => isCancelled)).toBe(true);
    expect(forwarder.stats()).toMatchObject({ unanswered: 1, inFlight: 0 });
  });

  it("says SERVFAIL at once when the dialer fails at once", async () => {
    const { forwarder, ask } = world({
      upstreams: [first, second],
      dial: {
        send: (_upstream, _transport, _query, handlers) => {
          handlers.failed(new Error("no route"));
          return () => undefined;
        },
      },
    });
    expect(await ask()).toMatchObject({ rcode: responseCodes.SERVFAIL });
    expect(forwarder.stats()).toMatchObject({ unanswered: 1, upstreams: [{ failures: 2 }, { failures: 2 }] });
    forwarder.stop();
  });

  it("refuses when too many questions, or clients of one question, are waiting", () => {
    const { ask, forwarder, sent } = world({ maxConcurrent: 2, maxWaiting: 3 });
    void ask("a.example.com");
    void ask("b.example.com");
    expect(ask("c.example.com")).toMatchObject({ rcode: responseCodes.REFUSED });
    expect(ask("a.example.com")).toBeInstanceOf(Promise);
    expect(ask("a.example.com")).toBeInstanceOf(Promise);
    expect(ask("a.example.com")).toMatchObject({ rcode: responseCodes.REFUSED });
    expect(forwarder.stats()).toMatchObject({ rejected: 2, inFlight: 2 });
    sent[0]?.reply();
  });

  it("gives up on everything when stopped", async () => {
    const { ask, forwarder, sent, checks } = world({ upstreams: [first, second] });
    const reply = ask();
    forwarder.stop();
    expect(await reply).toMatchObject({ rcode: responseCodes.SERVFAIL });
    expect(sent.map(({ isCancelled }) => isCancelled)).toEqual([true]);
    expect(checks).toEqual([]);
    expect(ask("b.example.com")).toMatchObject({ rcode: responseCodes.REFUSED });
  });

  it("refuses to be made with more servers than anybody needs", () => {
    const upstreams = Array.from({ length: 16 }, (_, i) => ({ ...first, port: i + 1 }));
    expect(() => world({ upstreams })).toThrow(RangeError);
  });
});

describe("Forwarder, health of servers", () => {
  it("checks a server from its first failure to its next answer, and never else", async () => {
    const { ask, sent, checks, clock, forwarder } = world({ upstreams: [first, second], policy: "sequential" });
    const reply = ask();
    sent[0]?.handlers.failed(new Error("refused"));
    sent[1]?.reply();
    await reply;
    expect(checks).toHaveLength(1);
    expect(checks[0]?.query).toMatchObject({ recursionDesired: true, questions: [{ type: recordTypes.NS }] });
    expect(checks[0]?.query.questions[0]?.name).toHaveLength(1);
    checks[0]?.handlers.failed(new Error("refused"));
    clock.advance(499);
    expect(checks).toHaveLength(1);
    clock.advance(1);
    expect(checks).toHaveLength(2);
    expect(forwarder.stats().upstreams[0]).toMatchObject({ state: "suspect", checkFailures: 1 });
    // The second check is not answered at all: it waits longer than the pause, so the next one follows at once.
    clock.advance(1000);
    expect(checks).toHaveLength(3);
    expect(forwarder.stats().upstreams[0]).toMatchObject({ state: "down", checkFailures: 2 });
    checks[2]?.reply({ rcode: responseCodes.REFUSED });
    expect(forwarder.stats().upstreams[0]).toMatchObject({ state: "healthy" });
    clock.advance(60_000);
    expect(checks).toHaveLength(3);
  });

  it("asks a server that is down only when all are, and then any", async () => {
    const { ask, sent, checks, clock, forwarder } = world({
      upstreams: [first, second],
      policy: "sequential",
      maxFails: 1,
    });
    const reply = ask();
    sent[0]?.handlers.failed(new Error("refused"));
    checks[0]?.handlers.failed(new Error("refused"));
    expect(forwarder.stats().upstreams[0]?.state).toBe("down");
    sent[1]?.handlers.failed(new Error("refused"));
    checks[1]?.handlers.failed(new Error("refused"));
    for (let i = 2; i < 4; i++) sent[i]?.handlers.failed(new Error("refused"));
    expect(await reply).toMatchObject({ rcode: responseCodes.SERVFAIL });
    const asked = new Set<Upstream | undefined>();
    for (let i = 0; i < 20; i++) {
      const before = sent.length;
      void ask(`n${i}.example.com`);
      asked.add(sent[before]?.upstream);
    }
    expect(asked).toEqual(new Set([first, second]));
    expect(forwarder.stats().allDown).toBe(20);
    clock.advance(500);
    checks.at(-1)?.reply();
    const last = sent.length;
    void ask("last.example.com");
    expect(sent[last]?.upstream).toBe(checks.at(-1)?.upstream);
  });

  it("says SERVFAIL at once when all are down and that is wanted", async () => {
    const { ask, sent, checks } = world({ maxFails: 1, failfast: true });
    const reply = ask();
    sent[0]?.handlers.failed(new Error("refused"));
    checks[0]?.handlers.failed(new Error("refused"));
    sent[1]?.handlers.failed(new Error("refused"));
    await reply;
    expect(ask("b.example.com")).toMatchObject({ rcode: responseCodes.SERVFAIL });
    expect(sent).toHaveLength(2);
  });

  it("never takes a server for down when told so", () => {
    const { ask, sent, checks, clock, forwarder } = world({ maxFails: 0 });
    void ask();
    sent[0]?.handlers.failed(new Error("refused"));
    clock.advance(100_000);
    expect(checks.length).toBeGreaterThan(90);
    expect(forwarder.stats().upstreams[0]?.state).toBe("suspect");
  });

  it("checks over the transport it asks with, for the name it was told", () => {
    const { ask, sent, checks } = world({
      protocol: "force_tcp",
      healthCheck: { domain: dnsName("example.org"), recursionDesired: false },
    });
    void ask();
    sent[0]?.handlers.failed(new Error("refused"));
    expect(checks[0]).toMatchObject({ transport: "tcp", query: { recursionDesired: false } });
    expect(checks[0]?.query.questions[0]?.name).toEqual(dnsName("example.org"));
  });
});

describe("Forwarder, policies", () => {
  const upstreams = [first, second, third];
  const firsts = (options: Partial<ForwarderOptions>, count: number) => {
    const { ask, sent } = world({ upstreams, ...options });
    for (let i = 0; i < count; i++) void ask(`n${i}.example.com`);
    return sent.map(({ upstream }) => upstreams.indexOf(upstream));
  };
  it("begins with the first server", () => expect(firsts({ policy: "sequential" }, 4)).toEqual([0, 0, 0, 0]));
  it("begins with the next server", () => expect(firsts({ policy: "round_robin" }, 4)).toEqual([0, 1, 2, 0]));
  it("begins with any server", () => {
    const counts = [0, 0, 0];
    for (const index of firsts({ policy: "random", maxConcurrent: 0 }, 3000)) counts[index] = (counts[index] ?? 0) + 1;
    for (const count of counts) expect(count).toBeGreaterThan(850);
  });
});

describe("Forwarder, slow servers", () => {
  it("asks a second server, too, when an answer is late, and takes whichever comes first", async () => {
    const it = world({ hedgeMs: 300, upstreams: [first, second], policy: "sequential" });
    const unknown = it.ask("n.example.com");
    it.clock.advance(299);
    expect(it.sent).toHaveLength(1);
    it.clock.advance(1);
    expect(it.sent.map(({ upstream, isCancelled }) => [upstream, isCancelled])).toEqual([
      [first, false],
      [second, false],
    ]);
    it.sent[0]?.reply({ answers: [addressRecord(1)] });
    expect(await unknown).toMatchObject({ rcode: 0 });
    expect(it.sent[1]?.isCancelled).toBe(true);
  });

  it("takes the second one's answer, and looks after the first", async () => {
    const it = world({ hedgeMs: 300, upstreams: [first, second], policy: "sequential" });
    const reply = it.ask();
    it.clock.advance(300);
    it.sent[1]?.reply({ answers: [addressRecord(1)] });
    expect(await reply).toMatchObject({ rcode: 0 });
    expect(it.sent[0]?.isCancelled).toBe(true);
    expect(it.checks.map(({ upstream }) => upstream)).toEqual([first]);
    void it.ask("next.example.com");
    expect(it.sent[2]?.upstream).toBe(second);
  });

  it("asks no server twice at a time, and no third one while two are waited for", () => {
    const hedgeMs = 300;
    const alone = world({ hedgeMs });
    void alone.ask();
    alone.clock.advance(1999);
    expect(alone.sent).toHaveLength(1);
    const many = world({ hedgeMs, upstreams: [first, second, third] });
    void many.ask();
    many.clock.advance(1999);
    expect(many.sent).toHaveLength(2);
  });
});

describe("Forwarder, numbers", () => {
  it("says how each server does", async () => {
    const metrics = createMetrics();
    const { ask, sent, checks, clock, forwarder } = world({
      upstreams: [first, { ...second, tls: {} }],
      policy: "sequential",
      metrics,
    });
    const reply = ask();
    sent[0]?.handlers.failed(new Error("refused"));
    checks[0]?.handlers.failed(new Error("refused"));
    clock.advance(3);
    sent[1]?.reply({ rcode: responseCodes.NXDOMAIN });
    await reply;
    expect(forwarder.stats().upstreams).toEqual([
      {
        to: "192.168.100.1:53",
        state: "suspect",
        queries: 1,
        failures: 1,
        checkFailures: 1,
        answers: {},
        roundTripMs: undefined,
      },
      {
        to: "tls://192.168.100.2:53",
        state: "healthy",
        queries: 1,
        failures: 0,
        checkFailures: 0,
        answers: { NXDOMAIN: 1 },
        roundTripMs: 3,
      },
    ]);
    const text = metrics.expose();
    expect(text).toContain('coredns_proxy_healthcheck_failures_total{proxy_name="forward",to="192.168.100.1:53"} 1');
    expect(text).toContain(
      'coredns_proxy_request_duration_seconds_count{proxy_name="forward",to="tls://192.168.100.2:53",rcode="NXDOMAIN"} 1',
    );
    expect(text).toContain("coredns_forward_max_concurrent_rejects_total 0");
  });
});
