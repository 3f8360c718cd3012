import {
  MessageWriter,
  decodeQuery,
  joinedName,
  nameKey,
  recordTypes,
  responseCodes,
  sameName,
} from "../../codec/index.ts";
import type { DnsName, Query } from "../../codec/index.ts";
import { parseIp } from "../../core/index.ts";
import type { TransferSettings } from "../corefile/configuration.ts";
import { encodeReply } from "../reply-encoding.ts";
import { detached, failure, positive } from "../resolver.ts";
import type { DnsClient, RecordSet, Reply, Request, Resolver } from "../resolver.ts";
import type { ServiceEntry } from "../service-entry.ts";
import type { ServiceIndex } from "../service-index.ts";
import { endpointName } from "../service-name.ts";
import { contains } from "./access.ts";
import { inZones } from "./zone-match.ts";

/** A zone that can be copied. */
export interface TransferZone {
  readonly domain: DnsName;
  readonly zone: Resolver;
  readonly index: ServiceIndex;
  /** Whether everything is known, so that a copy is complete. */
  readonly isSynced: () => boolean;
}

/** Answers a transfer, message by message; `undefined` when a message is none, so that it is answered as all others. */
export type Transfer = (query: Uint8Array, client: DnsClient) => Iterable<Uint8Array> | undefined;

/** About so many bytes of records go into one message. */
const messageBytes = 16_384;

/**
 * Gives copies of zones to clients that may have them (AXFR, RFC 5936; IXFR is answered with the whole zone, as RFC 1995
 * section 4 allows). The records are what queries get, asked one after the other, so a copy says what the server says.
 */
export function createTransfer(zones: readonly TransferZone[], allowed: readonly TransferSettings[]): Transfer {
  const mayCopy = (name: DnsName, client: DnsClient): boolean => {
    const address = parseIp(client.address);
    const lists = allowed.filter((one) => inZones(one.zones)(name));
    return lists.some(({ to }) => to === "all" || (address !== undefined && contains(to, address)));
  };
  return (bytes, client) => {
    const query = decodeQuery(bytes);
    if (query.kind !== "query" || query.class !== 1) return undefined;
    if (query.type !== recordTypes.AXFR && query.type !== recordTypes.IXFR) return undefined;
    const zone = zones.find(({ domain }) => sameName(domain, query.name));
    if (zone === undefined) return [alone(query, failure(responseCodes.NOTAUTH))];
    if (!mayCopy(query.name, client)) return [alone(query, failure(responseCodes.REFUSED))];
    if (!zone.isSynced()) return [alone(query, failure(responseCodes.SERVFAIL))];
    return messages(query, zone, client);
  };
}

function alone(query: Query, reply: Reply): Uint8Array {
  return encodeReply(new MessageWriter(), query, reply, "tcp");
}

/** The SOA record, everything else, and the SOA record again (RFC 5936 section 2.2). */
function* messages(query: Query, zone: TransferZone, client: DnsClient): Iterable<Uint8Array> {
  const ask = asker(query, zone, client);
  const [soa] = ask(zone.domain, recordTypes.SOA);
  if (soa === undefined) return yield alone(query, failure(responseCodes.SERVFAIL));
  const seen = new Set<string>();
  let batch: RecordSet[] = [soa];
  let size = 100;
  for (const set of [...ask(zone.domain, recordTypes.NS), ...recordsOf(zone, ask)]) {
    // Glue is among the records of Services, too.
    const key = typeof set.owner === "number" ? "" : `${set.type} ${nameKey(set.owner)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const bytes = sizeOf(set);
    if (size + bytes > messageBytes && size > 100) {
      yield alone(query, positive(batch));
      batch = [];
      size = 0;
    }
    batch.push(set);
    size += bytes;
  }
  yield alone(query, positive([...batch, soa]));
}

type Ask = (name: DnsName, type: number) => readonly RecordSet[];

/** Asks the zone itself; only what it says at once and about the name itself is part of it. */
function asker(query: Query, { zone }: TransferZone, client: DnsClient): Ask {
  return (name, type) => {
    const request: Request = { name, type, flags: query.flags, dnssecOk: false, transport: "tcp", client, aliases: [] };
    const reply = zone.resolve(request);
    if (reply === undefined || reply instanceof Promise) return [];
    return detached(reply.answer, name).filter(({ owner }) => typeof owner !== "number" && sameName(owner, name));
  };
}

function* recordsOf(zone: TransferZone, ask: Ask): Iterable<RecordSet> {
  const version = joinedName(["dns-version"], zone.domain);
  if (version !== undefined) yield* ask(version, recordTypes.TXT);
  const nameserver = joinedName(["ns", "dns"], zone.domain);
  if (nameserver !== undefined) yield* addressesOf(nameserver, ask);
  const services = joinedName(["svc"], zone.domain);
  if (services === undefined) return;
  for (const entry of zone.index.entries()) {
    const name = joinedName([entry.name, entry.namespace], services);
    if (name !== undefined) yield* serviceRecords(entry, name, ask);
  }
}

function* serviceRecords(entry: ServiceEntry, name: DnsName, ask: Ask): Iterable<RecordSet> {
  if (entry.facts?.kind === "external-name") {
    yield* ask(name, recordTypes.CNAME);
    return;
  }
  yield* addressesOf(name, ask);
  for (const { name: port, protocol } of portsOf(entry)) {
    const owner = port === "" ? undefined : joinedName([`_${port}`, `_${protocol}`], name);
    if (owner !== undefined) yield* ask(owner, recordTypes.SRV);
  }
  for (const label of entry.hostLabels()) {
    const host = endpointName(label, name);
    if (host !== undefined) yield* addressesOf(host, ask);
  }
}

function addressesOf(name: DnsName, ask: Ask): readonly RecordSet[] {
  return [...ask(name, recordTypes.A), ...ask(name, recordTypes.AAAA)];
}

/** Each named port once. */
function portsOf(entry: ServiceEntry): Iterable<{ readonly name: string; readonly protocol: string }> {
  const all = [
    ...(entry.facts?.kind === "cluster-ip" ? entry.facts.ports : []),
    ...entry.slices.flatMap(({ ports }) => ports),
  ];
  return new Map(all.map((port) => [`${port.name} ${port.protocol}`, port])).values();
}

function sizeOf({ data, owner }: RecordSet): number {
  const each = 10 + (typeof owner === "number" ? 2 : owner.length);
  switch (data.kind) {
    case "addresses":
      return (data.packed.length / data.width) * (each + data.width);
    case "rdata":
      return data.list.reduce((sum, rdata) => sum + each + rdata.length, 0);
    case "zone-soa":
      return each + 100;
  }
}
