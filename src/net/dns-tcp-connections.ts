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
  /** Questions of one connection that wait for their answer; no further one is taken at more. */
  readonly maxPending: number;
  /** Bytes of answers that a client has not taken; no further question is taken at more. */
  readonly maxUnsentBytes: number;
}

export const defaultDnsTcpLimits: DnsTcpLimits = {
  maxConnections: 1000,
  idleMs: 10_000,
  frameMs: 3000,
  maxPending: 100,
  maxUnsentBytes: 65_536,
};

/** Longer questions do not exist outside of attacks; their connection is closed. */
const longestQuestion = 8192;
const longestSweepMs = 1000;
const nothing: Buffer = Buffer.alloc(0);

interface Connection {
  readonly socket: Socket;
  readonly client: { readonly address: string; readonly port: number };
  /** Received bytes that are no whole question yet, or questions that are not taken yet. */
  rest: Buffer;
  /** Whether there are whole questions in `rest`, because the client has too much open already. */
  isStalled: boolean;
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
  /** What TLS runs over. */
  readonly #carriers = new Set<Socket>();
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
    const isSecure = "setSecureContext" in server;
    server.on(isSecure ? "secureConnection" : "connection", (socket: Socket) => this.#accept(socket));
    if (!isSecure) return;
    server.on("connection", (socket) => {
      this.#carriers.add(socket);
      socket.once("close", () => this.#carriers.delete(socket));
    });
  }

  /** Lets every connection finish what it asked; resolves when all are closed, at the latest after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    // What has arrived already is read within a turn of the event loop.
    if (graceMs > 0) await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const closed = [...this.#connections.values()].map((connection) => {
      connection.isEnding = true;
      this.#endWhenDone(connection);
      return new Promise((resolve) => connection.socket.once("close", resolve));
    });
    const timer = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(timer);
    clearInterval(this.#sweep);
    // Clients that have not agreed on keys have asked nothing.
    for (const socket of this.#carriers) socket.destroy();
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.maxConnections) {
      const oldest = this.#connections.keys().next();
      if (oldest.done !== true) {
        // At once: the socket tells that it is closed only later, when others may have come.
        this.#connections.delete(oldest.value);
        oldest.value.destroy();
      }
    }
    const connection: Connection = {
      socket,
      client: { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 },
      rest: nothing,
      isStalled: false,
      pending: 0,
      isEnding: false,
      deadline: performance.now() + this.#limits.idleMs,
    };
    this.#connections.set(socket, connection);
    const { idleMs, frameMs } = this.#limits;
    this.#sweep ??= setInterval(() => this.#closeIdle(), Math.min(longestSweepMs, idleMs, frameMs)).unref();
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#received(connection, chunk));
    socket.on("drain", () => this.#resume(connection));
    socket.on("end", () => {
      connection.isEnding = true;
      this.#endWhenDone(connection);
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#connections.delete(socket));
  }

  #received(connection: Connection, chunk: Buffer): void {
    const startsHere = connection.rest.length === 0;
    connection.rest = startsHere ? chunk : Buffer.concat([connection.rest, chunk]);
    this.#takeAll(connection, startsHere);
  }

  /** Takes all whole questions, as long as the client takes the answers; `startsHere` when its bytes are all new. */
  #takeAll(connection: Connection, startsHere: boolean): void {
    const { socket, rest: bytes } = connection;
    const { idleMs, frameMs, maxPending, maxUnsentBytes } = this.#limits;
    const ready: Uint8Array[] = [];
    let at = 0;
    let unsent = socket.writableLength;
    connection.isStalled = false;
    while (bytes.length - at >= 2) {
      const length = bytes.readUInt16BE(at);
      if (length > longestQuestion || length === 0) {
        socket.destroy();
        return;
      }
      if (bytes.length - at < 2 + length) break;
      if (connection.pending >= maxPending || unsent >= maxUnsentBytes) {
        connection.isStalled = true;
        break;
      }
      const before = ready.length;
      this.#take(connection, bytes.subarray(at + 2, at + 2 + length), ready);
      if (ready.length > before) unsent += 2 + (ready.at(-1)?.length ?? 0);
      at += 2 + length;
    }
    // A copy, so that a few bytes do not hold the whole chunk.
    if (at > 0) connection.rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at));
    if (at > 0) {
      connection.deadline = performance.now() + idleMs;
      this.#connections.delete(socket);
      this.#connections.set(socket, connection);
    }
    const isPartial = connection.rest.length > 0 && !connection.isStalled;
    if (isPartial && (at > 0 || startsHere)) connection.deadline = performance.now() + frameMs;
    this.#send(connection, ready);
    if (!connection.isStalled) return;
    socket.pause();
    // What the system has taken at once makes no event. The other connections come first.
    if (!socket.writableNeedDrain && connection.pending < maxPending) setImmediate(() => this.#resume(connection));
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
      this.#resume(connection);
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
    this.#resume(connection);
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

  /** Goes on with a client that took its answers, or got them. */
  #resume(connection: Connection): void {
    const { socket } = connection;
    const { maxPending } = this.#limits;
    if (socket.destroyed) return;
    if (connection.isStalled && !socket.writableNeedDrain && connection.pending < maxPending) {
      this.#takeAll(connection, false);
    }
    this.#endWhenDone(connection);
    const mayRead = !connection.isStalled && !socket.writableNeedDrain && connection.pending < maxPending;
    if (socket.isPaused() && mayRead) socket.resume();
  }

  #endWhenDone({ socket, isEnding, isStalled, pending }: Connection): void {
    if (isEnding && !isStalled && pending === 0) socket.end();
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
