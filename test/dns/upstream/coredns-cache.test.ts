import { describe, expect, it } from "vitest";
import { formatRecord, responseCodeName, responseCodes } from "../../../src/codec/index.ts";
import type { Message, recordTypes } from "../../../src/codec/index.ts";
import type { Ask } from "../cluster.ts";
import { corefileWorld, expectDeviation, said } from "./corefile-world.ts";
import type { Outside } from "./corefile-world.ts";
import { record, recordsOf } from "./zone-text.ts";

/** When the signatures of these cases are judged. */
const now = Date.parse("2017-04-21T09:51:21Z");
const dnssec: Ask = { edns: { udpSize: 4096, version: 0, dnssecOk: true, options: [] } };
const unchecked: Ask = { flags: { checkingDisabled: true } };
const authentic: Ask = { flags: { authenticData: true } };

const corefile = (...properties: readonly string[]) =>
  `. {\n forward . 192.0.2.1\n cache {\n ${properties.join("\n ")}\n }\n }`;
const forwarding = corefile("disable denial neg-disabled.example.org", "disable success pos-disabled.example.org");
const soa = "example.org 3600 SOA sns.dns.icann.org noc.dns.icann.org 2016082540 7200 3600 1209600 3600";

interface Insertion {
  readonly what: string;
  readonly question: readonly [name: string, type: keyof typeof recordTypes, ask?: Ask];
  readonly says: Partial<Message>;
  /** Seconds that the answer then has left; 0 when the server outside is asked again. */
  readonly seconds: number;
  /** What CoreDNS does instead, and the row of docs/deviations.md with the reason. */
  readonly upstream?: { readonly seconds: number; readonly row: string };
}

const alias = "alias.example.org 3600 CNAME target.example.net";
const mx = (name: string, ttl = 3601) =>
  recordsOf(`${name} ${ttl} MX 1 aspmx.l.google.com`, `${name} ${ttl} MX 10 aspmx2.googlemail.com`);
const ofAlias = (what: string, seconds: number, ...answers: readonly string[]): Insertion => ({
  what,
  question: ["alias.example.org", "A"],
  says: { answers: recordsOf(...answers) },
  seconds,
});

