import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ip } from "../../core/index.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import type { Message, ResourceRecord } from "./message.ts";
import { dnsName, rootName } from "./name.ts";
import type { DnsName } from "./name.ts";
import { decodeQuery } from "./query.ts";
import { formatRecord, readRecordData, writeRecordData } from "./record-data.ts";
import type { RecordData } from "./record-data.ts";
import { recordTypes, responseCodes } from "./registry.ts";
import { MessageWriter } from "./writer.ts";
import { queryMessage } from "./query-message.ts";

const label = fc.oneof(
  fc.constantFrom("web", "tour", "svc", "cluster", "local", "Example", "com"),
  fc.string({ unit: fc.constantFrom("a", "b", "X", "Y", "0", "9", "-", "_"), minLength: 1, maxLength: 20 }),
);
const anyName: fc.Arbitrary<DnsName> = fc
  .array(label, { maxLength: 7 })
  .map((labels) => dnsName(labels.length === 0 ? "." : labels.join(".")));
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const anyData: fc.Arbitrary<RecordData> = fc.oneof(
  fc.ipV4().map((address): RecordData => ({ kind: "A", address: ip(address) })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((rdata) => readRecordData(recordTypes.AAAA, rdata)),
  fc.record({ kind: fc.constantFrom("NS", "CNAME", "PTR"), target: anyName }),
  fc.record({ kind: fc.constant("MX"), preference: u16, target: anyName }),
  fc.record({ kind: fc.constant("SRV"), priority: u16, weight: u16, port: u16, target: anyName }),
  fc.record({
    kind: fc.constant("TXT"),
    strings: fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("SOA"),
    mname: anyName,
    rname: anyName,
    serial: u32,
    refresh: u32,
    retry: u32,
    expire: u32,
    minimum: u32,
  }),
  fc.record({ kind: fc.constant("other"), type: fc.integer({ min: 65280, max: 65534 }), rdata: fc.uint8Array() }),
) as fc.Arbitrary<RecordData>;

const anyRecord: fc.Arbitrary<ResourceRecord> = fc
  .record({ name: anyName, class: u16, ttl: fc.nat(0x7fff_ffff), data: anyData })
  .map(({ data, ...rest }) => ({
    ...rest,
    type: data.kind === "other" ? data.type : recordTypes[data.kind],
    rdata: writeRecordData(data),
  }));

const anyMessage: fc.Arbitrary<Message> = fc
  .record(
    {
      kind: fc.constant("message" as const),
      id: u16,
      response: fc.boolean(),
      opcode: fc.nat(15),
      authoritative: fc.boolean(),
      truncated: fc.boolean(),
      recursionDesired: fc.boolean(),
      recursionAvailable: fc.boolean(),
      reserved: fc.boolean(),
      authenticData: fc.boolean(),
      checkingDisabled: fc.boolean(),
      rcode: fc.nat(4095),
      questions: fc.array(fc.record({ name: anyName, type: u16, class: u16 }), { maxLength: 2 }),
      answers: fc.array(anyRecord, { maxLength: 6 }),
      authorities: fc.array(anyRecord, { maxLength: 2 }),
      additionals: fc.array(anyRecord, { maxLength: 3 }),
      edns: fc.record({
        udpSize: u16,
        version: fc.nat(255),
        dnssecOk: fc.boolean(),
        options: fc.array(fc.record({ code: u16, data: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 3 }),
      }),
    },
    {
      requiredKeys: [
        "kind",
        "id",
        "response",
        "opcode",
        "authoritative",
        "truncated",
        "recursionDesired",
        "recursionAvailable",
        "reserved",
        "authenticData",
        "checkingDisabled",
        "rcode",
        "questions",
        "answers",
        "authorities",
        "additionals",
      ],
    },
  )
  .map((message) => (message.edns === undefined ? { ...message, rcode: message.rcode & 15 } : message));

const plain = queryMessage(0x1234, { name: dnsName("web.tour.svc.cluster.local"), type: recordTypes.A, class: 1 });

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function addressRecords(count: number): ResourceRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    name: dnsName("web.tour.svc.cluster.local"),
    type: recordTypes.A,
    class: 1,
    ttl: 5,
    rdata: Uint8Array.of(10, 244, i >> 8, i & 255),
  }));
}

