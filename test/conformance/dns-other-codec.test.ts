import * as theirs from "dns-packet";
import type { Answer, DecodedPacket, Packet, Question, RecordClass, RecordType, StringRecordType } from "dns-packet";
import { describe, expect, it } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatName,
  readRecordData,
  recordTypeName,
} from "../../src/codec/index.ts";
import type { Message } from "../../src/codec/index.ts";
import { parseIp, seededRandom } from "../../src/core/index.ts";

// Another implementation of the wire format (`dns-packet`) is the judge: what one writes the other must read, on 10,000
// random messages that are the same in every run.

const runs = 10_000;
const random = seededRandom(1035);
const upTo = (limit: number) => Math.floor(random() * limit);
const oneOf = <T>(list: readonly [T, ...T[]]): T => list[upTo(list.length)] ?? list[0];
const bytes = (length: number) => Buffer.from(Array.from({ length }, () => upTo(256)));
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

const letters = "abcXYZ019-_";
const text = (most: number) => times(1 + upTo(most), () => letters[upTo(letters.length)] ?? "a").join("");
/** Names that often share their ends, so that there is something to compress. */
function name(): string {
  if (upTo(20) === 0) return ".";
  const shared = oneOf(["svc.cluster.local", "SVC.cluster.local", "example.com", "org", text(63)]);
  return [...times(upTo(4), () => text(upTo(10) === 0 ? 40 : 8)), shared].join(".");
}

const classes = ["IN", "CH", "HS"] as const satisfies readonly RecordClass[];
const types = [
  "A",
  "AAAA",
  "MX",
  "TXT",
  "SRV",
  "SOA",
  "HINFO",
  "CAA",
  "NAPTR",
] as const satisfies readonly RecordType[];
const stringTypes = ["CNAME", "NS", "PTR", "DNAME"] as const satisfies readonly StringRecordType[];
const u32 = () => upTo(0x1_0000_0000);

/** Record data of every type that both know. */
const makers: readonly [(base: Base) => Answer, ...((base: Base) => Answer)[]] = [
  (base) => ({ ...base, type: "A", data: times(4, () => upTo(256)).join(".") }),
  (base) => ({ ...base, type: "AAAA", data: times(8, () => upTo(0x1_0000).toString(16)).join(":") }),
  (base) => ({ ...base, type: oneOf(stringTypes), data: name() }),
  (base) => ({ ...base, type: "MX", data: { preference: upTo(0x1_0000), exchange: name() } }),
  (base) => ({
    ...base,
    type: "SRV",
    data: { priority: upTo(0x1_0000), weight: upTo(0x1_0000), port: upTo(0x1_0000), target: name() },
  }),
  (base) => ({
    ...base,
    type: "SOA",
    data: { mname: name(), rname: name(), serial: u32(), refresh: u32(), retry: u32(), expire: u32(), minimum: u32() },
  }),
  (base) => ({ ...base, type: "TXT", data: times(1 + upTo(3), () => bytes(upTo(256))) }),
  (base) => ({ ...base, type: "HINFO", data: { cpu: text(20), os: text(20) } }),
  (base) => ({ ...base, type: "RP", data: { mbox: name(), txt: name() } }),
  (base) => ({
    ...base,
    type: "NAPTR",
    data: {
      order: upTo(0x1_0000),
      preference: upTo(0x1_0000),
      flags: text(1),
      services: text(8),
      regexp: text(30),
      replacement: name(),
    },
  }),
  (base) => ({ ...base, type: "CAA", data: { flags: upTo(128), tag: "issue", value: text(30) } }),
  (base) => ({ ...base, type: "DS", data: { keyTag: upTo(0x1_0000), algorithm: 8, digestType: 2, digest: bytes(32) } }),
  (base) => ({ ...base, type: "DNSKEY", data: { flags: 257, algorithm: 13, key: bytes(64) } }),
  (base) => ({
    ...base,
    type: "RRSIG",
    data: {
      typeCovered: oneOf(types),
      algorithm: 13,
      labels: upTo(10),
      originalTTL: u32(),
      expiration: u32(),
      inception: u32(),
      keyTag: upTo(0x1_0000),
      signersName: name(),
      signature: bytes(64),
    },
  }),
  (base) => ({ ...base, type: "NSEC", data: { nextDomain: name(), rrtypes: ["A", "MX", "NSEC"] } }),
  (base) => ({ ...base, type: "TLSA", data: { usage: 3, selector: 1, matchingType: 1, certificate: bytes(32) } }),
  (base) => ({ ...base, type: oneOf(["NULL", "CERT", "DHCID", "HIP"]), data: bytes(1 + upTo(40)) }),
];

interface Base {
  readonly name: string;
  readonly ttl: number;
  readonly class: RecordClass;
}

const answer = (): Answer => oneOf(makers)({ name: name(), ttl: upTo(0x8000_0000), class: oneOf(classes) });
const question = (): Question => ({ name: name(), type: oneOf(types), class: oneOf(classes) });
const opt = (): Answer => ({
  type: "OPT",
  name: ".",
  udpPayloadSize: 1 + upTo(0xffff),
  extendedRcode: upTo(256),
  ednsVersion: upTo(256),
  flags: upTo(2) * 0x8000,
  flag_do: false,
  options: times(upTo(3), () => ({ code: 65_001, data: bytes(upTo(30)) }) as never),
});

