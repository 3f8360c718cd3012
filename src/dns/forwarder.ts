import {
  MessageWriter,
  decodeMessage,
  dnsClasses,
  encodeMessage,
  headerBits,
  nameKey,
  responseCodes,
  sameName,
} from "../codec/index.ts";
import type { Edns, Message } from "../codec/index.ts";
import type { Cancel, Clock, Random } from "../core/index.ts";
import { ForwardCache } from "./forward-cache.ts";
import type { ForwardCacheLimits } from "./forward-cache.ts";
import { failure, wantsUnchecked } from "./resolver.ts";
import type { DnsServerAddress, DnsTransport, MaybeLater, Reply, Request, Resolver } from "./resolver.ts";
import { replyOf, rotated } from "./upstream-reply.ts";
import type { UpstreamDialer } from "./upstream.ts";

/** How other servers are asked. Times are in milliseconds. */
export interface ForwarderOptions {
  readonly upstreams: readonly DnsServerAddress[];
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  /** Also makes the ids of queries: use one that cannot be guessed. */
  readonly random: Random;
  /** How long one server is waited for; 2000 unless given. */
  readonly attemptTimeoutMs?: number;
  /** After that no further server is asked; 5000 unless given. */
  readonly totalTimeoutMs?: number;
  /** Different questions asked at the same time; more are refused. 1000 unless given. */
  readonly maxConcurrent?: number;
  readonly cache?: Partial<ForwardCacheLimits>;
}

/** What a forwarder counted since it was made. */
export interface ForwarderStats {
  readonly hits: number;
  readonly misses: number;
  /** Questions that were already being asked for somebody else. */
  readonly joined: number;
  readonly rejected: number;
  /** Questions that no server answered. */
  readonly unanswered: number;
  readonly inFlight: number;
  readonly cached: number;
}

/** Servers offer at least this much without fragments (DNS flag day 2020). */
const udpSize = 1232;
/** Longer than any query can be. */
const queryBytes = 512;
/** How long a server that did not answer is asked last. */
const avoidMs = 10_000;