describe("encodeMessage()", () => {
  it("gives what decodeMessage() reads back", () => {
    const writer = new MessageWriter();
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeMessage(encodeMessage(message, 65_535, writer))).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  it("writes a name that was there as a pointer, and only when its case is the same", () => {
    const answer = (name: string) =>
      hex(
        encodeMessage({
          ...plain,
          answers: [{ name: dnsName(name), type: 1, class: 1, ttl: 5, rdata: Uint8Array.of(10, 0, 0, 1) }],
        }),
      ).slice(2 * (12 + 32));
    expect(answer("web.tour.svc.cluster.local")).toBe("c00c000100010000000500040a000001");
    expect(answer("db.tour.svc.cluster.local")).toBe("026462c010000100010000000500040a000001");
    expect(answer("web.tour.svc.cluster.LOCAL")).toMatch(/^0377656204746f75/);
  });

  it("never compresses the target of an SRV record, but lets later names point to it", () => {
    const target = dnsName("db-0.db.tour.svc.cluster.local");
    const srv = writeRecordData({ kind: "SRV", priority: 0, weight: 50, port: 5432, target });
    const bytes = encodeMessage({
      ...plain,
      answers: [{ name: dnsName("web.tour.svc.cluster.local"), type: recordTypes.SRV, class: 1, ttl: 5, rdata: srv }],
      additionals: [{ name: target, type: 1, class: 1, ttl: 5, rdata: Uint8Array.of(10, 0, 0, 1) }],
    });
    const srvAt = 12 + 32 + 12;
    expect(hex(bytes.subarray(srvAt, srvAt + srv.length))).toBe(hex(srv));
    expect(hex(bytes.subarray(srvAt + srv.length)).slice(0, 4)).toBe(`c0${(srvAt + 6).toString(16)}`);
  });

  it("keeps whole records up to the limit, sets TC and keeps the OPT record", () => {
    const edns = { udpSize: 1232, version: 0, dnssecOk: false, options: [] };
    const message = { ...plain, answers: addressRecords(100), edns };
    const bytes = encodeMessage(message, 512);
    const read = decodeMessage(bytes);
    if (read.kind === "malformed") throw new Error(read.reason);
    expect(read.truncated).toBe(true);
    expect(read.answers).toEqual(message.answers.slice(0, Math.floor((512 - 12 - 32 - 11) / 16)));
    expect(read.edns).toEqual(edns);
    expect(bytes.length).toBeLessThanOrEqual(512);
  });

  it("sets no TC when everything fits exactly", () => {
    const answers = addressRecords(20);
    const exact = encodeMessage({ ...plain, answers }).length;
    const read = decodeMessage(encodeMessage({ ...plain, answers }, exact));
    expect(read).toMatchObject({ truncated: false, answers: { length: 20 } });
    expect(decodeMessage(encodeMessage({ ...plain, answers }, exact - 1))).toMatchObject({
      truncated: true,
      answers: { length: 19 },
    });
  });

  it("gives messages that stay as they are while more are written", () => {
    const writer = new MessageWriter();
    const answers = addressRecords(600);
    const written = Array.from({ length: 100 }, (_, id) => encodeMessage({ ...plain, id, answers }, 65_535, writer));
    const first = encodeMessage({ ...plain, id: 0, answers });
    for (const [id, bytes] of written.entries()) {
      expect(hex(bytes.subarray(0, 2))).toBe(id.toString(16).padStart(4, "0"));
      expect(Buffer.compare(bytes.subarray(2), first.subarray(2))).toBe(0);
    }
  });

  it("refuses what no message can say", () => {
    expect(() => encodeMessage({ ...plain, rcode: 16 })).toThrow(RangeError);
    const [record] = addressRecords(1);
    if (record === undefined) throw new Error("no record");
    expect(() => encodeMessage({ ...plain, answers: [{ ...record, rdata: Uint8Array.of(1) }] })).toThrow(RangeError);
  });
});

describe("decodeMessage()", () => {
  const header = "1234 8180 0001 0001 0000 0000";
  const question = "01 61 00 0001 0001";
  const malformed: readonly (readonly [string, string])[] = [
    ["a name that points to itself", "1234 0100 0001 0000 0000 0000 c00c 0001 0001"],
    ["a name that points forward", "1234 0100 0001 0000 0000 0000 c010 0001 0001 00"],
    ["two names that point to each other", "1234 0100 0002 0000 0000 0000 c00e c00c 0001 0001"],
    ["a label that leads back to its own pointer", `${header} ${question} 01 62 c013 0001 0001 00000005 0004 0a000001`],
    ["a label kind of 01", "1234 0100 0001 0000 0000 0000 41 61 00 0001 0001"],
    ["a label kind of 10", "1234 0100 0001 0000 0000 0000 81 61 00 0001 0001"],
    ["a label beyond the end", "1234 0100 0001 0000 0000 0000 3f 61 00 0001 0001"],
    ["a pointer cut in half", "1234 0100 0001 0000 0000 0000 c0"],
    ["no question", "1234 0100 0001 0000 0000 0000"],
    ["an address of 3 bytes", `${header} ${question} c00c 0001 0001 00000005 0003 0a0000`],
    ["data beyond the end", `${header} ${question} c00c 0001 0001 00000005 0005 0a000001`],
    ["a CNAME shorter than its data", `${header} ${question} c00c 0005 0001 00000005 0003 c00c 00`],
    ["a CNAME longer than its data", `${header} ${question} c00c 0005 0001 00000005 0001 c00c`],
    ["a text without its end", `${header} ${question} c00c 0010 0001 00000005 0002 05 61`],
    ["an empty text", `${header} ${question} c00c 0010 0001 00000005 0000`],
    ["bytes after the end", `1234 8180 0001 0000 0000 0000 ${question} 00`],
    ["an OPT record among the answers", `${header} ${question} 00 0029 04d0 00000000 0000`],
    [
      "two OPT records",
      `1234 0100 0001 0000 0000 0002 ${question} 00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000`,
    ],
    ["an OPT record with a name", `1234 0100 0001 0000 0000 0001 ${question} c00c 0029 04d0 00000000 0000`],
    ["an option beyond its record", `1234 0100 0001 0000 0000 0001 ${question} 00 0029 04d0 00000000 0004 000a 0001`],
    ["eleven bytes", "1234 0100 0001 0000 0000 00"],
  ];
  it.each(malformed)("refuses %s", (_, text) =>
    expect(decodeMessage(unhex(text))).toMatchObject({ kind: "malformed" }),
  );

  it("refuses a name that pointers make longer than 255 bytes", () => {
    const labels = `3f${"61".repeat(63)}`;
    const name = `${labels.repeat(3)} 3d${"61".repeat(61)} 00`;
    const tail = "0001 0001";
    const fits = `1234 0100 0002 0000 0000 0000 ${name} ${tail} c00c ${tail}`;
    expect(decodeMessage(unhex(fits))).toMatchObject({ kind: "message" });
    expect(decodeMessage(unhex(`1234 0100 0002 0000 0000 0000 ${name} ${tail} 01 61 c00c ${tail}`))).toMatchObject({
      kind: "malformed",
      reason: "has a name over 255 bytes",
    });
  });

  it("decompresses names in the data of old types, so that the data means the same elsewhere", () => {
    const rp = `${header} ${question} c00c 0011 0001 00000005 0004 c00c c00c`;
    expect(decodeMessage(unhex(rp))).toMatchObject({ answers: [{ rdata: unhex("016100 016100") }] });
  });

  it("takes a TTL with its top bit set for zero", () => {
    const text = `${header} ${question} c00c 0001 0001 80000005 0004 0a000001`;
    expect(decodeMessage(unhex(text))).toMatchObject({ answers: [{ ttl: 0 }] });
  });

  it("takes any bytes without throwing, and reads what it wrote of them the same again", () => {
    const writer = new MessageWriter();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 600 }), (bytes) => {
        decodeQuery(bytes);
        const message = decodeMessage(bytes);
        if (message.kind === "message") expect(decodeMessage(encodeMessage(message, 65_535, writer))).toEqual(message);
      }),
      { numRuns: 3000 },
    );
  });

  it("survives every flipped bit, cut and overwritten byte of a good message", () => {
    const good = encodeMessage({
      ...plain,
      response: true,
      answers: [
        ...addressRecords(2),
        {
          name: dnsName("a.web.tour"),
          type: recordTypes.SOA,
          class: 1,
          ttl: 1,
          rdata: writeRecordData({
            kind: "SOA",
            mname: dnsName("ns.tour"),
            rname: rootName,
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: 5,
          }),
        },
      ],
      edns: { udpSize: 1232, version: 0, dnssecOk: true, options: [{ code: 10, data: Uint8Array.of(1, 2, 3) }] },
    });
    const writer = new MessageWriter();
    const check = (bytes: Uint8Array) => {
      decodeQuery(bytes);
      const message = decodeMessage(bytes);
      if (message.kind === "message") expect(decodeMessage(encodeMessage(message, 65_535, writer))).toEqual(message);
    };
    for (let at = 0; at < good.length; at++) {
      check(good.slice(0, at));
      for (const value of [0, 1, 63, 64, 0xc0, 0xc1, 0xff]) check(good.with(at, value));
      for (let bit = 0; bit < 8; bit++) check(good.with(at, (good[at] ?? 0) ^ (1 << bit)));
    }
  });
});

