import { headerBits } from "./message.ts";
import type { Edns, EdnsOption, Malformed, Message, Question, ResourceRecord } from "./message.ts";
import { MessageReader } from "./reader.ts";
import { dnsClasses, recordTypes } from "./registry.ts";

interface OptRecord {
  readonly edns: Edns;
  readonly extendedRcode: number;
}

/**
 * Reads a whole message. Strict: data that does not fit its type, a second OPT record and bytes after the last
 * record are malformed. Names and data may be views of `bytes`, which must not change afterwards.
 */
export function decodeMessage(bytes: Uint8Array): Message | Malformed {
  const reader = new MessageReader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  if (reader.problem !== undefined) return malformed(reader, "is shorter than a header");
  const questions: Question[] = [];
  for (let i = 0; i < counts[0] && reader.problem === undefined; i++) {
    questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
  }
  const opt: OptRecord[] = [];
  const answers = readRecords(reader, counts[1], undefined);
  const authorities = readRecords(reader, counts[2], undefined);
  const additionals = readRecords(reader, counts[3], opt);
  if (reader.problem === undefined && reader.at !== bytes.length) reader.fail("has bytes after its last record");
  if (reader.problem !== undefined) return malformed(reader, reader.problem);
  const [first] = opt;
  return {
    kind: "message",
    id,
    response: (flags & headerBits.response) !== 0,
    opcode: (flags >> 11) & 15,
    authoritative: (flags & headerBits.authoritative) !== 0,
    truncated: (flags & headerBits.truncated) !== 0,
    recursionDesired: (flags & headerBits.recursionDesired) !== 0,
    recursionAvailable: (flags & headerBits.recursionAvailable) !== 0,
    reserved: (flags & headerBits.reserved) !== 0,
    authenticData: (flags & headerBits.authenticData) !== 0,
    checkingDisabled: (flags & headerBits.checkingDisabled) !== 0,
    rcode: (flags & 15) | ((first?.extendedRcode ?? 0) << 4),
    questions,
    answers,
    authorities,
    additionals,
    ...(first === undefined ? {} : { edns: first.edns }),
  };
}

function malformed(reader: MessageReader, reason: string): Malformed {
  return { kind: "malformed", reason, offset: reader.at };
}

/** OPT records go into `opt`; without it they are out of place. */
function readRecords(reader: MessageReader, count: number, opt: OptRecord[] | undefined): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (let i = 0; i < count && reader.problem === undefined; i++) {
    const name = reader.name();
    const type = reader.u16();
    const recordClass = reader.u16();
    const ttl = reader.u32();
    const length = reader.u16();
    if (reader.problem !== undefined) break;
    if (type === recordTypes.OPT) {
      if (opt === undefined || opt.length > 0) reader.fail("has an OPT record out of place");
      else if (name.length !== 1) reader.fail("has an OPT record with a name");
      else opt.push(readOpt(reader, recordClass, ttl, length));
      continue;
    }
    // Updates (RFC 2136) carry records without data in the classes ANY and NONE.
    const noData = length === 0 && (recordClass === dnsClasses.ANY || recordClass === dnsClasses.NONE);
    const rdata = noData ? reader.take(0) : reader.rdata(type, length);
    // RFC 2181 section 8: a TTL with its top bit set counts as zero.
    records.push({ name, type, class: recordClass, ttl: ttl > 0x7fff_ffff ? 0 : ttl, rdata });
  }
  return records;
}

function readOpt(reader: MessageReader, udpSize: number, ttl: number, length: number): OptRecord {
  return {
    edns: {
      udpSize,
      version: (ttl >>> 16) & 255,
      dnssecOk: (ttl & 0x8000) !== 0,
      options: readOptions(reader, length),
    },
    extendedRcode: ttl >>> 24,
  };
}

/** Reads the options in the next `length` bytes. */
export function readOptions(reader: MessageReader, length: number): readonly EdnsOption[] {
  const end = reader.at + length;
  const options: EdnsOption[] = [];
  while (reader.at < end && reader.problem === undefined) {
    const code = reader.u16();
    options.push({ code, data: reader.take(reader.u16()) });
  }
  if (reader.at !== end) reader.fail("has EDNS options that do not fit");
  return options;
}
