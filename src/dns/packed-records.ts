import { MessageWriter, decodeMessage, dnsClasses, headerBits, recordTypes } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import { failure } from "./resolver.ts";
import type { PackedRecords, PackedReply, Reply } from "./resolver.ts";
import { replyOf } from "./upstream-reply.ts";

/** What a packed reply answers: the question it was packed for, perhaps in other letters. */
export interface PackedQuestion {
  readonly name: DnsName;
  readonly type: number;
}

const writer = new MessageWriter();

/**
 * The records of `message` (that the program itself encoded, with `name` as its question and without OPT record), with
 * `prefix` before them in the same piece of memory. Their TTLs get lost.
 */
export function packRecords(message: Uint8Array, name: DnsName, prefix: Uint8Array): PackedRecords {
  const start = 12 + name.length + 4;
  const [answers, authorities, additionals] = [u16(message, 6), u16(message, 8), u16(message, 10)];
  const ttls: number[] = [];
  let [runCount, runAt, runStride] = [0, 0, 0];
  let at = start;
  for (let i = 0; i < answers + authorities + additionals; i++) {
    const recordAt = at - start;
    at = afterName(message, at);
    const type = u16(message, at);
    ttls.push(at + 4 - start);
    at += 10 + u16(message, at + 8);
    if (i >= answers || (type !== recordTypes.A && type !== recordTypes.AAAA)) continue;
    const length = at - start - recordAt;
    const follows = runCount > 0 && length === runStride && recordAt === runAt + runCount * runStride;
    [runCount, runAt, runStride] = follows ? [runCount + 1, runAt, runStride] : [1, recordAt, length];
  }
  const to = prefix.length + at - start;
  const bytes = new Uint8Array(to + 2 * ttls.length);
  bytes.set(prefix);
  bytes.set(message.subarray(start, at), prefix.length);
  for (const [i, offset] of ttls.entries()) {
    bytes[to + 2 * i] = offset >>> 8;
    bytes[to + 2 * i + 1] = offset;
  }
  return { bytes, from: prefix.length, to, answers, authorities, additionals, runCount, runAt, runStride };
}

/** Writes the records right after the question. */
export function writePackedRecords(writer: MessageWriter, { records, ttl, first }: PackedReply): void {
  const { bytes, from, to, runCount, runAt, runStride } = records;
  const start = writer.length;
  if (first === 0) {
    writer.bytes(bytes, from, to);
  } else {
    const runFrom = from + runAt;
    const runTo = runFrom + runCount * runStride;
    const middle = runFrom + first * runStride;
    writer.bytes(bytes, from, runFrom);
    writer.bytes(bytes, middle, runTo);
    writer.bytes(bytes, runFrom, middle);
    writer.bytes(bytes, runTo, to);
  }
  if (writer.overflowed) return;
  for (let at = to; at < bytes.length; at += 2) {
    const ttlAt = start + u16(bytes, at);
    writer.patch16(ttlAt, ttl >>> 16);
    writer.patch16(ttlAt + 2, ttl & 0xffff);
  }
}

/** The same reply as values, for those who look into it. */
export function unpackReply(packed: PackedReply, { name, type }: PackedQuestion): Reply {
  const { records } = packed;
  writer.begin(0xffff);
  writer.u16(0);
  writer.u16(headerBits.response);
  writer.u16(1);
  writer.u16(records.answers);
  writer.u16(records.authorities);
  writer.u16(records.additionals);
  writer.questionName(name);
  writer.u16(type);
  writer.u16(dnsClasses.IN);
  writePackedRecords(writer, packed);
  const message = decodeMessage(writer.finish());
  const { records: _records, ttl: _ttl, first: _first, ...reply } = packed;
  // What the program wrote itself can be read; the check is for the compiler.
  const { answer, authority, additional } = message.kind === "message" ? replyOf(message, name) : failure(packed.rcode);
  return { ...reply, answer, authority, additional };
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Where the name that starts at `at` ends. */
function afterName(bytes: Uint8Array, at: number): number {
  let end = at;
  for (let length = bytes[end] ?? 0; length !== 0; length = bytes[end] ?? 0) {
    if (length >= 0xc0) return end + 2;
    end += 1 + length;
  }
  return end + 1;
}
