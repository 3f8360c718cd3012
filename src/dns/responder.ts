import {
  MessageWriter,
  decodeQuery,
  dnsClasses,
  recordTypes,
  responseCodeName,
  responseCodes,
} from "../codec/index.ts";
import type { DnsName, Query } from "../codec/index.ts";
import { messageOf, parseIp } from "../core/index.ts";
import type { Clock, Logger } from "../core/index.ts";
import { checkCookie, makeCookie } from "./cookie.ts";
import { encodeRejection, encodeReply } from "./reply-encoding.ts";
import type { ReplyOptions } from "./reply-encoding.ts";
import { dropped, failure } from "./resolver.ts";
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

/** Hears of every answer to a question. It must not throw. */
export interface QueryObserver {
  /** A query came: the time on the monotonic clock in milliseconds, or nothing when this one is not timed. */
  started(query: Query): number | undefined;
  /** The answer has to be waited for, so it is timed; gives the time when it was not taken before. */
  waiting(startedAt: number | undefined): number;
  /** `received` is how many bytes the query had; `hasWaited` whether `waiting()` was called for it. */
  answered(
    query: Query,
    received: number,
    answer: Uint8Array,
    reply: Reply | PackedReply,
    transport: DnsTransport,
    client: DnsClient | undefined,
    startedAt: number | undefined,
    hasWaited: boolean,
  ): void;
  /** A query failed by a mistake of the program. */
  failed(): void;
}

/** How a responder answers. */
export interface ResponderOptions {
  /** The most bytes of a UDP answer, 512 at least; as many as the client offers unless given. */
  readonly maxUdpSize?: number | undefined;
  /** The same where it depends on the question. */
  readonly maxUdpSizeOf?: ((name: DnsName) => number | undefined) | undefined;
  readonly observer?: QueryObserver | undefined;
  /** With a secret of 16 bytes, clients that send a cookie get a good one back (RFC 9018); else their own. */
  readonly cookies?: { readonly secret: Uint8Array; readonly clock: Clock } | undefined;
}

/** Who is asked what to answer. */
export interface Finder {
  readonly resolve: Resolve;
  /** Like `resolve`, but takes bytes where somebody has them ready. */
  readonly find: (request: Request) => MaybeLater<Reply> | PackedReply;
}

/** Asks `resolvers` in order, refuses what none of them knows. */
export function askInOrder(resolvers: readonly Resolver[]): Finder {
  return {
    resolve: (request) => {
      for (const resolver of resolvers) {
        const reply = resolver.resolve(request);
        if (reply !== undefined) return reply;
      }
      return failure(responseCodes.REFUSED);
    },
    find: (request) => {
      for (const resolver of resolvers) {
        const reply = resolver.packed?.(request) ?? resolver.resolve(request);
        if (reply !== undefined) return reply;
      }
      return failure(responseCodes.REFUSED);
    },
  };
}

/** Makes the front of a DNS server: checks messages, asks for an answer, and writes it. */
export function createResponder({ resolve, find }: Finder, log: Logger, options: ResponderOptions = {}): Responder {
  const { cookies, observer, maxUdpSizeOf } = options;
  const general: ReplyOptions = { maxUdpSize: options.maxUdpSize };
  const writer = new MessageWriter();
  const received = { udp: 0, tcp: 0 };
  const answers = new Map<number, number>();
  let ignored = 0;

  const finish = (asked: Asked, reply: Reply | PackedReply): Uint8Array | undefined => {
    if (reply === dropped) {
      ignored++;
      return undefined;
    }
    answers.set(reply.rcode, (answers.get(reply.rcode) ?? 0) + 1);
    const { query, transport, client, received, startedAt, hasWaited } = asked;
    const answer = encodeReply(writer, query, reply, transport, asked.limits);
    observer?.answered(query, received, answer, reply, transport, client, startedAt, hasWaited);
    return answer;
  };

  const failed = (asked: Asked, error: unknown): Uint8Array | undefined => {
    log.error("DNS query failed", { type: asked.query.type, error: messageOf(error) });
    observer?.failed();
    return finish(asked, failure(responseCodes.SERVFAIL));
  };

  /** What the answer to this query carries, or `undefined` when its cookie is none. */
  const replyOptions = (query: Query, client: DnsClient | undefined): ReplyOptions | undefined => {
    const limits = maxUdpSizeOf === undefined ? general : { maxUdpSize: maxUdpSizeOf(query.name) };
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
    const limits = replyOptions(query, client);
    const asked: Asked = {
      query,
      received: bytes.length,
      transport,
      client,
      limits: limits ?? general,
      startedAt: observer?.started(query),
      hasWaited: false,
    };
    const refused = limits === undefined ? responseCodes.FORMERR : refusal(query);
    if (refused !== undefined) return finish(asked, failure(refused));
    try {
      const reply = find(requestOf(query, transport, client));
      if (!(reply instanceof Promise)) return finish(asked, reply);
      const timed =
        observer === undefined ? asked : { ...asked, startedAt: observer.waiting(asked.startedAt), hasWaited: true };
      return reply.then((later) => finish(timed, later)).catch((error: unknown) => failed(timed, error));
    } catch (error) {
      return failed(asked, error);
    }
  };

  const stats = (): ResponderStats => ({
    received: { ...received },
    ignored,
    answers: Object.fromEntries([...answers].map(([code, count]) => [responseCodeName(code), count])),
  });

  return { answer, resolve, stats };
}

/** A question on its way to its answer. */
interface Asked {
  readonly query: Query;
  readonly received: number;
  readonly transport: DnsTransport;
  readonly client: DnsClient | undefined;
  readonly limits: ReplyOptions;
  readonly startedAt: number | undefined;
  readonly hasWaited: boolean;
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