const insertions: readonly Insertion[] = [
  {
    what: "authentic data",
    question: ["miek.nl", "MX", authentic],
    says: { answers: mx("miek.nl"), authenticData: true },
    seconds: 3600,
  },
  { what: "names in any case", question: ["mIEK.nL", "MX"], says: { answers: mx("miek.nl") }, seconds: 3600 },
  {
    what: "nothing that was cut",
    question: ["miek.nl", "MX"],
    says: { answers: recordsOf("miek.nl 1800 MX 1 aspmx.l.google.com"), truncated: true },
    seconds: 0,
  },
  {
    what: "NXDOMAIN",
    question: ["example.org", "A"],
    says: { rcode: responseCodes.NXDOMAIN, authorities: recordsOf(soa) },
    seconds: 1800,
  },
  {
    what: "no NXDOMAIN without an SOA record",
    question: ["1.1.168.192.in-addr.arpa", "PTR"],
    says: { rcode: responseCodes.NXDOMAIN },
    seconds: 0,
  },
  { what: "SERVFAIL", question: ["example.org", "A"], says: { rcode: responseCodes.SERVFAIL }, seconds: 5 },
  { what: "NOTIMP", question: ["example.org", "A"], says: { rcode: responseCodes.NOTIMP }, seconds: 5 },
  {
    what: "no signature that has ended",
    question: ["miek.nl", "MX", dnssec],
    says: { answers: [...mx("miek.nl", 3600), record("miek.nl 1800 RRSIG MX 2016-05-21T03:13:01Z miek.nl")] },
    seconds: 0,
  },
  {
    what: "signatures that hold",
    question: ["example.org", "MX", dnssec],
    says: { answers: [...mx("example.org", 3600), record("example.org 1800 RRSIG MX 2017-05-21T03:13:01Z miek.nl")] },
    seconds: 1800,
  },
  {
    what: "what must not be checked",
    question: ["dnssec-failed.org", "A", unchecked],
    says: { answers: recordsOf("dnssec-failed.org 3600 A 127.0.0.1") },
    seconds: 3600,
  },
  {
    what: "no denial where that is switched off",
    question: ["neg-disabled.example.org", "A"],
    says: { rcode: responseCodes.NXDOMAIN, authorities: recordsOf(soa) },
    seconds: 0,
  },
  {
    what: "no success where that is switched off",
    question: ["pos-disabled.example.org", "A"],
    says: { answers: recordsOf("pos-disabled.example.org 3600 A 127.0.0.1") },
    seconds: 0,
  },
  {
    what: "a denial where success is switched off",
    question: ["pos-disabled.example.org", "A"],
    says: { rcode: responseCodes.NXDOMAIN, authorities: recordsOf(soa) },
    seconds: 1800,
  },
  {
    what: "success where denial is switched off",
    question: ["neg-disabled.example.org", "A"],
    says: { answers: recordsOf("neg-disabled.example.org 3600 A 127.0.0.1") },
    seconds: 3600,
  },
  ofAlias("no chain without an end", 0, alias, "target.example.net 3600 CNAME target2.example.net"),
  ofAlias("no chain that ends in another type", 0, alias, "target.example.net 3600 AAAA ::1"),
  {
    what: "no chain to no MX record",
    question: ["alias.example.org", "MX"],
    says: { answers: recordsOf(alias) },
    seconds: 0,
  },
  {
    what: "a chain to an MX record",
    question: ["alias.example.org", "MX"],
    says: { answers: recordsOf(alias, "target.example.net 3600 MX 10 mail.example.net") },
    seconds: 3600,
  },
  {
    what: "no signed chain without an end",
    question: ["alias.example.org", "A", dnssec],
    says: { answers: recordsOf(alias, "alias.example.org 3600 RRSIG CNAME 2017-05-21T03:13:01Z example.org") },
    seconds: 0,
  },
  ofAlias("no chain with an address beside it", 0, alias, "unrelated.example.net 3600 A 192.0.2.1"),
  {
    what: "the alias, when everything was asked for",
    question: ["alias.example.org", "ANY"],
    says: { answers: recordsOf(alias) },
    seconds: 3600,
  },
  ofAlias("a chain to an address", 3600, alias, "target.example.net 3600 A 127.0.0.1"),
  ofAlias("a chain to an address in the wrong order", 3600, "target.example.net 3600 A 127.0.0.1", alias),
  {
    what: "the alias, when that was asked for",
    question: ["alias.example.org", "CNAME"],
    says: { answers: recordsOf(alias) },
    seconds: 3600,
  },
  ofAlias(
    "no two aliases of one name",
    0,
    alias,
    "alias.example.org 3600 CNAME target2.example.net",
    "target.example.net 3600 A 192.0.2.1",
  ),
  ofAlias(
    "no two aliases of one name the other way round",
    0,
    "alias.example.org 3600 CNAME target2.example.net",
    alias,
    "target.example.net 3600 A 192.0.2.1",
  ),
  ofAlias(
    "no chain that leads back",
    0,
    alias,
    "target.example.net 3600 CNAME alias.example.org",
    "alias.example.org 3600 A 192.0.2.1",
  ),
  ofAlias("an alias that was said twice", 3600, alias, alias, "target.example.net 3600 A 127.0.0.1"),
  // TestAnswersQuestionStrictEligibility
  {
    what: "nothing of another name, when everything was asked for",
    question: ["cached.org", "ANY"],
    says: { answers: recordsOf("unrelated.org 60 A 192.0.2.10") },
    seconds: 0,
  },
  {
    what: "two equal aliases, when the alias was asked for",
    question: ["cached.org", "CNAME"],
    says: { answers: recordsOf("cached.org 60 CNAME target.org", "cached.org 60 CNAME target.org") },
    seconds: 60,
  },
  {
    what: "no two aliases, when the alias was asked for",
    question: ["cached.org", "CNAME"],
    says: { answers: recordsOf("cached.org 60 CNAME first.org", "cached.org 60 CNAME second.org") },
    seconds: 0,
  },
  {
    what: "nothing of another class",
    question: ["cached.org", "A"],
    says: { answers: [{ ...record("cached.org 60 A 192.0.2.20"), class: 3 }] },
    seconds: 0,
  },
  // TestCNAMEWithSOAStoredAsNODATA
  {
    what: "an alias without a target as a denial",
    question: ["alias.example.org", "A"],
    says: {
      answers: recordsOf("alias.example.org 300 CNAME missing.example.net"),
      authorities: recordsOf("example.org 300 SOA ns.example.org hostmaster.example.org 1 7200 3600 1209600 300"),
    },
    seconds: 300,
  },
  // plugin/cache/error_test.go
  { what: "no FORMERR", question: ["example.org", "A"], says: { rcode: responseCodes.FORMERR }, seconds: 0 },
  {
    what: "a denial no longer than its zone says",
    question: ["short.example.org", "A"],
    says: {
      rcode: responseCodes.NXDOMAIN,
      authorities: recordsOf("example.org 3600 SOA ns.example.org hostmaster.example.org 1 7200 3600 1209600 60"),
    },
    seconds: 60,
    upstream: { seconds: 1800, row: "How long a denial is remembered" },
  },
];

