import {
  dnsClasses,
  ednsBytes,
  ednsOptions,
  headerBits,
  maxMessageBytes,
  responseCodes,
  writeEdns,
} from "../codec/index.ts";
import type { Edns, MessageWriter, Query } from "../codec/index.ts";
import { unpackReply, writePackedRecords } from "./packed-records.ts";
import type { DnsTransport, PackedReply, RecordSet, Reply } from "./resolver.ts";

/** What a server adds to replies and how far it goes. */
export interface ReplyOptions {
  /** The most bytes of a UDP answer, whatever a client offers. */
  readonly maxUdpSize?: number | undefined;
  /** The COOKIE option of this answer; without it, what the client sent goes back. */
  readonly cookie?: Uint8Array | undefined;
}

/** What every resolver must take over UDP, in bytes (RFC 1035 section 2.3.4). */
const plainUdpSize = 512;
/** The most that one UDP datagram can hold over IPv4. */
const largestUdpSize = 65_507;
const noOptions: ReplyOptions = {};
/** Options that go back to the client as they came; others are left out. */
const echoedOptions: ReadonlySet<number> = new Set(Object.values(ednsOptions));
const mnameLabels = Uint8Array.of(2, 0x6e, 0x73, 3, 0x64, 0x6e, 0x73); // ns.dns
const rnameLabels = Uint8Array.of(10, 0x68, 0x6f, 0x73, 0x74, 0x6d, 0x61, 0x73, 0x74, 0x65, 0x72); // hostmaster
const copiedFlags = headerBits.recursionDesired | headerBits.checkingDisabled;

/** A header and nothing else, for queries that could not be read. */
export function encodeRejection(writer: MessageWriter, id: number, flags: number, rcode: number): Uint8Array {
  writer.begin(12);
  writer.u16(id);
  writer.u16(headerBits.response | (flags & (0x7800 | headerBits.recursionDesired)) | rcode);
  for (let i = 0; i < 4; i++) writer.u16(0);
  return writer.finish();
}

/**
 * The reply in bytes: the question as it came, records whole or not at all, TC when one had to be left out. There is
 * an OPT record exactly when the query had one.
 */
export function encodeReply(
  writer: MessageWriter,
  query: Query,
  reply: Reply | PackedReply,
  transport: DnsTransport,
  { maxUdpSize = largestUdpSize, cookie }: ReplyOptions = noOptions,
): Uint8Array {
  const udpSize = Math.max(plainUdpSize, Math.min(query.edns?.udpSize ?? 0, maxUdpSize));
  const size = transport === "tcp" ? maxMessageBytes : udpSize;
  const room = size - 12 - query.name.length - 4;
  const edns = query.edns === undefined ? undefined : replyEdns(query.edns, reply.rcode, cookie, room);
  writer.begin(size);
  writer.u16(query.id);
  writer.u16(0);
  writer.u16(1);
  for (let i = 0; i < 3; i++) writer.u16(0);
  writer.questionName(query.name);
  writer.u16(query.type);
  writer.u16(query.class);
  const reserved = edns === undefined ? 0 : ednsBytes(edns);
  writer.reserve(reserved);
  const isPacked = "records" in reply;
  if (isPacked) writePackedRecords(writer, reply);
  // What must be cut is cut record by record.
  if (isPacked && writer.overflowed) {
    return encodeReply(writer, query, unpackReply(reply, query), transport, { maxUdpSize, cookie });
  }
  const answers = isPacked ? reply.records.answers : writeSets(writer, reply.answer);
  const authorities = isPacked ? reply.records.authorities : writeSets(writer, reply.authority);
  const additionals = isPacked ? reply.records.additionals : writeSets(writer, reply.additional);
  const cut = writer.overflowed;
  writer.overflowed = false;
  writer.reserve(-reserved);
  if (edns !== undefined) writeEdns(writer, edns, reply.rcode);
  writer.patch16(2, replyFlags(query, reply, cut));
  writer.patch16(6, answers);
  writer.patch16(8, authorities);
  writer.patch16(10, additionals + (edns === undefined ? 0 : 1));
  return writer.finish();
}

