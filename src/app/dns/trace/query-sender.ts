import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import type { Socket } from "node:net";
import {
  decodeMessage,
  dnsName,
  dnsClasses,
  encodeMessage,
  formatRecordData,
  queryMessage,
  recordTypeName,
  recordTypes,
  responseCodeName,
} from "../../../codec/index.ts";
import type { Message } from "../../../codec/index.ts";
import { ip } from "../../../core/index.ts";
import type { Ask, LookupType, QueryOutcome } from "../../../dns/index.ts";
import { inNamespace } from "../../../kernel/index.ts";
import { dialFrom } from "../../../lab/index.ts";

/** One query that was sent from a place, and what came of it. */
export interface SentQuery {
  readonly id: number;
  readonly type: LookupType;
  readonly server: string;
  readonly outcome: QueryOutcome;
  /** Records of the answer section, as `A 192.0.2.1`. */
  readonly answers: readonly string[];
  readonly microseconds: number | undefined;
}

type Result = Pick<SentQuery, "outcome" | "answers" | "microseconds">;

interface Pending {
  readonly id: number;
  readonly type: LookupType;
  readonly server: string;
  readonly bytes: Uint8Array;
  sentAt: number;
  result: Result | undefined;
}

/** Told the local port before anything leaves from it, and again when nothing more will come. */
export interface PortWatch {
  readonly opened: (port: number) => Promise<void>;
  readonly closed: (port: number) => Promise<void>;
}

const dnsPort = 53;

/** What came of all queries of an `Ask`, and how long the resolver would have waited for it. */
export interface Sent {
  readonly queries: readonly SentQuery[];
  readonly elapsedMs: number;
}

/** Sends the queries of `ask` from a network namespace as a resolver does, and resolves to what came of each. */
export function sendQueries(namespacePath: string, ask: Ask, watch: PortWatch): Promise<Sent> {
  const pending = ask.types.flatMap((type) => ask.servers.map((server) => queryOf(ask.name, type, server)));
  return ask.transport === "tcp"
    ? overTcp(namespacePath, ask, pending, watch)
    : overUdp(namespacePath, ask, pending, watch);
}

function queryOf(name: string, type: LookupType, server: string): Pending {
  const id = randomInt(0x1_0000);
  const question = { name: dnsName(name), type: recordTypes[type], class: dnsClasses.IN };
  // As C libraries send it unless told otherwise: without EDNS.
  return { id, type, server, bytes: encodeMessage(queryMessage(id, question)).slice(), sentAt: 0, result: undefined };
}

async function overUdp(namespacePath: string, ask: Ask, pending: readonly Pending[], watch: PortWatch): Promise<Sent> {
  const socket = udpSocketIn(namespacePath, ask.servers[0] ?? "");
  const [server = ""] = ask.servers;
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      // Only a connected socket hears that nothing listens; musl asks several servers over one that is not connected.
      if (ask.enough === "any") socket.connect(dnsPort, server, resolve);
      else if (isBound(socket)) resolve();
      else socket.once("listening", resolve);
    });
  } catch {
    socket.close();
    return unreachable(pending);
  }
  const { port } = socket.address();
  await watch.opened(port);
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ask.waitMs);
    const finishIfEnough = () => {
      if (!isEnough(ask, pending)) return;
      clearTimeout(timer);
      resolve();
    };
    const send = (query: Pending) => {
      query.sentAt = performance.now();
      if (ask.enough === "any") socket.send(query.bytes);
      else socket.send(query.bytes, dnsPort, query.server);
    };
    socket.removeAllListeners("error");
    socket.on("error", () => {
      clearTimeout(timer);
      for (const query of pending) query.result ??= unreachableResult;
      resolve();
    });
    const [first, ...others] = pending;
    socket.on("message", (bytes, { address }) => {
      const answered = take(pending, bytes, address);
      if (answered !== undefined && answered === first && ask.inTurn) others.forEach(send);
      finishIfEnough();
    });
    if (first !== undefined) send(first);
    if (!ask.inTurn) others.forEach(send);
  });
  const elapsedMs = performance.now() - startedAt;
  socket.close();
  await watch.closed(port);
  return { queries: pending.map(finished), elapsedMs };
}