describe("coredns: plugin/cache/cache_test.go, TestCacheInsertion", () => {
  it.each(insertions.map((one) => [one.what, one] as const))("remembers %s", async (_, one) => {
    const [name, type, ask = {}] = one.question;
    const world = corefileWorld(forwarding, { now, outside: () => ({ authoritative: true, ...one.says }) });
    const first = await world.ask(name, type, ask);
    const asked = world.asked();
    const again = await world.ask(name.toLowerCase(), type, ask);
    expect(world.asked() > asked).toBe(one.seconds === 0);
    expect(again.rcode).toBe(one.says.rcode ?? 0);
    expect(again.authenticData).toBe(one.says.authenticData ?? false);
    expect(again.checkingDisabled).toBe(ask.flags?.checkingDisabled ?? false);
    if (one.seconds > 0) {
      for (const { ttl } of [...first.answers, ...again.answers, ...again.authorities]) expect(ttl).toBe(one.seconds);
      const plain = ({ answers, authorities }: Partial<Message>) =>
        [...(answers ?? []), ...(authorities ?? [])].map((each) => formatRecord({ ...each, ttl: 0 })).toSorted();
      expect(plain(again)).toEqual(plain(one.says));
      // Not a second longer.
      world.clock.advance(1000 * one.seconds);
      await world.ask(name, type, ask);
      expect(world.asked()).toBeGreaterThan(asked);
    }
    if (one.upstream !== undefined) {
      expect(one.upstream.seconds).not.toBe(one.seconds);
      expectDeviation(one.upstream.row);
    }
  });

  it("were 28 cases of CoreDNS, and 7 of its other tests of what is remembered", () => {
    expect(insertions.length).toBe(28 + 7);
  });

  it("keeps AA as the server said it, where CoreDNS always sets it", async () => {
    const { ask } = corefileWorld(forwarding, {
      outside: () => ({ answers: recordsOf("a.example.org 60 A 192.0.2.1") }),
    });
    for (let i = 0; i < 2; i++) expect((await ask("a.example.org", "A")).authoritative).toBe(false);
    expectDeviation("Remembered answers");
  });
});

const separations: readonly (readonly [what: string, type: keyof typeof recordTypes, ask: Ask, known: boolean])[] = [
  ["type", "AAAA", {}, false],
  ["DO", "A", dnssec, false],
  ["CD", "A", unchecked, false],
  ["CD and DO", "A", { ...dnssec, ...unchecked }, false],
  ["CD, DO and type", "MX", { ...dnssec, ...unchecked }, false],
  ["AD", "A", authentic, true],
];
describe("coredns: plugin/cache/cache_test.go, TestCacheSeparation", () => {
  it.each(separations)("by %s", async (_, type, other, known) => {
    const world = corefileWorld(forwarding, { outside: () => ({ answers: recordsOf("example.org 60 A 192.0.2.1") }) });
    await world.ask("example.org", "A");
    const asked = world.asked();
    await world.ask("example.org", type, other);
    expect(world.asked() === asked).toBe(known);
  });
});

