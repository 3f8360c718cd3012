import { headerBits } from "./message.ts";
import type { Edns, Message, ResourceRecord } from "./message.ts";
import { MessageReader } from "./reader.ts";
import { recordTypes } from "./registry.ts";
import { MessageWriter, maxMessageBytes } from "./writer.ts";

/**
 * Writes a message with compressed names. When it is longer than `limit` bytes (65535 unless given), it ends after
 * the last record that fits whole, and says so in its TC bit; the OPT record is never left out. Throws `RangeError`
 * for a response code above 15 without EDNS, for record data that does not fit its type, and when not even the
 * questions fit.
 */
export function encodeMessage(message: Message, limit = maxMessageBytes, writer = new MessageWriter()): Uint8Array {
  if (message.rcode > 15 && message.edns === undefined) {
    throw new RangeError(`Response code ${message.rcode} needs EDNS`);
  }
  writer.begin(limit);
  writer.u16(message.id);
  writer.u16(flagsOf(message));
  writer.u16(message.questions.length);
  for (let i = 0; i < 3; i++) writer.u16(0);
  const reserved = message.edns === undefined ? 0 : ednsBytes(message.edns);
  writer.reserve(reserved);
  for (const question of message.questions) {
    writer.name(question.name);
    writer.u16(question.type);
    writer.u16(question.class);
  }
  if (writer.overflowed) throw new RangeError(`The questions do not fit into ${limit} bytes`);
  const written = [
    writeRecords(writer, message.answers),
    writeRecords(writer, message.authorities),
    writeRecords(writer, message.additionals),
  ] as const;
  const [answers, authorities, additionals] = written;
  const whole =
    answers === message.answers.length &&
    authorities === message.authorities.length &&
    additionals === message.additionals.length;
  writer.overflowed = false;
  writer.reserve(-reserved);
  if (message.edns !== undefined) writeEdns(writer, message.edns, message.rcode);
  if (!whole) writer.patch16(2, flagsOf(message) | headerBits.truncated);
  writer.patch16(6, answers);
  writer.patch16(8, authorities);
  writer.patch16(10, additionals + (message.edns === undefined ? 0 : 1));
  return writer.finish();
}

function flagsOf(message: Message): number {
  return (
    (message.response ? headerBits.response : 0) |
    ((message.opcode & 15) << 11) |
    (message.authoritative ? headerBits.authoritative : 0) |
    (message.truncated ? headerBits.truncated : 0) |
    (message.recursionDesired ? headerBits.recursionDesired : 0) |
    (message.recursionAvailable ? headerBits.recursionAvailable : 0) |
    (message.reserved ? headerBits.reserved : 0) |
    (message.authenticData ? headerBits.authenticData : 0) |
    (message.checkingDisabled ? headerBits.checkingDisabled : 0) |
    (message.rcode & 15)
  );
}

/** Writes records until one does not fit; gives how many did. After that nothing fits, in any section. */
function writeRecords(writer: MessageWriter, records: readonly ResourceRecord[]): number {
  for (const [index, record] of records.entries()) {
    if (writer.overflowed) return index;
    checkRdata(record);
    const start = writer.length;
    writer.name(record.name);
    writer.u16(record.type);
    writer.u16(record.class);
    writer.u32(record.ttl);
    writer.rdata(record.type, record.rdata);
    if (writer.overflowed) {
      writer.rewind(start);
      writer.overflowed = true;
      return index;
    }
  }
  return records.length;
}

function checkRdata({ type, rdata }: ResourceRecord): void {
  if (rdata.length === 0) return;
  const reader = new MessageReader(rdata);
  if (reader.rdata(type, rdata.length).length === rdata.length && reader.problem === undefined) return;
  throw new RangeError(`The data of a record of type ${type} does not fit that type`);
}

/** Bytes that `writeEdns` will write. */
export function ednsBytes(edns: Edns): number {
  return edns.options.reduce((sum, { data }) => sum + 4 + data.length, 11);
}

/** Writes the OPT record, with the part of the response code that the header has no room for. */
export function writeEdns(writer: MessageWriter, edns: Edns, rcode: number): void {
  writer.u8(0);
  writer.u16(recordTypes.OPT);
  writer.u16(edns.udpSize);
  writer.u8(rcode >>> 4);
  writer.u8(edns.version);
  writer.u16(edns.dnssecOk ? 0x8000 : 0);
  writer.u16(ednsBytes(edns) - 11);
  for (const { code, data } of edns.options) {
    writer.u16(code);
    writer.u16(data.length);
    writer.bytes(data);
  }
}
