import type { Server, Socket } from "node:net";

/** Answers one message, now or later; `undefined` where no answer may be sent. Never throws, never rejects. */
export type DnsAnswer = (
  query: Uint8Array,
  transport: "udp" | "tcp",
  client: { readonly address: string; readonly port: number },
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/** Answers one message with several, as transfers of zones are; `undefined` for all that one answer is enough for. */
export type DnsTransfer = (
  query: Uint8Array,
  client: { readonly address: string; readonly port: number },
) => Iterable<Uint8Array> | undefined;

/** Limits of DNS over TCP. Times are in milliseconds. */
export interface DnsTcpLimits {
  /** Connections at the same time; the one idle for longest goes when there are more. */
  readonly maxConnections: number;
  /** How long a connection may be without a question. */
  readonly idleMs: number;
  /** How long a question may take from its first byte to its last. */
  readonly frameMs: number;
  /** Questions of one connection that wait for their answer; reading pauses at more. */
  readonly maxPending: number;
}

export const defaultDnsTcpLimits: DnsTcpLimits = {
  maxConnections: 1000,
  idleMs: 10_000,
  frameMs: 3000,
  maxPending: 100,
};

/** Longer questions do not exist outside of attacks; their connection is closed. */
const longestQuestion = 8192;
const sweepMs = 1000;
const nothing: Buffer = Buffer.alloc(0);

interface Connection {
  readonly socket: Socket;
  readonly client: { readonly address: string; readonly port: number };
  /** Received bytes that are no whole question yet. */
  rest: Buffer;
  pending: number;
  /** No more questions are taken: end when the last answer is sent. */
  isEnding: boolean;
  /** When it is closed unless something happens, by `performance.now()`. */
  deadline: number;
}

/**
 * Speaks DNS on the connections of servers: a length of two bytes before every message, any number of questions one
 * after the other without waiting, answers as they become ready (RFC 7766).
 */
export class DnsTcpConnections {
  readonly #answer: DnsAnswer;
  readonly #transfer: DnsTransfer | undefined;
  readonly #limits: DnsTcpLimits;
  /** In the order of their last activity. */
  readonly #connections = new Map<Socket, Connection>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(answer: DnsAnswer, limits: DnsTcpLimits, transfer?: DnsTransfer) {
    this.#answer = answer;
    this.#transfer = transfer;
    this.#limits = limits;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Takes the connections of `server`. */
  serve(server: Server): void {
    // TLS servers have two: the second is the one that speaks.
    const event = "setSecureContext" in server ? "secureConnection" : "connection";
    server.on(event, (socket: Socket) => this.#accept(socket));
  }

  /** Lets every connection finish what it asked; resolves when all are closed, at the latest after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    // What has arrived already is read within a turn of the event loop.
    if (graceMs > 0) await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const closed = [...this.#connections.values()].map((connection) => {
      connection.isEnding = true;
      if (connection.pending === 0) connection.socket.end();
      return new Promise((resolve) => connection.socket.once("close", resolve));
    });
    const timer = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(timer);
    clearInterval(this.#sweep);
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.maxConnections) {
      const oldest = this.#connections.keys().next();
      if (oldest.done !== true) oldest.value.destroy();
    }
    const connection: Connection = {
      socket,
      client: { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
      rest: nothing,
      pending: 0,
      isEnding: false,
      deadline: performance.now() + this.#limits.idleMs,
    };
    this.#connections.set(socket, connection);
    this.#sweep ??= setInterval(() => this.#closeIdle(), sweepMs).unref();
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#received(connection, chunk));
    socket.on("drain", () => this.#resume(connection));
    socket.on("end", () => {
      connection.isEnding = true;
      if (connection.pending === 0) socket.end();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
  }

  #received(connection: Connection, chunk: Buffer): void {
    let bytes = connection.rest.length === 0 ? chunk : Buffer.concat([connection.rest, chunk]);
    connection.rest = nothing;
    const ready: Uint8Array[] = [];
    let questions = 0;
    while (bytes.length >= 2) {
      const length = bytes.readUInt16BE(0);
      if (length > longestQuestion || length === 0) {
        connection.socket.destroy();
        return;
      }
      if (bytes.length < 2 + length) break;
      this.#take(connection, bytes.subarray(2, 2 + length), ready);
      bytes = bytes.subarray(2 + length);
      questions++;
    }
    const { idleMs, frameMs } = this.#limits;
    if (questions > 0) {
      connection.deadline = performance.now() + idleMs;
      this.#connections.delete(connection.socket);
      this.#connections.set(connection.socket, connection);
    }
    if (bytes.length > 0) {
      const startsHere = questions > 0 || bytes.length === chunk.length;
      if (startsHere) connection.deadline = performance.now() + frameMs;
      // A copy, so that a few bytes do not hold the whole chunk.
      connection.rest = Buffer.from(bytes);
    }
    this.#send(connection, ready);
  }

  #take(connection: Connection, question: Buffer, ready: Uint8Array[]): void {
    const messages = this.#transfer?.(question, connection.client);
    if (messages !== undefined) {
      void this.#sendAll(connection, messages);
      return;
    }
    const answer = this.#answer(question, "tcp", connection.client);
    if (!(answer instanceof Promise)) {
      if (answer !== undefined) ready.push(answer);
      return;
    }
    connection.pending++;
    void answer.then((later) => {
      connection.pending--;
      this.#send(connection, later === undefined ? [] : [later]);
      if (connection.isEnding && connection.pending === 0) connection.socket.end();
      else this.#resume(connection);
    });
  }

  /** Sends one message after the other, as fast as the client takes them. */
  async #sendAll(connection: Connection, messages: Iterable<Uint8Array>): Promise<void> {
    const { socket } = connection;
    connection.pending++;
    for (const message of messages) {
      if (!socket.writable) break;
      // Whoever takes what it asked for is not idle.
      connection.deadline = performance.now() + this.#limits.idleMs;
      this.#send(connection, [message]);
      if (socket.writableNeedDrain) await drained(socket);
    }
    connection.pending--;
    if (connection.isEnding && connection.pending === 0) socket.end();
    else this.#resume(connection);
  }

  /** Writes all answers with one system call. */
  #send(connection: Connection, answers: readonly Uint8Array[]): void {
    const { socket } = connection;
    if (!socket.writable) return;
    if (connection.pending >= this.#limits.maxPending) socket.pause();
    if (answers.length === 0) return;
    const size = answers.reduce((sum, answer) => sum + 2 + answer.length, 0);
    const out = Buffer.allocUnsafe(size);
    let at = 0;
    for (const answer of answers) {
      at = out.writeUInt16BE(answer.length, at);
      out.set(answer, at);
      at += answer.length;
    }
    if (!socket.write(out)) socket.pause();
  }

  #resume({ socket, pending }: Connection): void {
    if (socket.isPaused() && !socket.writableNeedDrain && pending < this.#limits.maxPending) socket.resume();
  }

  #closeIdle(): void {
    const now = performance.now();
    for (const { socket, deadline, pending } of this.#connections.values()) {
      // A client that waits for an answer is not idle; one that does not read its answers is.
      if (now >= deadline && (pending === 0 || socket.writableNeedDrain)) socket.destroy();
    }
  }
}

/** Resolves when a socket takes more, or never will. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}
