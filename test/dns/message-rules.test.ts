import { describe, expect, it } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  ednsOptions,
  formatRecord,
  queryMessage,
  recordTypes,
  responseCodeName,
} from "../../src/codec/index.ts";
import type { Message, ResourceRecord } from "../../src/codec/index.ts";
import { MemoryCache } from "../../src/dns/index.ts";
import type { ClusterDns, DnsTransport } from "../../src/dns/index.ts";
import { cluster, service, slice } from "./cluster.ts";

const web = "web.tour.svc.cluster.local";
const edns = (udpSize: number, dnssecOk = false) => ({ udpSize, version: 0, dnssecOk, options: [] });
const question = (name: string, type: number, questionClass = 1) => ({
  name: dnsName(name),
  type,
  class: questionClass,
});
const ask = (name: string, type: number, fields: Partial<Message> = {}) =>
  encodeMessage({ ...queryMessage(4711, question(name, type)), ...fields });

async function raw(dns: ClusterDns, query: Uint8Array, transport: DnsTransport = "udp"): Promise<Uint8Array> {
  const answer = await dns.answer(query, transport);
  if (answer === undefined) throw new Error("no answer");
  return new Uint8Array(answer);
}

function read(bytes: Uint8Array): Message {
  const message = decodeMessage(bytes);
  if (message.kind === "malformed") throw new Error(message.reason);
  return message;
}

/** Headless Services of `count` endpoints: `v4` by address, `v6` by address, `srv` by hostnames of 20 letters. */
function headless(count: number): ClusterDns {
  const of = (name: string, address: (i: number) => string, host?: (i: number) => string) => ({
    service: service("tour", name, { clusterIP: "None" }),
    slice: slice(
      "tour",
      name,
      `${name}-1`,
      Array.from({ length: count }, (_, i) => [address(i), host?.(i)] as const),
    ),
  });
  const all = [
    of("v4", (i) => `10.244.${i >> 8}.${i & 255}`),
    of("v6", (i) => `fd00::${(i + 1).toString(16)}`),
    of(
      "srv",
      (i) => `10.245.${i >> 8}.${i & 255}`,
      (i) => `endpoint-number-${String(i).padStart(4, "0")}`,
    ),
  ];
  return cluster({
    caches: {
      services: new MemoryCache(all.map((one) => one.service)),
      endpointSlices: new MemoryCache(all.map((one) => one.slice)),
    },
  });
}