/** Asks other servers, each question once at a time, and remembers what they say for a while. */
export class Forwarder implements Resolver {
  readonly #options: ForwarderOptions;
  readonly #cache: ForwardCache;
  readonly #writer = new MessageWriter();
  readonly #inFlight = new Map<string, Promise<Reply>>();
  readonly #attempts = new Set<Cancel>();
  readonly #avoidUntil = new Map<DnsServerAddress, number>();
  readonly #counts = { hits: 0, misses: 0, joined: 0, rejected: 0, unanswered: 0 };
  #stopped = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#cache = new ForwardCache({ entries: 4096, positiveSeconds: 30, negativeSeconds: 30, ...options.cache });
  }

  resolve(request: Request): MaybeLater<Reply> | undefined {
    const { upstreams, clock, random, maxConcurrent = 1000 } = this.#options;
    if (upstreams.length === 0) return undefined;
    const key = `${request.type} ${request.dnssecOk ? 1 : 0}${wantsUnchecked(request) ? 1 : 0} ${nameKey(request.name)}`;
    const known = this.#cache.get(key, clock.monotonic());
    if (known !== undefined) {
      this.#counts.hits++;
      return rotated(known, random);
    }
    const running = this.#inFlight.get(key);
    if (running !== undefined) {
      this.#counts.joined++;
      return running.then((reply) => rotated(reply, random));
    }
    if (this.#inFlight.size >= maxConcurrent || this.#stopped) {
      this.#counts.rejected++;
      return failure(responseCodes.REFUSED);
    }
    this.#counts.misses++;
    const asked = this.#ask(request, key).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, asked);
    return asked;
  }

  stats(): ForwarderStats {
    return { ...this.#counts, inFlight: this.#inFlight.size, cached: this.#cache.size };
  }

  /** Gives up on all running questions (their answer is SERVFAIL) and takes no new ones. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#attempts) cancel();
  }

  async #ask(request: Request, key: string): Promise<Reply> {
    const { clock, totalTimeoutMs = 5000 } = this.#options;
    const deadline = clock.monotonic() + totalTimeoutMs;
    let last: Reply | undefined;
    for (const upstream of this.#order()) {
      const left = deadline - clock.monotonic();
      if (left <= 0 || this.#stopped) break;
      const message = await this.#exchange(request, upstream, deadline);
      if (message === undefined) {
        this.#avoidUntil.set(upstream, clock.monotonic() + avoidMs);
        continue;
      }
      this.#avoidUntil.delete(upstream);
      last = replyOf(message.message, request.name);
      if (isFinal(last.rcode)) {
        this.#cache.put(key, last, message.size, clock.monotonic());
        return last;
      }
    }
    if (last === undefined) {
      this.#counts.unanswered++;
      last = { ...failure(responseCodes.SERVFAIL), recursionAvailable: true };
    }
    if (!this.#stopped) this.#cache.put(key, last, 0, clock.monotonic());
    return last;
  }

  /** All servers, those that answered lately first, beginning with a random one. */
  #order(): readonly DnsServerAddress[] {
    const { upstreams, clock, random } = this.#options;
    const first = Math.floor(random() * upstreams.length);
    const turned = [...upstreams.slice(first), ...upstreams.slice(0, first)];
    const now = clock.monotonic();
    const isAvoided = (upstream: DnsServerAddress) => (this.#avoidUntil.get(upstream) ?? 0) > now;
    return [...turned.filter((upstream) => !isAvoided(upstream)), ...turned.filter(isAvoided)];
  }

  /** One server: over UDP, again over TCP when the answer was cut, without EDNS when it is not understood. */
  async #exchange(request: Request, upstream: DnsServerAddress, deadline: number): Promise<Received | undefined> {
    const edns: Edns = { udpSize, version: 0, dnssecOk: request.dnssecOk, options: [] };
    let reply = await this.#attempt(request, upstream, "udp", deadline, edns);
    if (reply?.message.rcode === responseCodes.FORMERR && reply.message.edns === undefined) {
      reply = await this.#attempt(request, upstream, "udp", deadline, undefined);
    }
    if (reply?.message.truncated !== true) return reply;
    return (await this.#attempt(request, upstream, "tcp", deadline, edns)) ?? reply;
  }

  #attempt(
    request: Request,
    upstream: DnsServerAddress,
    transport: DnsTransport,
    deadline: number,
    edns: Edns | undefined,
  ): Promise<Received | undefined> {
    const { clock, dial, random, attemptTimeoutMs = 2000 } = this.#options;
    const query = queryFor(request, Math.floor(random() * 0x1_0000), edns);
    const timeout = Math.min(attemptTimeoutMs, deadline - clock.monotonic());
    return new Promise((resolve) => {
      let isOver = false;
      const cancels: Cancel[] = [];
      const finish = (received: Received | undefined) => {
        if (isOver) return;
        isOver = true;
        this.#attempts.delete(giveUp);
        for (const cancel of cancels) cancel();
        resolve(received);
      };
      const giveUp = () => finish(undefined);
      this.#attempts.add(giveUp);
      cancels.push(clock.schedule(timeout, giveUp));
      const close = dial.send(upstream, transport, encodeMessage(query, queryBytes, this.#writer), {
        message: (bytes) => {
          const message = decodeMessage(bytes);
          if (message.kind === "message" && answers(message, query)) finish({ message, size: bytes.length });
        },
        failed: giveUp,
      });
      cancels.push(close);
      if (isOver) close();
    });
  }
}

interface Received {
  readonly message: Message;
  readonly size: number;
}

/** Whether asking the next server would be pointless: this one knows. */
function isFinal(rcode: number): boolean {
  return rcode === responseCodes.NOERROR || rcode === responseCodes.NXDOMAIN;
}

function queryFor(request: Request, id: number, edns: Edns | undefined): Message {
  return {
    kind: "message",
    id,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    reserved: false,
    authenticData: (request.flags & headerBits.authenticData) !== 0,
    checkingDisabled: wantsUnchecked(request),
    rcode: 0,
    questions: [{ name: request.name, type: request.type, class: dnsClasses.IN }],
    answers: [],
    authorities: [],
    additionals: [],
    ...(edns === undefined ? {} : { edns }),
  };
}

/** Whether a message answers this query: forged and late ones do not, and are passed over. */
function answers(message: Message, query: Message): boolean {
  if (!message.response || message.id !== query.id || message.opcode !== query.opcode) return false;
  const [asked] = query.questions;
  const [echoed] = message.questions;
  if (asked === undefined || message.questions.length > 1) return false;
  // Servers that could not read the question do not repeat it.
  if (echoed === undefined) return message.rcode === responseCodes.FORMERR || message.rcode === responseCodes.NOTIMP;
  return echoed.type === asked.type && echoed.class === asked.class && sameName(echoed.name, asked.name);
}
