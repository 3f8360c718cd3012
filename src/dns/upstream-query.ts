import { dnsClasses, responseCodes, sameName } from "../codec/index.ts";
import type { Edns, Message } from "../codec/index.ts";
import type { Random } from "../core/index.ts";
import { wantsUnchecked } from "./resolver.ts";
import type { Request } from "./resolver.ts";

/** Servers offer at least this much without fragments (DNS flag day 2020). */
const udpSize = 1232;

/** The query for a server, with an id nobody can guess. `edns` is left out for servers that do not understand it. */
export function queryFor(request: Request, edns: boolean, random: Random): Message {
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
    questions: [{ name: request.name, type: request.type, class: dnsClasses.IN }],
    answers: [],
    authorities: [],
    additionals: [],
    ...(edns ? { edns: { udpSize, version: 0, dnssecOk: request.dnssecOk, options: [] } satisfies Edns } : {}),
  };
}

/** Whether a message answers this query, and not another one, nor a late or forged one (RFC 5452 section 9.1). */
export function isAnswerTo(query: Message, message: Message): boolean {
  if (!message.response || message.id !== query.id || message.opcode !== query.opcode) return false;
  const [asked] = query.questions;
  const [echoed] = message.questions;
  if (asked === undefined || message.questions.length > 1) return false;
  if (echoed === undefined) {
    // Servers that could not read the question do not repeat it.
    return message.rcode === responseCodes.FORMERR || message.rcode === responseCodes.NOTIMP;
  }
  return echoed.type === asked.type && echoed.class === asked.class && sameName(echoed.name, asked.name);
}
