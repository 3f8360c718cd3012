import { recordTypes, responseCodes } from "../codec/index.ts";
import type { RecordSet, Reply } from "./resolver.ts";

/** What a reply says, as far as remembering goes. */
export type ReplyKind =
  /** There are records. */
  | "positive"
  /** There are none, or no such name. */
  | "negative"
  /** Nobody knows. */
  | "failure"
  /** Not to be remembered. */
  | "transient";

/** For how many seconds replies of one kind are remembered, whatever they say themselves. */
export interface LifetimeLimits {
  readonly minSeconds: number;
  readonly maxSeconds: number;
}

export interface Lifetime {
  readonly kind: ReplyKind;
  /** Seconds that the reply may be remembered, before limits. */
  readonly seconds: number;
}

const transient: Lifetime = { kind: "transient", seconds: 0 };

/**
 * How long a reply to a question of `type` holds by its own words: the smallest TTL of all records. For "nothing there"
 * also the last number of the SOA record (RFC 2308 section 5), without which nobody said how long it holds.
 */
export function lifetimeOf(reply: Reply, type: number): Lifetime {
  if (reply.truncated) return transient;
  const { NOERROR, NXDOMAIN, SERVFAIL } = responseCodes;
  if (reply.rcode === SERVFAIL) return { kind: "failure", seconds: 0 };
  if (reply.rcode !== NOERROR && reply.rcode !== NXDOMAIN) return transient;
  const smallest = Math.min(...[reply.answer, reply.authority, reply.additional].flat().map(({ ttl }) => ttl));
  const isAnswer = (set: RecordSet) =>
    set.type === type || (type === recordTypes.ANY && set.type !== recordTypes.CNAME);
  if (reply.rcode === NOERROR && reply.answer.some(isAnswer)) return { kind: "positive", seconds: smallest };
  const soa = reply.authority.find((set) => set.type === recordTypes.SOA);
  if (soa === undefined) return transient;
  return { kind: "negative", seconds: Math.min(smallest, soaMinimum(soa)) };
}

/** The last number in the data of an SOA record. */
function soaMinimum({ data }: RecordSet): number {
  if (data.kind === "zone-soa") return data.minimum;
  const rdata = data.kind === "rdata" ? data.list[0] : undefined;
  if (rdata === undefined) return 0;
  return [4, 3, 2, 1].reduce((sum, back) => sum * 256 + (rdata[rdata.length - back] ?? 0), 0);
}

/** `seconds` within the limits. */
export function limited(seconds: number, { minSeconds, maxSeconds }: LifetimeLimits): number {
  return Math.min(maxSeconds, Math.max(minSeconds, seconds));
}
