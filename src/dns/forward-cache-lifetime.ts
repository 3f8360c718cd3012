import { recordTypes, responseCodes, sameName } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
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
 * also the last number of the SOA record (RFC 2308 section 5), without which nobody said how long it holds. `seconds`
 * (since 1970) is the time: a signature that has ended proves nothing, and the server may have a new one already.
 */
export function lifetimeOf(reply: Reply, type: number, seconds: number): Lifetime {
  if (reply.truncated) return transient;
  const { NOERROR, NXDOMAIN, NOTIMP, SERVFAIL } = responseCodes;
  if (reply.rcode === SERVFAIL || reply.rcode === NOTIMP) return { kind: "failure", seconds: 0 };
  if (reply.rcode !== NOERROR && reply.rcode !== NXDOMAIN) return transient;
  const all = [reply.answer, reply.authority, reply.additional].flat();
  if (all.some((set) => set.type === recordTypes.RRSIG && hasEnded(set, seconds))) return transient;
  const smallest = Math.min(...all.map(({ ttl }) => ttl));
  if (reply.rcode === NOERROR && isAnswered(reply.answer, type)) return { kind: "positive", seconds: smallest };
  const soa = reply.authority.find((set) => set.type === recordTypes.SOA);
  if (soa === undefined) return transient;
  return { kind: "negative", seconds: Math.min(smallest, soaMinimum(soa)) };
}

/**
 * Whether there are records of the type under the question's name, or where its aliases lead. A name with two aliases
 * leads nowhere, and neither do aliases in a circle.
 */
function isAnswered(answer: readonly RecordSet[], type: number): boolean {
  // 0 stands for the question's name, as it does in record sets.
  let owner: DnsName | 0 = 0;
  for (let followed = 0; followed <= answer.length; followed++) {
    const own = answer.filter((set) => isOwner(set, owner));
    if (type === recordTypes.ANY) return own.length > 0;
    const [target, ...others] = own.flatMap((set) => (set.type === recordTypes.CNAME ? aliasTargets(set) : []));
    if (target === undefined) return own.some((set) => set.type === type);
    if (others.some((other) => !sameName(other, target))) return false;
    if (type === recordTypes.CNAME) return true;
    owner = target;
  }
  return false;
}

function isOwner({ owner }: RecordSet, name: DnsName | 0): boolean {
  if (typeof owner === "number" || name === 0) return owner === name;
  return sameName(owner, name);
}

function aliasTargets({ data }: RecordSet): readonly DnsName[] {
  return data.kind === "rdata" ? data.list.map((rdata) => rdata as DnsName) : [];
}

/** Whether one of these signatures (RFC 4034 section 3.1) has ended; times there are modulo 2^32. */
function hasEnded({ data }: RecordSet, seconds: number): boolean {
  if (data.kind !== "rdata") return false;
  return data.list.some((rdata) => rdata.length > 12 && ((number32(rdata, 8) - seconds) | 0) < 0);
}

/** The last number in the data of an SOA record. */
function soaMinimum({ data }: RecordSet): number {
  if (data.kind === "zone-soa") return data.minimum;
  const rdata = data.kind === "rdata" ? data.list[0] : undefined;
  if (rdata === undefined) return 0;
  return number32(rdata, rdata.length - 4);
}

function number32(bytes: Uint8Array, at: number): number {
  return [0, 1, 2, 3].reduce((sum, i) => sum * 256 + (bytes[at + i] ?? 0), 0);
}

/** `seconds` within the limits. */
export function limited(seconds: number, { minSeconds, maxSeconds }: LifetimeLimits): number {
  return Math.min(maxSeconds, Math.max(minSeconds, seconds));
}
