import { headerBits, nameFrom, recordTypes, responseCodes } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Ip } from "../core/index.ts";
import type { NoteTaker } from "./trace/question-note.ts";

/** How a query came. UDP answers must fit a datagram, TCP answers may have 65535 bytes. */
export type DnsTransport = "udp" | "tcp";

/** Who asks. */
export interface DnsClient {
  readonly address: string;
  readonly port: number;
}

/** One question on its way through the resolvers; the class is always IN. */
export interface Request {
  readonly name: DnsName;
  readonly type: number;
  /** The header's second word as the client sent it. */
  readonly flags: number;
  readonly dnssecOk: boolean;
  readonly transport: DnsTransport;
  readonly client: DnsClient | undefined;
  /** The names that were followed to come to this one; empty for what the client asked itself. */
  readonly aliases: readonly DnsName[];
  /** Hears what happens, when somebody wants to understand the answer. */
  readonly note?: NoteTaker | undefined;
}

/** Record data as resolvers have it ready. */
export type RecordSetData =
  /** Addresses one after the other, each of 4 or 16 bytes; record `first` (modulo the number) is written first. */
  | { readonly kind: "addresses"; readonly packed: Uint8Array; readonly width: 4 | 16; readonly first: number }
  | { readonly kind: "rdata"; readonly list: readonly Uint8Array[] }
  /** `ns.dns.ZONE hostmaster.ZONE SERIAL 7200 1800 86400 MINIMUM`, the zone being the owner. */
  | { readonly kind: "zone-soa"; readonly serial: number; readonly minimum: number };

/** All records of one owner and type. */
export interface RecordSet {
  /** A name, or how many bytes of the question's name to skip: the owner then has the letters of the question. */
  readonly owner: DnsName | number;
  readonly type: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordSetData;
}

/** What to answer, as a value. */
export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly truncated: boolean;
  readonly answer: readonly RecordSet[];
  readonly authority: readonly RecordSet[];
  readonly additional: readonly RecordSet[];
  /** Which plugin gave it, where its flags do not say that it was `kubernetes` or `forward`: for the count of answers. */
  readonly plugin?: AnsweringPlugin;
}

/** The plugins that answer themselves, besides `kubernetes` and `forward`. */
export type AnsweringPlugin = "cache" | "hosts" | "whoami" | "any" | "acl" | "ratelimit";

/** Records as the bytes that stand after a question, so that they can be sent by copying (`packed-records.ts`). */
export interface PackedRecords {
  /** The records from `from` to `to`, then where their TTLs are (16 bits each, from the start of the records). */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
  /** Addresses that may stand in any order: how many (0 for none), where the first record starts, how long each is. */
  readonly runCount: number;
  readonly runAt: number;
  readonly runStride: number;
}

/** A reply whose records are bytes already. Their names take the letters of whoever asks. */
export interface PackedReply extends Omit<Reply, "answer" | "authority" | "additional"> {
  readonly records: PackedRecords;
  /** Seconds, for all records. */
  readonly ttl: number;
  /** Which record of the address run comes first. */
  readonly first: number;
}

/** A reply now, or later when somebody else must be asked. */
export type MaybeLater<T> = T | Promise<T>;

/** Somebody who may know. `undefined` means that the name is not for this one, and the next is asked. */
export interface Resolver {
  resolve(request: Request): MaybeLater<Reply> | undefined;
  /**
   * What `resolve` would give at once, ready to be sent. `undefined` means that `resolve` must be asked. Only for those who
   * have bytes; a resolver that changes what others say has none.
   */
  packed?(request: Request): PackedReply | undefined;
}

/** Asks everybody in order, as for a query from outside. */
export type Resolve = (request: Request) => MaybeLater<Reply>;

const none: readonly RecordSet[] = [];

/** An authoritative reply with records. */
export function positive(answer: readonly RecordSet[], additional: readonly RecordSet[] = none): Reply {
  return {
    rcode: responseCodes.NOERROR,
    authoritative: true,
    recursionAvailable: false,
    authenticData: false,
    truncated: false,
    answer,
    authority: none,
    additional,
  };
}

/** An authoritative reply that there is nothing: NODATA with `NOERROR`, or another code. */
export function negative(rcode: number, soa: RecordSet): Reply {
  return {
    rcode,
    authoritative: true,
    recursionAvailable: false,
    authenticData: false,
    truncated: false,
    answer: none,
    authority: [soa],
    additional: none,
  };
}

/** A reply that is only a response code. */
export function failure(rcode: number): Reply {
  return {
    rcode,
    authoritative: false,
    recursionAvailable: false,
    authenticData: false,
    truncated: false,
    answer: none,
    authority: none,
    additional: none,
  };
}

/** Stands for no answer at all: the client is left without one. Compared by identity. */
export const dropped: Reply = failure(responseCodes.REFUSED);

/** Longest time that resolvers may remember that something is not there, in seconds. */
const longestNegativeTtl = 300;

/** The SOA record of the zone that is the question's name without its first `skip` bytes. */
export function zoneSoa(skip: number, serial: number, ttl: number): RecordSet {
  return {
    owner: skip,
    type: recordTypes.SOA,
    ttl: Math.min(ttl, longestNegativeTtl),
    data: { kind: "zone-soa", serial, minimum: ttl },
  };
}

/** Records with data in wire form. */
export function records(owner: DnsName | number, type: number, ttl: number, list: readonly Uint8Array[]): RecordSet {
  return { owner, type, ttl, data: { kind: "rdata", list } };
}

/** A or AAAA records of packed addresses; `first` is where to begin, so that load spreads over all of them. */
export function addresses(
  owner: DnsName | number,
  ttl: number,
  packed: Uint8Array,
  width: 4 | 16,
  first: number,
): RecordSet {
  const type = width === 4 ? recordTypes.A : recordTypes.AAAA;
  return { owner, type, ttl, data: { kind: "addresses", packed, width, first } };
}

/** The same records for another question: owners taken from `question` become names of their own. */
export function detached(sets: readonly RecordSet[], question: DnsName): readonly RecordSet[] {
  return sets.map((set) => (typeof set.owner === "number" ? { ...set, owner: nameFrom(question, set.owner) } : set));
}

/** Whether the client wants what it did not ask for left alone: the CD bit. */
export function wantsUnchecked(request: Request): boolean {
  return (request.flags & headerBits.checkingDisabled) !== 0;
}

/** An address and port where a DNS server listens. */
export interface DnsServerAddress {
  readonly address: Ip;
  readonly port: number;
}
