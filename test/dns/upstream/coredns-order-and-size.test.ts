import { describe, expect, it } from "vitest";
import { decodeMessage, dnsName, formatName, recordTypeName, recordTypes } from "../../../src/codec/index.ts";
import type { Message, ResourceRecord } from "../../../src/codec/index.ts";
import { MemoryCache } from "../../../src/dns/index.ts";
import { namespace, service, slice } from "../cluster.ts";
import type { Ask } from "../cluster.ts";
import { corefileWorld, expectDeviation, isAsked, said, texts, zoneOutside } from "./corefile-world.ts";
import type { Outside } from "./corefile-world.ts";
import { record, recordsOf } from "./zone-text.ts";

const forwarding = ". {\n forward . 192.0.2.1\n loadbalance\n }";
const types = (list: readonly ResourceRecord[]) => list.map(({ type }) => recordTypeName(type));

describe("coredns: plugin/loadbalance/loadbalance_test.go, TestLoadBalanceRandom", () => {
  const mx = (n: number) => `mx.region2.skydns.test 300 MX 1 mx${n}.region2.skydns.test`;
  const a = (n: number) => `endpoint.region2.skydns.test 300 A 10.240.0.${n}`;
  const cname = (from: string, to: string) => `${from}.region2.skydns.test 300 CNAME ${to}.region2.skydns.test`;
  const chain = [
    cname("cname1", "cname2"),
    cname("cname2", "cname3"),
    cname("cname5", "cname6"),
    cname("cname6", "endpoint"),
  ];
  const mixed = [mx(1), a(1), a(2), mx(2), cname("cname2", "cname3"), a(3), mx(3)];
  const row = "`loadbalance`";
  const cases: readonly (readonly [
    what: string,
    answer: readonly string[],
    expected: readonly string[],
    coredns?: readonly string[],
  ])[] = [
    [
      "a chain, an address and mail servers",
      [...chain, a(1), mx(1), mx(2), mx(3)],
      [...Array<string>(4).fill("CNAME"), "A", "MX", "MX", "MX"],
    ],
    ["an alias last", [a(1), mx(1), cname("cname", "endpoint")], ["CNAME", "A", "MX"]],
    ["all of it mixed", mixed, ["CNAME", "MX", "A", "A", "MX", "A", "MX"], ["CNAME", "A", "A", "A", "MX", "MX", "MX"]],
  ];
  it.each(cases.map((one) => [one[0], one] as const))("%s", async (_, [, answer, expected, coredns]) => {
    const { ask } = corefileWorld(forwarding, { outside: () => ({ answers: recordsOf(...answer) }) });
    const { answers } = await ask("region2.skydns.test", "SRV");
    expect(types(answers)).toEqual(expected);
    expect(texts(answers).toSorted()).toEqual(texts(recordsOf(...answer)).toSorted());
    // An alias comes before the one that it leads to.
    expect(answers.filter(({ type }) => type === recordTypes.CNAME)).toEqual(
      recordsOf(...answer).filter(({ type }) => type === recordTypes.CNAME),
    );
    if (coredns !== undefined) {
      expect(coredns).not.toEqual(expected);
      expectDeviation(row);
    }
  });

  it.each(["A", "AAAA"] as const)(
    "turns %s records, from the server, from memory, and those of the cluster",
    async (type) => {
      const width = type === "A" ? "192.0.2." : "2001:db8::";
      const known = [1, 2, 3].map((n) => `${width}${n}`);
      const { ask } = corefileWorld(
        ". {\n kubernetes cluster.local\n forward . 192.0.2.1\n cache 30\n loadbalance\n }",
        {
          outside: ({ questions }) => ({
            answers: recordsOf(
              `${formatName(questions[0]?.name ?? dnsName(".")).slice(0, -1)} 300 CNAME x.example.org`,
              ...known.map((address) => `x.example.org 300 ${type} ${address}`),
            ),
          }),
          cluster: {
            services: new MemoryCache([service("n", "hdls", { clusterIP: "None" })]),
            endpointSlices: new MemoryCache([
              slice(
                "n",
                "hdls",
                "a",
                known.map((address) => [address] as const),
              ),
            ]),
          },
        },
      );
      const firsts = async (name: (i: number) => string) => {
        const seen = new Map<string, number>();
        for (let i = 0; i < 300; i++) {
          const { answers } = await ask(name(i), type);
          const others = answers.slice(-3);
          for (const alias of answers.slice(0, -3)) expect(alias.type).toBe(recordTypes.CNAME);
          expect(types(others)).toEqual([type, type, type]);
          const first = texts(others)[0]?.split(" ")[4] ?? "";
          seen.set(first, (seen.get(first) ?? 0) + 1);
        }
        return seen;
      };
      for (const name of [
        (i: number) => `n${i}.example.org`,
        () => "same.example.org",
        () => "hdls.n.svc.cluster.local",
      ]) {
        const seen = await firsts(name);
        expect([...seen.keys()].toSorted()).toEqual(known.toSorted());
        // A third each: 60 of 300 are 5 standard deviations away.
        for (const count of seen.values()) expect(count).toBeGreaterThan(60);
      }
    },
  );

  it("TestLoadBalanceXFR: a zone begins and ends with its SOA record, so that is refused as a question", async () => {
    const { ask } = corefileWorld(forwarding);
    for (const type of ["AXFR", "IXFR"] as const) expect((await ask("skydns.test", type)).rcode).toBe(5);
  });
});