const address =
  (ttl: number): Outside =>
  ({ questions: [question] }) =>
    question === undefined ? {} : { answers: [{ ...record(`x ${ttl} A 127.0.0.53`), name: question.name }] };
const denial =
  (ttl: number): Outside =>
  () => ({
    rcode: responseCodes.NXDOMAIN,
    authorities: recordsOf(`example.org ${ttl} SOA ns.example.org h.example.org 1 7200 3600 1209600 3600`),
  });
const failure: Outside = () => ({ rcode: responseCodes.SERVFAIL });
const ttlOf = ({ answers, authorities }: Message) => [...answers, ...authorities][0]?.ttl;

/** Seconds in a record, what the Corefile says of TTLs, and what the client sees: computeTTL and what is built on it. */
const lifetimes: readonly (readonly [seconds: number, property: string, seen: number, remembered: boolean])[] = [
  [1800, "success 9984 3600 300", 1800, true],
  [299, "success 9984 3600 300", 300, true],
  [299, "success 9984 3600 0", 299, true],
  [3601, "success 9984 3600 300", 3600, true],
  [86_400, "success 9984 7200 0", 7200, true],
  [0, "success 9984 3600 0", 0, false],
];
describe("coredns: plugin/cache/cache_test.go, TTLs", () => {
  it.each(lifetimes)("%i seconds with %s", async (seconds, property, seen, remembered) => {
    const { ask, asked } = corefileWorld(corefile(property), { outside: address(seconds) });
    expect(ttlOf(await ask("example.org", "A"))).toBe(seen);
    expect(ttlOf(await ask("example.org", "A"))).toBe(seen);
    expect(asked()).toBe(remembered ? 1 : 2);
  });

  it("remembers no failure with servfail 0", async () => {
    const { ask, asked } = corefileWorld(corefile("servfail 0"), { outside: failure });
    for (let i = 0; i < 2; i++) expect((await ask("example.org", "A")).rcode).toBe(responseCodes.SERVFAIL);
    expect(asked()).toBe(2);
  });

  it.each([
    ["cached.org", 0],
    ["cached.org", 30],
    ["uncached.org", 60],
  ])("keepttl shows %s whole after %i s", async (name, seconds) => {
    const { ask, clock } = corefileWorld(corefile("keepttl"), { outside: address(60) });
    await ask("cached.org", "A");
    clock.advance(1000 * seconds);
    expect(ttlOf(await ask(name, "A"))).toBe(60);
  });
});

