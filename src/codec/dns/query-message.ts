import type { Message, Question } from "./message.ts";
import { opcodes } from "./registry.ts";

/** A query for one question as a stub resolver asks it: with recursion, without EDNS. */
export function queryMessage(id: number, question: Question): Message {
  return {
    kind: "message",
    id,
    response: false,
    opcode: opcodes.QUERY,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    reserved: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [question],
    answers: [],
    authorities: [],
    additionals: [],
  };
}