/** Records for one answer, and how large the answer may be: whole records, in order, and TC when one is missing. */
interface Scrub {
  readonly what: string;
  readonly answers: readonly ResourceRecord[];
  readonly authorities?: readonly ResourceRecord[];
  readonly additionals?: readonly ResourceRecord[];
  readonly ask: Ask;
  readonly size: number;
  readonly truncated: boolean;
}
const edns = (udpSize: number, dnssecOk: boolean): Ask => ({ edns: { udpSize, version: 0, dnssecOk, options: [] } });
const srv = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    record(`large.example.com 10 SRV 0 0 80 10-0-0-${i + 1}.default.pod.k8s.example.com`),
  );
const scrubs: readonly Scrub[] = [
  { what: "TestRequestScrubAnswer", answers: srv(199), ask: {}, size: 512, truncated: true },
  { what: "TestRequestScrubExtra", answers: [], additionals: srv(199), ask: {}, size: 512, truncated: true },
  {
    what: "TestRequestScrubExtraEdns0",
    answers: [],
    additionals: srv(199),
    ask: edns(4096, true),
    size: 4096,
    truncated: true,
  },
  {
    what: "TestRequestScrubExtraRegression",
    answers: srv(32),
    additionals: Array.from({ length: 32 }, (_, i) =>
      record(`10-0-0-${i + 1}.default.pod.k8s.example.com 10 A 10.0.0.${i + 1}`),
    ),
    ask: edns(2048, true),
    size: 2048,
    truncated: true,
  },
  {
    what: "TestRequestScrubAnswerExact",
    answers: Array.from({ length: 199 }, (_, i) => record(`large.example.com 10 A 127.0.0.${i + 1}`)),
    ask: edns(867, false),
    size: 867,
    truncated: true,
  },
];
/** The parts of an answer from a server outside, which may be as long as TCP takes. */
const saying =
  ({ answers, authorities = [], additionals = [] }: Scrub): Outside =>
  () => ({
    answers,
    authorities,
    additionals,
  });
/** That the records are the first of those that the server outside gave, section by section. */
function expectFirstRecords(message: Message, scrub: Scrub): void {
  const sections = [
    [message.answers, scrub.answers],
    [message.authorities, scrub.authorities ?? []],
    [message.additionals, scrub.additionals ?? []],
  ] as const;
  let isCut = false;
  for (const [got, all] of sections) {
    if (isCut) expect(got).toEqual([]);
    // Addresses are turned, everything else is in its order.
    if (types(all).every((type) => type !== "A")) expect(got).toEqual(all.slice(0, got.length));
    isCut ||= got.length < all.length;
  }
  expect(message.truncated).toBe(isCut);
}