describe("answers over UDP", () => {
  const sizes = [undefined, 0, 511, 512, 513, 527, 528, 1232, 4096] as const;
  const kinds: readonly (readonly [string, "A" | "AAAA", number])[] = [
    ["v4", "A", 16],
    ["v6", "AAAA", 28],
  ];
  const fits = (name: string, size: number | undefined, record: number) => {
    const fixed = 12 + dnsName(name).length + 4 + (size === undefined ? 0 : 11);
    return Math.floor((Math.max(512, size ?? 0) - fixed) / record);
  };

  it.each(kinds.flatMap(([label, type, record]) => sizes.map((size) => [label, type, size, record] as const)))(
    "hold as many of %s %s as fit into %s bytes, and say when that is not all",
    async (label, type, size, record) => {
      const name = `${label}.tour.svc.cluster.local`;
      const most = fits(name, size, record);
      for (const count of [1, most - 1, most, most + 1, 2 * most]) {
        const fields = size === undefined ? {} : { edns: edns(size) };
        const bytes = await raw(headless(count), ask(name, recordTypes[type], fields));
        const message = read(bytes);
        expect({ count, answers: message.answers.length, truncated: message.truncated }).toEqual({
          count,
          answers: Math.min(count, most),
          truncated: count > most,
        });
        expect(bytes.length).toBeLessThanOrEqual(Math.max(512, size ?? 0));
        expect(new Set(message.answers.map(formatRecord)).size).toBe(message.answers.length);
        expect(message.edns).toEqual(size === undefined ? undefined : edns(size));
        const whole = read(await raw(headless(count), ask(name, recordTypes[type], fields), "tcp"));
        expect({ answers: whole.answers.length, truncated: whole.truncated }).toEqual({
          answers: count,
          truncated: false,
        });
      }
    },
  );

  it("keep whole records of every kind at every size, answers before additional ones", async () => {
    const dns = headless(61);
    const name = "_http._tcp.srv.tour.svc.cluster.local";
    const whole = read(await raw(dns, ask(name, recordTypes.SRV, { edns: edns(65_535) }), "tcp"));
    expect([whole.answers.length, whole.additionals.length]).toEqual([61, 61]);
    const known = new Set([...whole.answers, ...whole.additionals].map(formatRecord));
    let most = 0;
    for (let size = 512; size <= 8192; size += 12) {
      const bytes = await raw(dns, ask(name, recordTypes.SRV, { edns: edns(size) }));
      const message = read(bytes);
      expect(bytes.length).toBeLessThanOrEqual(size);
      const records: readonly ResourceRecord[] = [...message.answers, ...message.additionals];
      expect(message.truncated).toBe(records.length < 122);
      if (message.answers.length < 61) expect(message.additionals).toEqual([]);
      expect(records.every((record) => known.has(formatRecord(record)))).toBe(true);
      expect(records.length).toBeGreaterThanOrEqual(most);
      // Not one more record would have fitted: the largest is an SRV with its target.
      if (message.truncated) expect(size - bytes.length).toBeLessThan(12 + 6 + 60);
      expect(message.edns).toEqual(edns(size));
      most = records.length;
    }
    expect(most).toBe(122);
  });

  it("go no further than the server's own limit", async () => {
    const all = {
      services: new MemoryCache([service("tour", "v4", { clusterIP: "None" })]),
      endpointSlices: new MemoryCache([
        slice(
          "tour",
          "v4",
          "v4-1",
          Array.from({ length: 200 }, (_, i) => [`10.244.0.${i}`] as const),
        ),
      ]),
    };
    const name = "v4.tour.svc.cluster.local";
    for (const [limit, size, most] of [
      [1232, 4096, 1232],
      [1232, 600, 600],
      [100, 4096, 512],
    ] as const) {
      const bytes = await raw(
        cluster({ caches: all, maxUdpSize: limit }),
        ask(name, recordTypes.A, { edns: edns(size) }),
      );
      expect(bytes.length).toBeLessThanOrEqual(most);
      expect(bytes.length).toBeGreaterThan(most - 16);
    }
    const tcp = await raw(cluster({ caches: all, maxUdpSize: 512 }), ask(name, recordTypes.A), "tcp");
    expect(read(tcp).answers).toHaveLength(200);
  });

  it("name an owner once and point to it after that", async () => {
    const bytes = await raw(cluster(), ask("mixed.tour.svc.cluster.local", recordTypes.A));
    const recordsAt = 12 + dnsName("mixed.tour.svc.cluster.local").length + 4;
    for (let at = recordsAt; at < bytes.length; at += 16) expect([...bytes.subarray(at, at + 2)]).toEqual([0xc0, 0x0c]);
    expect(bytes.length).toBe(recordsAt + 4 * 16);
    // The SOA of a denial: the zone is a part of the question, its servers are labels before it.
    const denial = await raw(cluster(), ask("nothing.tour.svc.cluster.local", recordTypes.A));
    const zoneAt = 12 + dnsName("nothing.tour.svc.cluster.local").length - dnsName("cluster.local").length;
    const soaAt = 12 + dnsName("nothing.tour.svc.cluster.local").length + 4;
    expect([...denial.subarray(soaAt, soaAt + 2)]).toEqual([0xc0, zoneAt]);
    expect(denial.length).toBe(soaAt + 2 + 8 + 2 + (7 + 2) + (11 + 2) + 20);
  });
});

