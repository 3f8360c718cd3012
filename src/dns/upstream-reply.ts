import { dnsClasses, recordTypes, responseCodes, sameName } from "../codec/index.ts";
import type { DnsName, Message, ResourceRecord } from "../codec/index.ts";
import type { Random } from "../core/index.ts";
import { addresses } from "./resolver.ts";
import type { RecordSet, Reply } from "./resolver.ts";

/** A message of another server as a reply to a question for `name`. */
export function replyOf(message: Message, name: DnsName): Reply {
  return {
    // Codes above 15 are about EDNS between the two servers, and a client without EDNS could not read them.
    rcode: message.rcode > 15 ? responseCodes.SERVFAIL : message.rcode,
    authoritative: message.authoritative,
    // Whatever the other server is, this one went and asked.
    recursionAvailable: true,
    authenticData: message.authenticData,
    truncated: message.truncated,
    answer: recordSets(aliasesFirst(message.answers), name),
    authority: recordSets(message.authorities, name),
    additional: recordSets(message.additionals, name),
  };
}

/** Some resolvers, glibc's among them, do not look at addresses that come before the alias which leads to them. */
function aliasesFirst(list: readonly ResourceRecord[]): readonly ResourceRecord[] {
  const isAlias = ({ type }: ResourceRecord) => type === recordTypes.CNAME;
  const firstOther = list.findIndex((record) => !isAlias(record));
  if (firstOther < 0 || !list.some((record, i) => i > firstOther && isAlias(record))) return list;
  return [...list.filter(isAlias), ...list.filter((record) => !isAlias(record))];
}

/** Gathers records that follow each other with one owner and type, in their order. */
function recordSets(list: readonly ResourceRecord[], question: DnsName): readonly RecordSet[] {
  const sets: RecordSet[] = [];
  const own = list.filter((record) => record.class === dnsClasses.IN);
  for (let start = 0; start < own.length;) {
    const first = own[start];
    if (first === undefined) break;
    let end = start + 1;
    while (end < own.length && continues(first, own[end])) end++;
    sets.push(recordSet(own.slice(start, end), first, question));
    start = end;
  }
  return sets;
}

function continues(first: ResourceRecord, next: ResourceRecord | undefined): boolean {
  return next !== undefined && next.type === first.type && next.ttl === first.ttl && sameName(next.name, first.name);
}

function recordSet(list: readonly ResourceRecord[], first: ResourceRecord, question: DnsName): RecordSet {
  // Owners with the name of the question get the letters of whoever asks, which differ from cache hit to cache hit.
  const owner = sameName(first.name, question) ? 0 : first.name;
  const width = first.type === recordTypes.A ? 4 : first.type === recordTypes.AAAA ? 16 : undefined;
  if (width === undefined) {
    return { owner, type: first.type, ttl: first.ttl, data: { kind: "rdata", list: list.map(({ rdata }) => rdata) } };
  }
  const packed = new Uint8Array(list.length * width);
  for (const [i, { rdata }] of list.entries()) packed.set(rdata, i * width);
  return addresses(owner, first.ttl, packed, width, 0);
}

/** The reply with its addresses in another order, so that clients spread over all of them. */
export function rotated(reply: Reply, random: Random): Reply {
  if (!reply.answer.some(({ data }) => data.kind === "addresses" && data.packed.length > data.width)) return reply;
  const answer = reply.answer.map((set) => {
    if (set.data.kind !== "addresses") return set;
    const first = Math.floor((random() * set.data.packed.length) / set.data.width);
    return { ...set, data: { ...set.data, first } };
  });
  return { ...reply, answer };
}