describe("coredns: request/request_test.go", () => {
  it.each(scrubs.map((one) => [one.what, one] as const))("%s", async (_, one) => {
    const { bytes } = corefileWorld(forwarding, { outside: saying(one) });
    const answer = await bytes("large.example.com", "SRV", one.ask);
    const message = decodeMessage(answer);
    if (message.kind === "malformed") throw new Error(message.reason);
    expect(answer.length).toBeLessThanOrEqual(one.size);
    expect(message.truncated).toBe(one.truncated);
    expectFirstRecords(message, one);
    // Not one more would have fitted: the longest of these records has 68 bytes when its names are written out.
    expect(answer.length).toBeGreaterThan(one.size - 68);
    const whole = await bytes("large.example.com", "SRV", { ...one.ask, transport: "tcp" });
    const complete = decodeMessage(whole);
    expect(complete).toMatchObject({ truncated: false });
  });

  it("TestRequestScrubAnswerExact: as many as fit, where the last one fills the answer", async () => {
    const exact = scrubs.find(({ what }) => what === "TestRequestScrubAnswerExact");
    if (exact === undefined) throw new Error("The case is gone");
    const { ask } = corefileWorld(forwarding, { outside: saying(exact) });
    // 12 bytes of header, 23 of the question, 11 of OPT; 16 for each address.
    const count = Math.floor((867 - 12 - 23 - 11) / 16);
    expect((await ask("large.example.com", "A", exact.ask)).answers.length).toBe(count);
    expect((await ask("large.example.com", "A", edns(46 + 16 * count, false))).answers.length).toBe(count);
    expect((await ask("large.example.com", "A", edns(45 + 16 * count, false))).answers.length).toBe(count - 1);
  });

  it("TestTruncation: every size from 1024 to 4096", async () => {
    const name = "http.service.tcp.srv.k8s.example.org";
    const all: Scrub = {
      what: "",
      answers: Array.from({ length: 61 }, (_, i) =>
        record(`${name} 5 SRV 0 0 80 10-144-230-${i}.default.pod.k8s.example.org`),
      ),
      authorities: Array.from({ length: 5 }, (_, i) =>
        record(`srv.subdomain.example.org 5 NS ip-10-10-33-6${i}.subdomain.example.org`),
      ),
      additionals: Array.from({ length: 5 }, (_, i) =>
        record(`ip-10-10-52-5${i}.subdomain.example.org 5 A 10.10.52.5${i}`),
      ),
      ask: {},
      size: 0,
      truncated: false,
    };
    const { bytes } = corefileWorld(". {\n forward . 192.0.2.1\n cache\n }", { outside: saying(all) });
    let sizes = 0;
    for (let size = 1024; size <= 4096; size += 12) {
      const answer = await bytes(name, "SRV", edns(size, true));
      expect(answer.length).toBeLessThanOrEqual(size);
      const message = decodeMessage(answer);
      if (message.kind === "malformed") throw new Error(message.reason);
      expectFirstRecords(message, all);
      sizes++;
    }
    expect(sizes).toBe(257);
  });

  it.each([
    ["without EDNS", {}, undefined],
    ["with EDNS", edns(4096, true), { udpSize: 4096, version: 0, dnssecOk: true, options: [] }],
    ["with a size below the least", edns(100, false), { udpSize: 100, version: 0, dnssecOk: false, options: [] }],
  ] as const)("TestRequestSizeAndDo: %s", async (_, ask, expected) => {
    const world = corefileWorld(forwarding, { outside: () => ({ answers: srv(3) }) });
    expect((await world.ask("large.example.com", "SRV", ask)).edns).toEqual(expected);
  });

  it.each([
    ["another type", (question: Message["questions"][number]) => ({ ...question, type: recordTypes.MX })],
    ["another class", (question: Message["questions"][number]) => ({ ...question, class: 3 })],
    ["another name", (question: Message["questions"][number]) => ({ ...question, name: dnsName("example.org") })],
  ])("TestRequestMatch: an answer to %s is none", async (_, change) => {
    const { ask, say, clock } = corefileWorld(forwarding, {
      outside: ({ questions }) => ({
        questions: questions.map(change),
        answers: recordsOf("example.com 5 A 192.0.2.1"),
      }),
    });
    const answer = ask("example.com", "A");
    for (let i = 0; i < 20; i++) {
      await new Promise(setImmediate);
      clock.advance(500);
    }
    expect(said(await answer)).toEqual(["SERVFAIL"]);
    say(() => ({ answers: recordsOf("example.com 5 A 192.0.2.1") }));
    expect(said(await ask("example.com", "A"))).toEqual(["NOERROR", "example.com. 5 IN A 192.0.2.1"]);
  });
});