describe("headers", () => {
  const header = async (query: Uint8Array) => {
    const bytes = await cluster({ upstreams: [] }).answer(query, "udp");
    return bytes === undefined
      ? "nothing"
      : `${responseCodeName((bytes[3] ?? 0) & 15)} ${bytes.length === 12 ? "header" : "message"}`;
  };
  const good = ask(web, recordTypes.A);

  it.each(Array.from({ length: 16 }, (_, opcode) => opcode))("of operation %i", async (opcode) => {
    const expected = opcode === 0 ? "NOERROR message" : "NOTIMP header";
    expect(await header(ask(web, recordTypes.A, { opcode }))).toBe(expected);
    const bytes = await raw(cluster(), ask(web, recordTypes.A, { opcode }));
    expect(((bytes[2] ?? 0) >> 3) & 15).toBe(opcode);
  });

  const counts: readonly (readonly [string, readonly number[], string])[] = [
    ["no question", [0, 0, 0, 0], "FORMERR header"],
    ["two questions", [2, 0, 0, 0], "FORMERR header"],
    ["65535 questions", [65_535, 0, 0, 0], "FORMERR header"],
    ["an answer that is not there", [1, 1, 0, 0], "FORMERR header"],
    ["two answers", [1, 2, 0, 0], "FORMERR header"],
    ["two authorities", [1, 0, 2, 0], "FORMERR header"],
    ["three additional records", [1, 0, 0, 3], "FORMERR header"],
    ["one question", [1, 0, 0, 0], "NOERROR message"],
  ];
  it.each(counts)("that claim %s", async (_, values, expected) => {
    const query = new Uint8Array(good);
    for (const [i, value] of values.entries()) query.set([value >> 8, value & 255], 4 + 2 * i);
    expect(await header(query)).toBe(expected);
  });

  it("of two questions that are really there", async () => {
    const questions = [question(web, recordTypes.A), question(web, recordTypes.AAAA)];
    expect(await header(ask(web, recordTypes.A, { questions }))).toBe("FORMERR header");
  });

  it("of answers, however they look", async () => {
    expect(await header(ask(web, recordTypes.A, { response: true }))).toBe("nothing");
    expect(await header(ask(web, recordTypes.A, { response: true, opcode: 5 }))).toBe("nothing");
    expect(await header(good.subarray(0, 11))).toBe("nothing");
    expect(await header(good.subarray(0, 12))).toBe("FORMERR header");
    expect(await header(new Uint8Array(0))).toBe("nothing");
  });

  const bits: readonly (readonly [Partial<Message>, Partial<Message>])[] = [
    [{ recursionDesired: true }, { recursionDesired: true, recursionAvailable: false, authoritative: true }],
    [{ recursionDesired: false }, { recursionDesired: false }],
    [{ checkingDisabled: true }, { checkingDisabled: true }],
    [{ authenticData: true }, { authenticData: false }],
    [{ reserved: true }, { reserved: false }],
    [
      { truncated: true, authoritative: true, recursionAvailable: true },
      { truncated: false, recursionAvailable: false },
    ],
    [{ edns: edns(1232, true) }, { edns: edns(1232, true), authenticData: false }],
  ];
  it.each(bits)("with %j", async (sent, expected) => {
    expect(read(await raw(cluster(), ask(web, recordTypes.A, sent)))).toMatchObject(expected);
  });
});