interface Stale {
  readonly what: string;
  readonly property: string;
  readonly before: Outside;
  readonly seconds: number;
  readonly rcode: number;
  readonly ttl: number;
  readonly upstream?: number;
}
const stale: readonly Stale[] = [
  {
    what: "by default",
    property: "serve_stale 1h immediate",
    before: address(60),
    seconds: 120,
    rcode: 0,
    ttl: 30,
    upstream: 0,
  },
  {
    what: "at once, with a TTL",
    property: "serve_stale 1h immediate 30s",
    before: address(60),
    seconds: 120,
    rcode: 0,
    ttl: 30,
  },
  {
    what: "when it has just ended",
    property: "serve_stale 1h immediate 30s",
    before: address(60),
    seconds: 60,
    rcode: 0,
    ttl: 30,
  },
  {
    what: "a denial",
    property: "serve_stale 1h immediate 25s",
    before: denial(60),
    seconds: 120,
    rcode: 3,
    ttl: 25,
  },
  {
    what: "after a failure",
    property: "serve_stale 1h verify 0 45s",
    before: address(60),
    seconds: 120,
    rcode: 0,
    ttl: 45,
  },
  {
    what: "with keepttl",
    property: "serve_stale 1h immediate 17s\n keepttl",
    before: address(60),
    seconds: 120,
    rcode: 0,
    ttl: 17,
  },
  {
    what: "not while it is fresh",
    property: "serve_stale 1h immediate 30s",
    before: address(60),
    seconds: 10,
    rcode: 0,
    ttl: 50,
  },
];
describe("coredns: plugin/cache/cache_test.go, stale answers", () => {
  it.each(stale.map((one) => [one.what, one] as const))("%s", async (_, { property, before, seconds, ...one }) => {
    const { ask, say, clock } = corefileWorld(corefile(property), { outside: before });
    await ask("cached.org", "A");
    clock.advance(1000 * seconds);
    say(failure);
    const message = await ask("cached.org", "A");
    expect({ rcode: message.rcode, ttl: ttlOf(message) }).toEqual({ rcode: one.rcode, ttl: one.ttl });
    if (one.upstream !== undefined) {
      expect(one.upstream).not.toBe(one.ttl);
      expectDeviation("Stale answers (`serve_stale`)");
    }
  });

  it.each([
    ["cached.org", 30, true],
    ["cached.org", 60, true],
    ["cached.org", 70, false],
    ["notcached.org", 30, false],
    ["notcached.org", 60, false],
    ["notcached.org", 70, false],
  ])("are served for an hour: %s after %i minutes", async (name, minutes, served) => {
    const { ask, say, clock } = corefileWorld(corefile("serve_stale 1h"), { outside: address(60) });
    await ask("cached.org", "A");
    say(failure);
    clock.advance(60_000 * minutes);
    expect(responseCodeName((await ask(name, "A")).rcode)).toBe(served ? "NOERROR" : "SERVFAIL");
  });

  it("give way to what the server says, when that is asked first", async () => {
    const { ask, say, clock } = corefileWorld(corefile("serve_stale 1h verify 0 0s"), { outside: address(120) });
    await ask("cached.org", "A");
    const steps: readonly (readonly [minutes: number, says: Outside, rcode: number, ttl: number])[] = [
      [1, address(200), 0, 60],
      [2, address(200), 0, 200],
      [4, failure, 0, 0],
      [1, denial(150), 3, 150],
    ];
    for (const [minutes, says, rcode, ttl] of steps) {
      clock.advance(60_000 * minutes);
      say(says);
      const message = await ask("cached.org", "A");
      expect({ minutes, rcode: message.rcode, ttl: ttlOf(message) }).toEqual({ minutes, rcode, ttl });
    }
  });

  it("do not hide that a denied name exists meanwhile", async () => {
    const { ask, say, clock } = corefileWorld(corefile("serve_stale 10m"), { outside: denial(60) });
    for (let i = 0; i < 2; i++) expect((await ask("cached.org", "A")).rcode).toBe(responseCodes.NXDOMAIN);
    clock.advance(300_000);
    say(address(303));
    // The client gets the old answer while the new one is fetched.
    expect((await ask("cached.org", "A")).rcode).toBe(responseCodes.NXDOMAIN);
    say(failure);
    await expect.poll(async () => (await ask("cached.org", "A")).rcode).toBe(responseCodes.NOERROR);
  });

  const prefers = corefile("serve_stale 1h verify", "serve_stale_policy prefer_positive");
  const worse: readonly (readonly [what: string, says: Outside])[] = [
    ["NXDOMAIN", denial(300)],
    ["no data", () => ({ authorities: recordsOf(soa) })],
    ["SERVFAIL", failure],
    ["NOTIMP", () => ({ rcode: responseCodes.NOTIMP })],
    ["nothing at all", () => ({})],
    ["a referral", () => ({ authorities: recordsOf("example.org 60 NS ns.example.org") })],
    [
      "a referral with an address",
      () => ({
        authorities: recordsOf("example.org 60 NS ns.example.org"),
        additionals: recordsOf("ns.example.org 60 A 192.0.2.53"),
      }),
    ],
    ["an additional record", () => ({ additionals: recordsOf("cached.org 60 A 192.0.2.54") })],
    ["an answer that was cut", () => ({ truncated: true, answers: recordsOf("cached.org 60 A 192.0.2.20") })],
    [
      "a signature that has ended",
      () => ({
        answers: recordsOf("cached.org 60 A 192.0.2.20", "cached.org 60 RRSIG A 2016-05-21T03:13:01Z cached.org"),
      }),
    ],
  ];
  it.each(worse)("are kept, where that is preferred, for %s", async (_, says) => {
    const { ask, say, clock } = corefileWorld(prefers, { outside: address(60), now });
    await ask("cached.org", "A", dnssec);
    clock.advance(120_000);
    say(says);
    for (let i = 0; i < 2; i++) {
      expect(said(await ask("cached.org", "A", dnssec))).toEqual(["NOERROR", "cached.org. 30 IN A 127.0.0.53"]);
    }
  });

  it("end some time, where they are preferred", async () => {
    const { ask, say, clock } = corefileWorld(prefers, { outside: address(60) });
    await ask("cached.org", "A");
    clock.advance(7_200_000);
    say(denial(300));
    expect((await ask("cached.org", "A")).rcode).toBe(responseCodes.NXDOMAIN);
  });

  it("pass on what nobody may remember", async () => {
    const { ask, say, clock } = corefileWorld(corefile("serve_stale 1h verify 1s"), { outside: address(60) });
    await ask("cached.org", "A");
    clock.advance(120_000);
    say(() => ({ rcode: responseCodes.NXDOMAIN }));
    expect(said(await ask("cached.org", "A"))).toEqual(["NXDOMAIN"]);
  });
});

