import { readOptions } from "./decode.ts";
import { headerBits } from "./message.ts";
import type { Edns } from "./message.ts";
import type { DnsName } from "./name.ts";
import { MessageReader } from "./reader.ts";
import { opcodes, recordTypes, responseCodes } from "./registry.ts";

/** A query as a server sees it. `name` is a view of the received bytes. */
export interface Query {
  readonly kind: "query";
  readonly id: number;
  /** The second word of the header, see `headerBits`. */
  readonly flags: number;
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
}

/** Bytes that deserve an answer without content: a header with this response code. */
export interface RejectedQuery {
  readonly kind: "reject";
  readonly id: number;
  readonly flags: number;
  readonly rcode: number;
}

/** Bytes that no answer may be sent to: shorter than a header, or themselves an answer. */
export interface IgnoredQuery {
  readonly kind: "ignore";
}

const ignored: IgnoredQuery = { kind: "ignore" };

/**
 * Reads a query the way servers must: answers and fragments are ignored, operations other than QUERY get NOTIMP,
 * everything else that is not one question with at most one record before and two after it gets FORMERR.
 */
export function decodeQuery(bytes: Uint8Array): Query | RejectedQuery | IgnoredQuery {
  if (bytes.length < 12) return ignored;
  const reader = new MessageReader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  if ((flags & headerBits.response) !== 0) return ignored;
  if (((flags >> 11) & 15) !== opcodes.QUERY) return { kind: "reject", id, flags, rcode: responseCodes.NOTIMP };
  const questions = reader.u16();
  const answers = reader.u16();
  const authorities = reader.u16();
  const additionals = reader.u16();
  if (questions !== 1 || answers > 1 || authorities > 1 || additionals > 2) return formatError(id, flags);
  const name = reader.name();
  const type = reader.u16();
  const queryClass = reader.u16();
  const edns =
    answers + authorities + additionals > 0 ? readRest(reader, answers + authorities, additionals) : undefined;
  if (reader.problem !== undefined || reader.at !== bytes.length) return formatError(id, flags);
  return { kind: "query", id, flags, name, type, class: queryClass, edns };
}

function formatError(id: number, flags: number): RejectedQuery {
  return { kind: "reject", id, flags, rcode: responseCodes.FORMERR };
}

/** Skips what servers do not look at, and gives the OPT record among the additionals. */
function readRest(reader: MessageReader, before: number, additionals: number): Edns | undefined {
  let edns: Edns | undefined;
  for (let i = 0; i < before + additionals && reader.problem === undefined; i++) {
    const owner = reader.name();
    const type = reader.u16();
    const udpSize = reader.u16();
    const ttl = reader.u32();
    const length = reader.u16();
    if (type !== recordTypes.OPT) {
      reader.take(length);
    } else if (i < before || edns !== undefined || owner.length !== 1) {
      reader.fail("has an OPT record out of place");
    } else {
      const version = (ttl >>> 16) & 255;
      edns = { udpSize, version, dnssecOk: (ttl & 0x8000) !== 0, options: readOptions(reader, length) };
    }
  }
  return edns;
}