function replyFlags(query: Query, reply: Reply | PackedReply, cut: boolean): number {
  const wantsAuthenticData = query.edns?.dnssecOk === true || (query.flags & headerBits.authenticData) !== 0;
  return (
    headerBits.response |
    (query.flags & copiedFlags) |
    (reply.authoritative ? headerBits.authoritative : 0) |
    (cut || reply.truncated ? headerBits.truncated : 0) |
    (reply.recursionAvailable ? headerBits.recursionAvailable : 0) |
    (reply.authenticData && wantsAuthenticData ? headerBits.authenticData : 0) |
    (reply.rcode & 15)
  );
}

/** The OPT record of a reply, with the options that go back as long as they fit into `room` bytes. */
function replyEdns(edns: Edns, rcode: number, cookie: Uint8Array | undefined, room: number): Edns {
  const { udpSize, dnssecOk } = edns;
  if (edns.options.length === 0) return { udpSize, version: 0, dnssecOk, options: edns.options };
  // A query that was no query has no options to speak of.
  if (rcode === responseCodes.FORMERR) return { udpSize, version: 0, dnssecOk, options: [] };
  const echoed = edns.options.filter(
    ({ code }) => echoedOptions.has(code) && (cookie === undefined || code !== ednsOptions.COOKIE),
  );
  const own = cookie === undefined ? [] : [{ code: ednsOptions.COOKIE, data: cookie }];
  const whole = { udpSize, version: 0, dnssecOk, options: [...own, ...echoed] };
  return ednsBytes(whole) <= room ? whole : { ...whole, options: own };
}

/** Writes records until one does not fit; from then on nothing is written. Gives how many are there. */
function writeSets(writer: MessageWriter, sets: readonly RecordSet[]): number {
  let count = 0;
  for (const set of sets) {
    if (writer.overflowed) break;
    count += writeSet(writer, set);
  }
  return count;
}

function writeSet(writer: MessageWriter, set: RecordSet): number {
  const { data } = set;
  switch (data.kind) {
    case "addresses": {
      const { packed, width } = data;
      const total = packed.length / width;
      for (let i = 0; i < total; i++) {
        const at = ((data.first + i) % total) * width;
        const start = beginRecord(writer, set);
        writer.u16(width);
        writer.bytes(packed, at, at + width);
        if (!endRecord(writer, start)) return i;
      }
      return total;
    }
    case "rdata": {
      for (const [i, rdata] of data.list.entries()) {
        const start = beginRecord(writer, set);
        writer.rdata(set.type, rdata);
        if (!endRecord(writer, start)) return i;
      }
      return data.list.length;
    }
    case "zone-soa": {
      const start = beginRecord(writer, set);
      writeZoneSoa(writer, set.owner, data.serial, data.minimum);
      return endRecord(writer, start) ? 1 : 0;
    }
  }
}

function beginRecord(writer: MessageWriter, { owner, type, ttl }: RecordSet): number {
  const start = writer.length;
  if (typeof owner === "number") writer.questionSuffix(owner);
  else writer.name(owner);
  writer.u16(type);
  writer.u16(dnsClasses.IN);
  writer.u32(ttl);
  return start;
}

function endRecord(writer: MessageWriter, start: number): boolean {
  if (!writer.overflowed) return true;
  writer.rewind(start);
  writer.overflowed = true;
  return false;
}

function writeZoneSoa(writer: MessageWriter, zone: RecordSet["owner"], serial: number, minimum: number): void {
  const lengthAt = writer.length;
  writer.u16(0);
  for (const labels of [mnameLabels, rnameLabels]) {
    writer.bytes(labels);
    if (typeof zone === "number") writer.questionSuffix(zone);
    else writer.name(zone);
  }
  writer.u32(serial);
  writer.u32(7200);
  writer.u32(1800);
  writer.u32(86_400);
  writer.u32(minimum);
  if (!writer.overflowed) writer.patch16(lengthAt, writer.length - lengthAt - 2);
}