describe("coredns: plugin/cache/serve_stale_recheck_test.go", () => {
  const modes = [
    ["immediate", "serve_stale 1h immediate 30s 30s"],
    ["verify", "serve_stale 1h verify 0 30s 30s"],
  ] as const;
  const invalid: readonly (readonly [string, Outside])[] = [
    ["a failure", failure],
    ["an answer that was cut", () => ({ truncated: true, answers: recordsOf("cached.org 60 A 192.0.2.20") })],
    [
      "a signature that has ended",
      () => ({
        answers: recordsOf("cached.org 60 A 192.0.2.20", "cached.org 60 RRSIG A 2016-05-21T03:13:01Z cached.org"),
      }),
    ],
  ];
  const cases = modes.flatMap(([mode, property]) =>
    invalid.flatMap(([what, says]) =>
      [["a success", address(5), 0] as const, ["a denial", denial(5), 3] as const].map(
        ([kept, before, rcode]) => [mode, kept, what, property, before, says, rcode] as const,
      ),
    ),
  );
  it.each(cases)("%s keeps %s after %s, and asks again after 30 s", async (...one) => {
    const [, , , property, before, says, rcode] = one;
    const { ask, say, clock, asked } = corefileWorld(corefile(property), { outside: before, now });
    await ask("cached.org", "A", dnssec);
    clock.advance(6000);
    say(says);
    expect((await ask("cached.org", "A", dnssec)).rcode).toBe(rcode);
    await expect.poll(asked).toBeGreaterThan(1);
    // What came is heard before the next query.
    await new Promise(setImmediate);
    const tries = asked();
    for (let i = 0; i < 3; i++) {
      const message = await ask("cached.org", "A", dnssec);
      expect({ rcode: message.rcode, ttl: ttlOf(message) }).toEqual({ rcode, ttl: 30 });
    }
    expect(asked()).toBe(tries);
    clock.advance(31_000);
    await ask("cached.org", "A", dnssec);
    await expect.poll(asked).toBeGreaterThan(tries);
  });

  it("shares one question among clients that come meanwhile, and all get what it brings", async () => {
    const { ask, say, clock, asked } = corefileWorld(corefile("serve_stale 1h verify 0 30s"), { outside: address(5) });
    await ask("cached.org", "A");
    clock.advance(6000);
    say(() => ({ answers: recordsOf("cached.org 60 A 192.0.2.99") }));
    const both = await Promise.all([ask("cached.org", "A"), ask("cached.org", "A")]);
    expect(both.map(said)).toEqual([
      ["NOERROR", "cached.org. 60 IN A 192.0.2.99"],
      ["NOERROR", "cached.org. 60 IN A 192.0.2.99"],
    ]);
    expect(asked()).toBe(2);
  });

  it("lets clients wait no longer than told", async () => {
    const { ask, say, clock, asked } = corefileWorld(corefile("serve_stale 1h verify 50ms 30s"), {
      outside: address(5),
    });
    await ask("cached.org", "A");
    clock.advance(6000);
    say(() => undefined);
    const both = Promise.all([ask("cached.org", "A"), ask("cached.org", "A")]);
    clock.advance(50);
    expect((await both).map(said)).toEqual([
      ["NOERROR", "cached.org. 30 IN A 127.0.0.53"],
      ["NOERROR", "cached.org. 30 IN A 127.0.0.53"],
    ]);
    expect(asked()).toBe(2);
  });

  it("asks each time with a recheck of 0", async () => {
    const property = "serve_stale 1h verify 0 30s 0s";
    const { ask, say, clock, asked } = corefileWorld(corefile(property, "servfail 0"), { outside: address(5) });
    await ask("cached.org", "A");
    clock.advance(6000);
    say(failure);
    for (let i = 0; i < 2; i++) expect((await ask("cached.org", "A")).rcode).toBe(0);
    expect(asked()).toBe(3);
  });
});

