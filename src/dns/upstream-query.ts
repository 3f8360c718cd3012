import { dnsClasses, lowerByte, responseCodes, sameName } from "../codec/index.ts";
import type { DnsName, Edns, Message } from "../codec/index.ts";
import type { Random } from "../core/index.ts";
import { wantsUnchecked } from "./resolver.ts";
import type { Request } from "./resolver.ts";

/** Servers offer at least this much without fragments (DNS flag day 2020). */
const udpSize = 1232;

/** How a message relates to a query. */
export type Relation =
  | "answer"
  /** The right answer but for the letters of the question: somebody guessed, or a server that changes letters. */
  | "other-case"
  /** Somebody else's, late, or forged. */
  | "foreign";

/** The query for a server, with an id nobody can guess. `edns` is left out for servers that do not understand it. */
export function queryFor(request: Request, name: DnsName, edns: boolean, random: Random): Message {
  return {
    kind: "message",
    id: Math.floor(random() * 0x1_0000),
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    reserved: false,
    // Says that the AD bit is understood (RFC 6840 section 5.7), so that one answer serves everybody.
    authenticData: true,
    checkingDisabled: wantsUnchecked(request),
    rcode: 0,
    questions: [{ name, type: request.type, class: dnsClasses.IN }],
    answers: [],
    authorities: [],
    additionals: [],
    ...(edns ? { edns: { udpSize, version: 0, dnssecOk: request.dnssecOk, options: [] } satisfies Edns } : {}),
  };
}

/** `name` with letters of random case, which an answer must repeat: bits that a forger must guess ("0x20"). */
export function withRandomCase(name: DnsName, random: Random): DnsName {
  const mixed = name.slice();
  for (let i = 0; i < mixed.length; i++) {
    const byte = lowerByte(mixed[i] ?? 0);
    const isLetter = byte >= 0x61 && byte <= 0x7a;
    mixed[i] = isLetter && random() < 0.5 ? byte - 0x20 : byte;
  }
  return mixed as DnsName;
}

/** Whether a message answers this query (RFC 5452 section 9.1). With `exactCase` the letters must be the same, too. */
export function relationOf(message: Message, query: Message, exactCase: boolean): Relation {
  if (!message.response || message.id !== query.id || message.opcode !== query.opcode) return "foreign";
  const [asked] = query.questions;
  const [echoed] = message.questions;
  if (asked === undefined || message.questions.length > 1) return "foreign";
  if (echoed === undefined) {
    // Servers that could not read the question do not repeat it.
    const isComplaint = message.rcode === responseCodes.FORMERR || message.rcode === responseCodes.NOTIMP;
    return isComplaint ? "answer" : "foreign";
  }
  if (echoed.type !== asked.type || echoed.class !== asked.class || !sameName(echoed.name, asked.name)) {
    return "foreign";
  }
  return !exactCase || echoed.name.every((byte, i) => byte === asked.name[i]) ? "answer" : "other-case";
}