describe("decodeQuery()", () => {
  const edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [] };
  it("reads the question and the OPT record", () => {
    const query = decodeQuery(encodeMessage({ ...plain, edns }));
    expect(query).toEqual({
      kind: "query",
      id: 0x1234,
      flags: 0x0100,
      name: plain.questions[0]?.name,
      type: 1,
      class: 1,
      edns,
    });
  });

  const table: readonly (readonly [string, Message | Uint8Array, string | number])[] = [
    ["an answer", { ...plain, response: true }, "ignore"],
    ["a fragment", Uint8Array.of(1, 2, 3), "ignore"],
    ["no bytes", new Uint8Array(0), "ignore"],
    ["an update", { ...plain, opcode: 5 }, responseCodes.NOTIMP],
    ["an unknown operation", { ...plain, opcode: 15 }, responseCodes.NOTIMP],
    ["no question", { ...plain, questions: [] }, responseCodes.FORMERR],
    ["two questions", { ...plain, questions: [...plain.questions, ...plain.questions] }, responseCodes.FORMERR],
    ["two answers", { ...plain, answers: addressRecords(2) }, responseCodes.FORMERR],
    ["three additionals", { ...plain, additionals: addressRecords(3) }, responseCodes.FORMERR],
    ["a question without a type", encodeMessage(plain).slice(0, -4), responseCodes.FORMERR],
    ["a byte too many", Uint8Array.from([...encodeMessage(plain), 0]), responseCodes.FORMERR],
  ];
  it.each(table)("rejects %s", (_, message, expected) => {
    const bytes = message instanceof Uint8Array ? message : encodeMessage(message);
    const query = decodeQuery(bytes);
    expect(query.kind === "reject" ? query.rcode : query.kind).toBe(expected);
  });

  it("passes over records that servers do not look at", () => {
    const query = decodeQuery(
      encodeMessage({ ...plain, answers: addressRecords(1), additionals: addressRecords(1), edns }),
    );
    expect(query).toMatchObject({ kind: "query", edns: { udpSize: 1232 } });
  });
});