interface Look {
  readonly after: number;
  readonly seen: string;
  readonly ask?: Ask;
  /** The server outside is asked. */
  readonly fetch?: true;
}
const look = (after: number, seen: string, fetch?: true, ask?: Ask): Look => ({
  after,
  seen,
  ...(fetch === undefined ? {} : { fetch }),
  ...(ask === undefined ? {} : { ask }),
});
const popular = (ask?: Ask) => [
  look(0, "80 127.0.0.1", true, ask),
  look(73, "7 127.0.0.1", true, ask),
  look(80, "73 127.0.0.2", undefined, ask),
];
const prefetches: readonly (readonly [what: string, ttl: number, amount: number, looks: readonly Look[]])[] = [
  ["a popular name", 80, 1, popular()],
  [
    "a short TTL",
    5,
    1,
    [look(0, "5 127.0.0.1", true), look(1, "4 127.0.0.1"), look(4, "1 127.0.0.1", true), look(5, "4 127.0.0.2")],
  ],
  [
    "none",
    30,
    0,
    [look(0, "30 127.0.0.1", true), look(15, "15 127.0.0.1"), look(29, "1 127.0.0.1"), look(30, "30 127.0.0.2", true)],
  ],
  ["DO", 80, 1, [...popular(dnssec), look(80, "80 127.0.0.3", true)]],
  ["CD", 80, 1, [...popular(unchecked), look(80, "80 127.0.0.3", true)]],
];
describe("coredns: plugin/cache/prefetch_test.go", () => {
  it.each(prefetches)("%s", async (_, ttl, amount, looks) => {
    const world = corefileWorld(corefile(`prefetch ${amount}`));
    world.say(() => ({ answers: recordsOf(`p.example.org ${ttl} A 127.0.0.${world.asked()}`) }));
    let at = 0;
    for (const { after, seen, ask, fetch } of looks) {
      world.clock.advance(1000 * (after - at));
      at = after;
      const asked = world.asked();
      expect(said(await world.ask("p.example.org", "A", ask))).toEqual([
        "NOERROR",
        `p.example.org. ${seen.replace(" ", " IN A ")}`,
      ]);
      await new Promise(setImmediate);
      expect({ after, fetched: world.asked() > asked }).toEqual({ after, fetched: fetch === true });
    }
  });
});