describe("questions", () => {
  const soaOwner = ["SOA"];
  const table: readonly (readonly [string, number, number, string, readonly string[]])[] = [
    [web, 0, 1, "FORMERR", []],
    [web, recordTypes.OPT, 1, "FORMERR", []],
    [web, recordTypes.ANY, 1, "NOERROR", soaOwner],
    [web, 65_535, 1, "NOERROR", soaOwner],
    [web, 249, 1, "NOERROR", soaOwner],
    [web, recordTypes.TSIG, 1, "NOERROR", soaOwner],
    [web, 253, 1, "NOERROR", soaOwner],
    ["nothing.tour.svc.cluster.local", 65_535, 1, "NXDOMAIN", soaOwner],
    ["cluster.local", recordTypes.AXFR, 1, "REFUSED", []],
    ["cluster.local", recordTypes.IXFR, 1, "REFUSED", []],
    ["96.10.in-addr.arpa", recordTypes.AXFR, 1, "REFUSED", []],
    ["version.bind", recordTypes.TXT, 3, "REFUSED", []],
    ["id.server", recordTypes.TXT, 3, "REFUSED", []],
    [web, recordTypes.A, 4, "REFUSED", []],
    [web, recordTypes.A, 254, "REFUSED", []],
    [web, recordTypes.A, 255, "REFUSED", []],
    [web, recordTypes.A, 0, "REFUSED", []],
    [".", recordTypes.NS, 1, "REFUSED", []],
    [".", recordTypes.SOA, 1, "REFUSED", []],
    ["local", recordTypes.A, 1, "REFUSED", []],
  ];
  it.each(table)("%s type %i class %i: %s", async (name, type, questionClass, rcode, authority) => {
    const dns = cluster({ upstreams: [] });
    for (const transport of ["udp", "tcp"] as const) {
      const questions = [question(name, type, questionClass)];
      const message = read(await raw(dns, ask(name, type, { questions }), transport));
      expect(responseCodeName(message.rcode)).toBe(rcode);
      expect(message.questions).toEqual(questions);
      expect(message.answers).toEqual([]);
      expect(message.authorities.map((record) => formatRecord(record).split(" ")[3])).toEqual(authority);
    }
  });

  it("for a part of a zone come with an SOA, and are refused like any transfer", async () => {
    const soa = { name: dnsName("cluster.local"), type: recordTypes.SOA, class: 1, ttl: 0, rdata: new Uint8Array(0) };
    const rdata = Uint8Array.from([0, 0, ...new Uint8Array(20)]);
    const query = ask("cluster.local", recordTypes.IXFR, { authorities: [{ ...soa, rdata }] });
    expect(read(await raw(cluster(), query, "tcp")).rcode).toBe(5);
  });

  it("may be as long as names can be", async () => {
    const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(47)}.cluster.local`;
    expect(dnsName(longest)).toHaveLength(255);
    expect(read(await raw(cluster(), ask(longest, recordTypes.A))).rcode).toBe(3);
    const tooLong = Uint8Array.from([
      ...ask(longest, recordTypes.A).subarray(0, 12),
      1,
      0x78,
      ...ask(longest, 1).subarray(12),
    ]);
    expect(await raw(cluster(), tooLong)).toHaveLength(12);
  });
});

describe("EDNS", () => {
  const withOpt = (opt: readonly number[], extra: readonly number[] = []) => {
    const query = Uint8Array.from([...ask(web, recordTypes.A), ...opt, ...extra]);
    query[11] = 1 + (extra.length > 0 ? 1 : 0);
    return query;
  };
  const opt = (version: number, flags: number, options: readonly number[] = []) => {
    const length = options.length;
    return [0, 0, 41, 0x04, 0xd0, 0, version, flags >> 8, flags & 255, length >> 8, length & 255, ...options];
  };
  const code = async (query: Uint8Array) => {
    const bytes = await raw(cluster(), query);
    return bytes.length === 12 ? `header ${(bytes[3] ?? 0) & 15}` : responseCodeName(read(bytes).rcode);
  };

  const table: readonly (readonly [string, Uint8Array, string])[] = [
    ["version 0", withOpt(opt(0, 0)), "NOERROR"],
    ["version 1", withOpt(opt(1, 0)), "BADVERS"],
    ["version 255", withOpt(opt(255, 0)), "BADVERS"],
    ["flags that nobody has defined", withOpt(opt(0, 0x7fff)), "NOERROR"],
    ["an option that nobody has defined", withOpt(opt(0, 0, [0xff, 0x00, 0, 2, 1, 2])), "NOERROR"],
    ["an empty option", withOpt(opt(0, 0, [0xff, 0x00, 0, 0])), "NOERROR"],
    ["an option longer than its record", withOpt(opt(0, 0, [0, 10, 0, 9, 1, 2])), "header 1"],
    ["half an option", withOpt(opt(0, 0, [0, 10, 0])), "header 1"],
    ["two OPT records", withOpt(opt(0, 0), opt(0, 0)), "header 1"],
    ["an OPT record with a name", withOpt([1, 0x61, ...opt(0, 0)]), "header 1"],
    ["a record that is cut", withOpt(opt(0, 0).slice(0, -1)), "header 1"],
    ["bytes after the last record", Uint8Array.from([...withOpt(opt(0, 0)), 0]), "header 1"],
  ];
  it.each(table)("with %s", async (_, query, expected) => expect(await code(query)).toBe(expected));

  it("is answered with its own size and DO, version 0, and nothing else in its flags", async () => {
    expect(read(await raw(cluster(), withOpt(opt(0, 0xffff)))).edns).toEqual(edns(1232, true));
    expect(read(await raw(cluster(), withOpt(opt(7, 0x8000)))).edns).toEqual(edns(1232, true));
  });

  it("gives back the options that a server may, and no other", async () => {
    const options = [...Object.values(ednsOptions), 8, 15, 65_001].map((number) => ({
      code: number,
      data: new Uint8Array(number === ednsOptions.COOKIE ? 8 : 2),
    }));
    const message = read(await raw(cluster(), ask(web, recordTypes.A, { edns: { ...edns(1232), options } })));
    expect(message.edns?.options.map((option) => option.code).toSorted((a, b) => a - b)).toEqual([3, 9, 10, 11, 12]);
  });

  it("holds as many options as a message can, and the answer still fits", async () => {
    const options = Array.from({ length: 100 }, () => ({ code: 12, data: new Uint8Array(100) }));
    const query = ask(web, recordTypes.A, { edns: { ...edns(512), options } });
    const bytes = await raw(cluster(), query);
    expect(bytes.length).toBeLessThanOrEqual(512);
    expect(read(bytes)).toMatchObject({ id: 4711, rcode: 0 });
  });
});
