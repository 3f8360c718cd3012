import { decodeMessage, dnsName, encodeMessage, recordTypes, writeRecordData } from "../../src/codec/index.ts";
import type { Message, ResourceRecord } from "../../src/codec/index.ts";
import type { UpstreamDialer, UpstreamHandlers, Upstream, UpstreamTransport } from "../../src/dns/index.ts";
import type { Request } from "../../src/dns/resolver.ts";

/** One query that an upstream got, and how to answer it. */
export interface Sent {
  readonly upstream: Upstream;
  readonly transport: UpstreamTransport;
  readonly query: Message;
  readonly handlers: UpstreamHandlers;
  isCancelled: boolean;
  reply(fields?: Partial<Message>): void;
}

/** A dialer that sends nothing: tests see what would have been sent and answer it themselves. */
export function fakeUpstreams() {
  const sent: Sent[] = [];
  const checks: Sent[] = [];
  const dial: UpstreamDialer = {
    send: (upstream, transport, bytes, handlers) => {
      const query = decodeMessage(bytes);
      if (query.kind === "malformed") throw new Error(query.reason);
      const entry: Sent = {
        upstream,
        transport,
        query,
        handlers,
        isCancelled: false,
        reply: (fields) =>
          handlers.message(encodeMessage({ ...query, response: true, recursionAvailable: true, ...fields })),
      };
      (query.questions[0]?.type === recordTypes.NS ? checks : sent).push(entry);
      return () => {
        entry.isCancelled = true;
      };
    },
  };
  return { dial, sent, checks };
}

/** A client's question, for A records over UDP unless `fields` say otherwise. */
export function requestFor(name = "a.example.com", fields: Partial<Request> = {}): Request {
  return {
    name: dnsName(name),
    type: recordTypes.A,
    flags: 0x0100,
    dnssecOk: false,
    transport: "udp",
    client: undefined,
    aliases: [],
    ...fields,
  };
}

export function addressRecord(last: number, ttl = 60, name = "a.example.com"): ResourceRecord {
  return { name: dnsName(name), type: recordTypes.A, class: 1, ttl, rdata: Uint8Array.of(192, 0, 2, last) };
}

export function aliasRecord(target: string, ttl = 60, name = "a.example.com"): ResourceRecord {
  return { name: dnsName(name), type: recordTypes.CNAME, class: 1, ttl, rdata: dnsName(target) };
}

export function soaRecord(ttl: number, minimum: number): ResourceRecord {
  return {
    name: dnsName("example.com"),
    type: recordTypes.SOA,
    class: 1,
    ttl,
    rdata: writeRecordData({
      kind: "SOA",
      mname: dnsName("ns.example.com"),
      rname: dnsName("h.example.com"),
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
      minimum,
    }),
  };
}

/** Lets promises that are ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