describe("coredns: plugin/cache/ad_bit_test.go", () => {
  it.each([
    ["first without, then with AD", [{}, authentic]],
    ["first with, then without AD", [authentic, {}]],
  ] as const)("%s", async (_, asks) => {
    const { ask, asked } = corefileWorld(forwarding, {
      outside: () => ({ authenticData: true, answers: recordsOf("invent.example.org 60 A 192.0.2.1") }),
    });
    for (const one of asks) {
      expect((await ask("invent.example.org", "A", one)).authenticData).toBe(one === authentic);
    }
    expect(asked()).toBe(1);
  });
});

describe("coredns: plugin/cache/dnssec_test.go, TestResponseWithDNSSEC", () => {
  const invent = ["invent.example.org 1781 CNAME leptone.example.org", "leptone.example.org 1781 A 195.201.182.103"];
  const signed = [
    invent[0] ?? "",
    "invent.example.org 1781 RRSIG CNAME 2020-10-12T08:57:50Z example.org",
    invent[1] ?? "",
    "leptone.example.org 1781 RRSIG A 2020-10-12T09:36:30Z example.org",
  ];
  const outside: Outside = ({ edns }) => ({
    authenticData: true,
    answers: recordsOf(...(edns?.dnssecOk === true ? signed : invent)),
  });
  it.each([
    ["without signatures first", [{}, dnssec]],
    ["with signatures first", [dnssec, {}]],
  ] as const)("%s", async (_, asks) => {
    const { ask } = corefileWorld(forwarding, { outside, now });
    for (const one of [...asks, ...asks]) {
      const message = await ask("invent.example.org", "A", one);
      const expected = recordsOf(...(one === dnssec ? signed : invent)).map((each) => formatRecord(each));
      expect(message.answers.map((each) => formatRecord(each)).toSorted()).toEqual(expected.toSorted());
      expect(message.authenticData).toBe(one === dnssec);
    }
  });
});

describe("coredns: plugin/cache/spoof_test.go", () => {
  const spoofed: readonly (readonly [what: string, type: "A" | "MX", says: Outside])[] = [
    ["another name", "A", () => ({ questions: [{ name: record("example.net 1 A 1.1.1.1").name, type: 1, class: 1 }] })],
    ["another type", "MX", ({ questions }) => ({ questions: questions.map((one) => ({ ...one, type: 1 })) })],
    ["no response", "A", () => ({ response: false })],
  ];
  it.each(spoofed)("believes no answer to %s", async (_, type, says) => {
    const { ask, say, clock } = corefileWorld(corefile("servfail 0"), {
      outside: (query, upstream) => ({ answers: recordsOf("example.org 60 A 127.0.0.53"), ...says(query, upstream) }),
    });
    const answer = ask("example.org", type);
    for (let i = 0; i < 20; i++) {
      await new Promise(setImmediate);
      clock.advance(500);
    }
    expect(said(await answer)).toEqual(["SERVFAIL"]);
    say(() => ({ answers: recordsOf("example.org 60 A 192.0.2.7") }));
    expect(said(await ask("example.org", "A"))).toEqual(["NOERROR", "example.org. 60 IN A 192.0.2.7"]);
  });
});

describe("coredns: test/cache_test.go, TestLookupCache", () => {
  it.each([
    ["example.org", 2, 10],
    ["short.example.org", 1, 5],
  ])("%s", async (name, count, ttl) => {
    const { ask } = corefileWorld(". {\n forward . 192.0.2.1\n cache 10\n }", {
      outside: ({ questions: [question] }) => {
        if (question === undefined) return {};
        const isShort = question.name.length > "example.org".length + 2;
        const texts = isShort
          ? ["short.example.org 1 A 127.0.0.3"]
          : ["example.org 3600 A 127.0.0.1", "example.org 3600 A 127.0.0.2"];
        return { answers: recordsOf(...texts) };
      },
    });
    const { answers } = await ask(name, "A");
    expect(answers.map((one) => one.ttl)).toEqual(Array(count).fill(ttl));
  });
});