async function overTcp(namespacePath: string, ask: Ask, pending: readonly Pending[], watch: PortWatch): Promise<Sent> {
  const socket = dialFrom(namespacePath, ip(ask.servers[0] ?? ""), dnsPort);
  const startedAt = performance.now();
  const timer = setTimeout(() => socket.destroy(), ask.waitMs);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed")));
    });
  } catch {
    clearTimeout(timer);
    return unreachable(pending);
  }
  const port = socket.localPort ?? 0;
  await watch.opened(port);
  await exchangeFrames(socket, pending);
  const elapsedMs = performance.now() - startedAt;
  clearTimeout(timer);
  socket.destroy();
  await watch.closed(port);
  return { queries: pending.map(finished), elapsedMs };
}

/** Resolves when all queries are answered or the connection is closed. */
function exchangeFrames(socket: Socket, pending: readonly Pending[]): Promise<void> {
  let buffer = Buffer.alloc(0);
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.on("end", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk]);
      while (buffer.length >= 2 && buffer.length >= 2 + buffer.readUInt16BE(0)) {
        const end = 2 + buffer.readUInt16BE(0);
        take(pending, buffer.subarray(2, end), undefined);
        buffer = buffer.subarray(end);
      }
      if (pending.every(({ result }) => result !== undefined)) resolve();
    });
    for (const query of pending) {
      query.sentAt = performance.now();
      socket.write(Buffer.concat([Buffer.from([query.bytes.length >> 8, query.bytes.length & 255]), query.bytes]));
    }
  });
}

function udpSocketIn(namespacePath: string, server: string): UdpSocket {
  const type = server.includes(":") ? "udp6" : "udp4";
  return inNamespace(namespacePath, () => {
    // A lookup that answers on the spot: the socket has to be made before the thread leaves the namespace.
    const socket = createSocket({ type, lookup: (host, _options, done) => done(null, host, type === "udp6" ? 6 : 4) });
    return socket.bind(0);
  });
}

/** With a lookup that answers on the spot, binding is over before anybody can wait for it. */
function isBound(socket: UdpSocket): boolean {
  try {
    return socket.address().port > 0;
  } catch {
    return false;
  }
}

/** Gives a message to the query that it answers. */
function take(pending: readonly Pending[], bytes: Uint8Array, from: string | undefined): Pending | undefined {
  const now = performance.now();
  const message = decodeMessage(bytes);
  if (message.kind !== "message") return undefined;
  const query = pending.find(
    ({ id, type, server, result }) =>
      result === undefined &&
      id === message.id &&
      (from === undefined || from === server) &&
      message.questions[0]?.type === recordTypes[type],
  );
  if (query === undefined) return undefined;
  query.result = {
    outcome: outcomeOf(message, query.type),
    answers: message.answers.map(({ type, rdata }) => `${recordTypeName(type)} ${formatRecordData(type, rdata)}`),
    microseconds: Math.round(1000 * (now - query.sentAt)),
  };
  return query;
}

function outcomeOf(message: Message, type: LookupType): QueryOutcome {
  const { rcode, answers, authoritative, recursionAvailable, additionals, edns, truncated } = message;
  const wanted = answers.filter((record) => record.type === recordTypes[type]).length;
  const isBare = answers.length === 0 && additionals.length === 0 && edns === undefined;
  return {
    kind: "reply",
    rcode: responseCodeName(rcode),
    records: answers.length,
    wanted,
    truncated,
    isReferral: rcode === 0 && isBare && !authoritative && !recursionAvailable,
  };
}

function isEnough({ enough, types }: Ask, pending: readonly Pending[]): boolean {
  if (pending.every(({ result }) => result !== undefined)) return true;
  if (enough === "any") return false;
  const isCertain = ({ result }: Pending) =>
    result?.outcome.kind === "reply" && ["NOERROR", "NXDOMAIN"].includes(result.outcome.rcode);
  return types.every((type) => pending.some((query) => query.type === type && isCertain(query)));
}

const unreachableResult: Result = { outcome: { kind: "unreachable" }, answers: [], microseconds: undefined };
const silentResult: Result = { outcome: { kind: "timeout" }, answers: [], microseconds: undefined };

function finished({ id, type, server, result }: Pending): SentQuery {
  return { id, type, server, ...(result ?? silentResult) };
}

function unreachable(pending: readonly Pending[]): Sent {
  return { queries: pending.map((query) => finished({ ...query, result: unreachableResult })), elapsedMs: 0 };
}
