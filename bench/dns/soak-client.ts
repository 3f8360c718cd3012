import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { dnsName, encodeMessage, queryMessage, recordTypes } from "#layers/codec";
import { addressesOf, clusterIpOf, isHeadless, serviceHost } from "./cluster.ts";
import type { ClusterSize } from "./cluster.ts";
import { gone } from "./soak-states.ts";
import type { SoakStates } from "./soak-states.ts";

/** What a client saw. Times are in milliseconds. */
export interface SoakCounts {
  readonly sent: number;
  readonly answered: number;
  /** Questions that nobody answered in time. */
  readonly lost: number;
  readonly wrong: number;
  /** What was wrong, the first few. */
  readonly complaints: readonly string[];
  /** Answers that told what had just been replaced, and how long before the question at most. */
  readonly late: number;
  readonly latestMs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

const sockets = 16;
const mostOutstanding = 1000;
const lostAfterMs = 5000;
/**
 * An answer may tell what was true this long before the question: the way of a change through the API, for which 20 ms are
 * the target when nothing else is done. Here every core is busy.
 */
const allowedAgeMs = 100;
/** Latencies are counted in steps of 10 us up to a second. */
const stepsPerMs = 100;

type Kind = "address" | "six" | "missing";

/** One socket and what was asked through it, by id. */
interface Line {
  readonly socket: Socket;
  readonly services: Int32Array;
  readonly sentAt: Float64Array;
  readonly kinds: (Kind | undefined)[];
  nextId: number;
}

/** Asks at a steady rate and checks every answer. */
export class SoakClient {
  readonly #states: SoakStates;
  readonly #size: ClusterSize;
  readonly #random: () => number;
  readonly #lines: Line[] = [];
  readonly #latencies = new Uint32Array(1000 * stepsPerMs + 1);
  readonly #queries: Uint8Array[];
  readonly #complaints: string[] = [];
  #sent = 0;
  #answered = 0;
  #wrong = 0;
  #lost = 0;
  #late = 0;
  #latestMs = 0;
  #longestMs = 0;

  constructor(states: SoakStates, size: ClusterSize, random: () => number) {
    this.#states = states;
    this.#size = size;
    this.#random = random;
    this.#queries = Array.from({ length: size.services }, (_, i) => queryFor(serviceHost(i)));
  }