describe("formatRecord()", () => {
  const name = dnsName("a.b");
  const table: readonly (readonly [RecordData, string])[] = [
    [{ kind: "A", address: ip("10.0.0.1") }, "a.b. 5 IN A 10.0.0.1"],
    [{ kind: "AAAA", address: ip("fd00::1") }, "a.b. 5 IN AAAA fd00::1"],
    [{ kind: "CNAME", target: dnsName("c.d") }, "a.b. 5 IN CNAME c.d."],
    [{ kind: "MX", preference: 10, target: dnsName("c.d") }, "a.b. 5 IN MX 10 c.d."],
    [{ kind: "SRV", priority: 0, weight: 100, port: 80, target: dnsName("c.d") }, "a.b. 5 IN SRV 0 100 80 c.d."],
    [
      { kind: "TXT", strings: [new TextEncoder().encode('1.1"0'), Uint8Array.of(7)] },
      'a.b. 5 IN TXT "1.1\\"0" "\\007"',
    ],
    [
      {
        kind: "SOA",
        mname: dnsName("ns.a"),
        rname: dnsName("h.a"),
        serial: 4_000_000_000,
        refresh: 2,
        retry: 3,
        expire: 4,
        minimum: 5,
      },
      "a.b. 5 IN SOA ns.a. h.a. 4000000000 2 3 4 5",
    ],
    [{ kind: "other", type: 65280, rdata: Uint8Array.of(1, 255) }, "a.b. 5 IN TYPE65280 \\# 2 01ff"],
  ];
  it.each(table)("of %j", (data, text) => {
    const type = data.kind === "other" ? data.type : recordTypes[data.kind];
    const rdata = writeRecordData(data);
    expect(formatRecord({ name, type, ttl: 5, rdata })).toBe(text);
    expect(readRecordData(type, rdata)).toEqual(data);
  });
});
