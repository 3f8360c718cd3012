import {
  MessageWriter,
  decodeQuery,
  dnsClasses,
  recordTypes,
  responseCodeName,
  responseCodes,
} from "../codec/index.ts";
import type { Query } from "../codec/index.ts";
import { messageOf, parseIp } from "../core/index.ts";
import type { Clock, Logger } from "../core/index.ts";
import { checkCookie, makeCookie } from "./cookie.ts";
import { encodeRejection, encodeReply } from "./reply-encoding.ts";
import type { ReplyOptions } from "./reply-encoding.ts";
import { failure } from "./resolver.ts";
import type {
  DnsClient,
  DnsTransport,
  MaybeLater,
  PackedReply,
  Reply,
  Request,
  Resolve,
  Resolver,
} from "./resolver.ts";

/** Answers messages: bytes in, bytes out; `undefined` where no answer may be sent. Never throws, never rejects. */
export type Answer = (
  query: Uint8Array,
  transport: DnsTransport,
  client?: DnsClient,
) => MaybeLater<Uint8Array | undefined>;

/** What a responder counted since it was made. */
export interface ResponderStats {
  /** Messages that came, by transport. */
  readonly received: Readonly<Record<DnsTransport, number>>;
  /** Messages that got no answer: fragments, and answers sent to a server. */
  readonly ignored: number;
  /** Answers by the mnemonic of their response code. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface Responder {
  readonly answer: Answer;
  /** Asks all resolvers, as for a query from outside: for names that a resolver must follow. */
  readonly resolve: Resolve;
  readonly stats: () => ResponderStats;
}

/** How a responder answers. */
export interface ResponderOptions {
  /** The most bytes of a UDP answer, 512 at least; as many as the client offers unless given. */
  readonly maxUdpSize?: number | undefined;
  /** With a secret of 16 bytes, clients that send a cookie get a good one back (RFC 9018); else their own. */
  readonly cookies?: { readonly secret: Uint8Array; readonly clock: Clock } | undefined;
}

/** Makes the front of a DNS server: checks messages, asks `resolvers` in order, refuses what none of them knows. */
export function createResponder(
  resolvers: readonly Resolver[],
  log: Logger,
  options: ResponderOptions = {},
): Responder {
  const { cookies } = options;
  const limits: ReplyOptions = { maxUdpSize: options.maxUdpSize };
  const writer = new MessageWriter();
  const received = { udp: 0, tcp: 0 };
  const answers = new Map<number, number>();
  let ignored = 0;

  const resolve: Resolve = (request) => {
    for (const resolver of resolvers) {
      const reply = resolver.resolve(request);
      if (reply !== undefined) return reply;
    }
    return failure(responseCodes.REFUSED);
  };

  /** Like `resolve`, but takes bytes where somebody has them ready. */
  const find = (request: Request): MaybeLater<Reply> | PackedReply => {
    for (const resolver of resolvers) {
      const reply = resolver.packed?.(request) ?? resolver.resolve(request);
      if (reply !== undefined) return reply;
    }
    return failure(responseCodes.REFUSED);
  };

  const finish = (
    query: Query,
    reply: Reply | PackedReply,
    transport: DnsTransport,
    limits: ReplyOptions,
  ): Uint8Array => {
    answers.set(reply.rcode, (answers.get(reply.rcode) ?? 0) + 1);
    return encodeReply(writer, query, reply, transport, limits);
  };

  const failed = (query: Query, transport: DnsTransport, error: unknown): Uint8Array => {
    log.error("DNS query failed", { type: query.type, error: messageOf(error) });
    return finish(query, failure(responseCodes.SERVFAIL), transport, limits);
  };

  /** What the answer to this query carries, or `undefined` when its cookie is none. */
  const replyOptions = (query: Query, client: DnsClient | undefined): ReplyOptions | undefined => {
    if (cookies === undefined) return limits;
    const check = checkCookie(query.edns);
    if (check.kind === "malformed") return undefined;
    const address = check.kind === "client" ? parseIp(client?.address ?? "") : undefined;
    if (check.kind === "none" || address === undefined) return limits;
    const seconds = Math.floor(cookies.clock.now() / 1000);
    return { ...limits, cookie: makeCookie(check.clientPart, address, seconds, cookies.secret) };
  };

  const answer: Answer = (bytes, transport, client) => {
    received[transport]++;
    const query = decodeQuery(bytes);
    if (query.kind === "ignore") {
      ignored++;
      return undefined;
    }
    if (query.kind === "reject") {
      answers.set(query.rcode, (answers.get(query.rcode) ?? 0) + 1);
      return encodeRejection(writer, query.id, query.flags, query.rcode);
    }
    const options = replyOptions(query, client);
    const refused = options === undefined ? responseCodes.FORMERR : refusal(query);
    if (refused !== undefined) return finish(query, failure(refused), transport, options ?? limits);
    try {
      const reply = find(requestOf(query, transport, client));
      if (!(reply instanceof Promise)) return finish(query, reply, transport, options ?? limits);
      return reply
        .then((later) => finish(query, later, transport, options ?? limits))
        .catch((error: unknown) => failed(query, transport, error));
    } catch (error) {
      return failed(query, transport, error);
    }
  };

  const stats = (): ResponderStats => ({
    received: { ...received },
    ignored,
    answers: Object.fromEntries([...answers].map(([code, count]) => [responseCodeName(code), count])),
  });

  return { answer, resolve, stats };
}

const noAliases: Request["aliases"] = [];

function requestOf(query: Query, transport: DnsTransport, client: DnsClient | undefined): Request {
  return {
    name: query.name,
    type: query.type,
    flags: query.flags,
    dnssecOk: query.edns?.dnssecOk ?? false,
    transport,
    client,
    aliases: noAliases,
  };
}

/** The response code for questions that no resolver sees. */
function refusal(query: Query): number | undefined {
  if (query.edns !== undefined && query.edns.version !== 0) return responseCodes.BADVERS;
  if (query.class !== dnsClasses.IN) return responseCodes.REFUSED;
  switch (query.type) {
    case recordTypes.OPT:
    case 0:
      return responseCodes.FORMERR;
    case recordTypes.AXFR:
    case recordTypes.IXFR:
      return responseCodes.REFUSED;
    default:
      return undefined;
  }
}