function packet(): Packet {
  return {
    type: oneOf(["query", "response"]),
    id: upTo(0x1_0000),
    flags: upTo(0x8000),
    questions: times(upTo(3), question),
    answers: times(upTo(6), answer),
    authorities: times(upTo(3), answer),
    additionals: [...times(upTo(3), answer), ...(upTo(2) === 0 ? [opt()] : [])],
  };
}

function ours(message: Uint8Array): Message {
  const decoded = decodeMessage(new Uint8Array(message));
  if (decoded.kind === "malformed") throw new Error(`${decoded.reason} at ${decoded.offset}`);
  return decoded;
}

/** What the other implementation read, as text: addresses in one form, and OPT last, where we write it. */
function view(decoded: DecodedPacket): string {
  const isOpt = ({ type }: Answer) => type === "OPT";
  const additionals = [...(decoded.additionals ?? [])];
  const last = [...additionals.filter((one) => !isOpt(one)), ...additionals.filter(isOpt)];
  return JSON.stringify({ ...decoded, additionals: last }, (key, value: unknown) =>
    key === "data" && typeof value === "string" ? (parseIp(value) ?? value) : value,
  );
}

/** The data of a record as both would print it, for the types that we look into. */
function shown(data: ReturnType<typeof readRecordData>): unknown {
  const bare = (target: Parameters<typeof formatName>[0]) => formatName(target).slice(0, -1) || ".";
  switch (data.kind) {
    case "A":
    case "AAAA":
      return data.address;
    case "NS":
    case "CNAME":
    case "PTR":
      return bare(data.target);
    case "MX":
      return { preference: data.preference, exchange: bare(data.target) };
    case "SRV":
      return { priority: data.priority, weight: data.weight, port: data.port, target: bare(data.target) };
    case "SOA": {
      const { kind: _, mname, rname, ...timers } = data;
      return { mname: bare(mname), rname: bare(rname), ...timers };
    }
    case "TXT":
      return data.strings.map((string) => Buffer.from(string));
    case "other":
      return undefined;
  }
}

describe("dns-packet", () => {
  it(`and this codec read what the other writes, ${runs} times`, () => {
    const seen = new Map<string, number>();
    let compressed = 0;
    for (let run = 0; run < runs; run++) {
      const written = theirs.encode(packet());
      const message = ours(written);
      const again = encodeMessage(message);
      // Our reading of their bytes, written by us, means the same to them, and is not longer.
      const theirReading = theirs.decode(Buffer.from(again));
      expect(view(theirReading)).toBe(view(theirs.decode(written)));
      expect(again.length).toBeLessThanOrEqual(written.length);
      if (again.length < written.length) compressed++;
      // Our bytes, read and written by them, mean the same to us.
      const back = encodeMessage(ours(theirs.encode(theirReading)));
      expect(Buffer.compare(back, again)).toBe(0);
      for (const { type } of [...message.answers, ...message.authorities, ...message.additionals]) {
        const label = recordTypeName(type);
        seen.set(label, (seen.get(label) ?? 0) + 1);
      }
    }
    // The judge has seen every type often, and names that were worth compressing.
    for (const type of [
      "A",
      "AAAA",
      "NS",
      "CNAME",
      "PTR",
      "DNAME",
      "MX",
      "SRV",
      "SOA",
      "TXT",
      "HINFO",
      "NAPTR",
      "DS",
    ]) {
      expect(seen.get(type) ?? 0).toBeGreaterThan(runs / 20);
    }
    expect(compressed).toBeGreaterThan(runs / 2);
  });

  it("gives the fields of record data as we do", () => {
    const count = new Map<string, number>();
    for (let run = 0; run < 2000; run++) {
      const made = answer();
      const written = theirs.encode({ type: "response", answers: [made] });
      const [record] = ours(written).answers;
      const [decoded] = theirs.decode(written).answers ?? [];
      if (record === undefined || decoded === undefined || !("data" in decoded)) throw new Error("no record");
      expect(formatName(record.name)).toBe(decoded.name === "." ? "." : `${decoded.name}.`);
      expect({ ttl: record.ttl, type: recordTypeName(record.type) }).toMatchObject({ ttl: decoded.ttl });
      const data = readRecordData(record.type, record.rdata);
      if (data.kind === "other") continue;
      expect(data.kind).toBe(decoded.type);
      const expected = typeof decoded.data === "string" ? (parseIp(decoded.data) ?? decoded.data) : decoded.data;
      expect(shown(data)).toEqual(expected);
      count.set(data.kind, (count.get(data.kind) ?? 0) + 1);
    }
    expect([...count.keys()].toSorted()).toEqual(["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"]);
  });

  it("reads every answer of the names that compression is hardest for", () => {
    const names = ["a.b.c.d", "b.c.d", "c.d", "d", "x.a.b.c.d", "A.b.c.d", "a.B.c.d", "."];
    const records = names.flatMap((owner) =>
      names.map((target) => ({ name: dnsName(owner), type: 5, class: 1, ttl: 1, rdata: dnsName(target) })),
    );
    const empty = ours(theirs.encode({ type: "response", id: 1 }));
    const decoded = theirs.decode(Buffer.from(encodeMessage({ ...empty, answers: records })));
    const read = decoded.answers?.map((one) => (one.type === "CNAME" ? [one.name, one.data] : []));
    expect(read).toEqual(names.flatMap((owner) => names.map((target) => [owner, target])));
  });
});