describe("coredns: test/compression_scrub_test.go", () => {
  it("points to the question from each of 30 records, in 512 bytes", async () => {
    const { bytes } = corefileWorld(forwarding, {
      outside: () => ({
        answers: Array.from({ length: 30 }, (_, i) => record(`example.org 5 A 192.0.2.${i + 1}`)),
      }),
    });
    const answer = await bytes("example.org", "A");
    expect(answer.length).toBeLessThanOrEqual(512);
    let pointers = 0;
    for (let at = 29; at < answer.length; at += 16) if (answer[at] === 0xc0 && answer[at + 1] === 12) pointers++;
    expect(pointers).toBe(30);
  });
});

/** plugin/backend_lookup_test.go: what of it can be asked for from outside. The rest is about etcd's records. */
describe("coredns: plugin/backend_lookup_test.go", () => {
  const alias = (name: string, externalName: string) => service("n", name, { type: "ExternalName", externalName });
  const inCluster = (name: string) => `${name}.n.svc.cluster.local`;
  const corefile = ". {\n kubernetes cluster.local\n forward . 192.0.2.1\n }";
  const cluster = {
    services: new MemoryCache([
      service("n", "doubled", { clusterIP: "None" }),
      service("n", "six", { clusterIP: "None" }),
      ...Array.from({ length: 14 }, (_, i) => alias(`c${i}`, inCluster(`c${i + 1}`))),
      alias("loop", inCluster("loop")),
      alias("a0", inCluster("a1")),
      alias("a1", inCluster("six")),
      alias("outside", "alias.external"),
    ]),
    endpointSlices: new MemoryCache([
      slice("n", "doubled", "one", [["1.2.3.4"], ["1.2.3.4"]]),
      slice("n", "doubled", "two", [["1.2.3.4"]]),
      slice("n", "doubled", "three", [["::1"], ["::1"]]),
      slice("n", "six", "six", [["::1"]]),
    ]),
    namespaces: new MemoryCache([namespace("n")]),
  };

  it.each([
    ["TestARecords_Dedup", "A", "A 1.2.3.4"],
    ["TestAAAARecords_Dedup", "AAAA", "AAAA ::1"],
  ] as const)("%s", async (_, type, expected) => {
    const { ask } = corefileWorld(corefile, { cluster });
    expect(said(await ask(inCluster("doubled"), type))).toEqual([
      "NOERROR",
      `${inCluster("doubled")}. 5 IN ${expected}`,
    ]);
  });

  it("TestCNAMEChainLimitAndLoop", async () => {
    const { ask } = corefileWorld(corefile, { cluster });
    const { rcode, answers } = await ask(inCluster("c0"), "A");
    expect(rcode).toBe(0);
    expect(types(answers)).toEqual(Array(10).fill("CNAME"));
    expect(await ask(inCluster("loop"), "A")).toMatchObject({ rcode: 0, answers: [] });
  });

  it("TestAAAAWithInternalCNAMEChain", async () => {
    const { ask } = corefileWorld(corefile, { cluster });
    expect(said(await ask(inCluster("a0"), "AAAA"))).toEqual([
      "NOERROR",
      `${inCluster("a0")}. 5 IN CNAME ${inCluster("a1")}.`,
      `${inCluster("a1")}. 5 IN CNAME ${inCluster("six")}.`,
      `${inCluster("six")}. 5 IN AAAA ::1`,
    ]);
  });

  it.each([
    ["TestAWithExternalCNAMELookupTruncated", "A", "1.2.3.4"],
    ["TestAAAAWithExternalCNAMELookupTruncated", "AAAA", "::1"],
  ] as const)("%s", async (_, type, address) => {
    const { ask } = corefileWorld(corefile, {
      cluster,
      outside: (query) =>
        isAsked(query, "alias.external")
          ? { truncated: true, answers: recordsOf(`alias.external 10 ${type} ${address}`) }
          : { rcode: 5 },
    });
    const message = await ask(inCluster("outside"), type);
    expect(message.truncated).toBe(true);
    expect(said(message)).toEqual([
      "NOERROR",
      `${inCluster("outside")}. 5 IN CNAME alias.external.`,
      `alias.external. 10 IN ${type} ${address}`,
    ]);
  });

  it("gives the alias alone where the upstream denies its target", async () => {
    const { ask } = corefileWorld(corefile, { cluster, outside: zoneOutside([]) });
    expect(said(await ask(inCluster("outside"), "A"))).toEqual([
      "NOERROR",
      `${inCluster("outside")}. 5 IN CNAME alias.external.`,
    ]);
  });
});