  async open(port: number): Promise<void> {
    for (let i = 0; i < sockets; i++) {
      const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
      socket.connect(port, "127.0.0.1");
      await once(socket, "connect");
      const line: Line = {
        socket,
        services: new Int32Array(65_536),
        sentAt: new Float64Array(65_536),
        kinds: Array.from({ length: 65_536 }),
        nextId: 0,
      };
      socket.on("message", (answer) => this.#receive(line, answer));
      socket.on("error", (error) => this.#complain(`the socket failed: ${error.message}`));
      this.#lines.push(line);
    }
  }

  /** Asks `rate` questions a second (as many as are answered for Infinity) for so long, then waits for the last answers. */
  async ask(rate: number, seconds: number): Promise<void> {
    const started = performance.now();
    const sentBefore = this.#sent;
    const end = started + seconds * 1000;
    for (let now = started; now < end; now = performance.now()) {
      const due =
        rate === Infinity ? Infinity : Math.floor(((now - started) * rate) / 1000) - (this.#sent - sentBefore);
      const free = mostOutstanding - (this.#sent - this.#answered - this.#lost);
      for (let i = Math.min(due, free, 200); i > 0; i--) this.#send(now);
      if (free <= 0) this.#giveUp(now);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (this.#answered + this.#lost < this.#sent) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      this.#giveUp(performance.now());
    }
  }

  get answered(): number {
    return this.#answered;
  }

  counts(): SoakCounts {
    return {
      sent: this.#sent,
      answered: this.#answered,
      lost: this.#lost,
      wrong: this.#wrong,
      complaints: this.#complaints,
      late: this.#late,
      latestMs: this.#latestMs,
      medianMs: this.#latencyAt(0.5),
      p99Ms: this.#latencyAt(0.99),
      longestMs: this.#longestMs,
    };
  }

  close(): void {
    for (const { socket } of this.#lines) socket.close();
  }

  #send(now: number): void {
    const line = this.#lines[this.#sent % sockets];
    if (line === undefined) throw new TypeError("Open the client first");
    const id = line.nextId;
    line.nextId = (id + 1) & 0xffff;
    const service = this.#states.pick();
    const draw = this.#random();
    const kind: Kind = draw < 0.8 ? "address" : draw < 0.9 ? "six" : "missing";
    const plain = this.#queries[service] ?? new Uint8Array(0);
    // The kernel may take it later, so each has memory of its own.
    const query = Buffer.from(plain);
    query.writeUInt16BE(id);
    if (kind === "six") query[query.length - 3] = recordTypes.AAAA;
    // Of "svc" and a number, no Service is called "xvc".
    if (kind === "missing") query[13] = 0x78;
    line.services[id] = service;
    line.sentAt[id] = now;
    line.kinds[id] = kind;
    this.#sent++;
    line.socket.send(query);
  }

  #receive(line: Line, answer: Buffer): void {
    const id = answer.readUInt16BE(0);
    const kind = line.kinds[id];
    // Answered already, or given up.
    if (kind === undefined) return this.#complain(`an answer that nobody waits for: ${answer.toString("hex")}`);
    line.kinds[id] = undefined;
    this.#answered++;
    const now = performance.now();
    const sentAt = line.sentAt[id] ?? 0;
    const latency = now - sentAt;
    const step = Math.min(this.#latencies.length - 1, Math.floor(latency * stepsPerMs));
    this.#latencies[step] = (this.#latencies[step] ?? 0) + 1;
    this.#longestMs = Math.max(this.#longestMs, latency);
    const service = line.services[id] ?? 0;
    const problem = this.#check(service, kind, sentAt, now, answer);
    if (problem !== undefined)
      this.#complain(`${serviceHost(service)} (${kind}): ${problem}: ${answer.toString("hex")}`);
  }

  #check(service: number, kind: Kind, sentAt: number, now: number, answer: Buffer): string | undefined {
    const rcode = (answer[3] ?? 0) & 15;
    const count = answer.readUInt16BE(6);
    const query = this.#queries[service] ?? new Uint8Array(0);
    for (let i = kind === "missing" ? 14 : 12; i < query.length - 4; i++) {
      if (answer[i] !== query[i]) return "another question";
    }
    if (kind === "missing") return rcode === 3 && count === 0 ? undefined : "no such name was expected";
    const round = rcode === 3 ? gone : undefined;
    if (round === undefined && rcode !== 0) return `response code ${rcode}`;
    if (kind === "six") {
      if (count > 0) return "it has no IPv6 address";
      // That there is a name and no address holds in every state but one.
      if (round === undefined) return undefined;
    }
    const told = round ?? this.#roundOf(service, answer, query.length, count);
    if (told === undefined) return "addresses that it never had together";
    const age = this.#states.ageOf(service, told, sentAt, now);
    if (age === undefined) return `round ${told} was not true lately`;
    if (age > 0) {
      this.#late++;
      this.#latestMs = Math.max(this.#latestMs, age);
    }
    return age > allowedAgeMs ? `round ${told} ended ${age.toFixed(0)} ms before the question` : undefined;
  }

  /** The round that has exactly these addresses; undefined when none has. */
  #roundOf(service: number, answer: Buffer, questionEnd: number, count: number): number | undefined {
    const told = new Set<string>();
    let second = 0;
    for (let i = 0; i < count; i++) {
      const at = questionEnd + 16 * i + 12;
      second = answer[at + 1] ?? 0;
      told.add(`${answer[at]}.${second}.${answer[at + 2]}.${answer[at + 3]}`);
    }
    const { endpointsPerService } = this.#size;
    const round = isHeadless(service) ? second >> 2 : 0;
    const expected = isHeadless(service) ? addressesOf(service, endpointsPerService, round) : [clusterIpOf(service)];
    return told.size === expected.length && count === expected.length && expected.every((one) => told.has(one))
      ? round
      : undefined;
  }

  #giveUp(now: number): void {
    for (const { kinds, sentAt } of this.#lines) {
      for (let id = 0; id < kinds.length; id++) {
        if (kinds[id] === undefined || now - (sentAt[id] ?? 0) < lostAfterMs) continue;
        kinds[id] = undefined;
        this.#lost++;
      }
    }
  }

  #complain(text: string): void {
    this.#wrong++;
    if (this.#complaints.length < 10) this.#complaints.push(text);
  }

  #latencyAt(share: number): number {
    let left = this.#answered * share;
    for (const [step, count] of this.#latencies.entries()) {
      left -= count;
      if (left < 0) return step / stepsPerMs;
    }
    return this.#longestMs;
  }
}

function queryFor(host: string): Uint8Array {
  return encodeMessage(queryMessage(0, { name: dnsName(host), type: recordTypes.A, class: 1 })).slice();
}
