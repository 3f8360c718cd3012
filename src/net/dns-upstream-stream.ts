import { randomInt } from "node:crypto";
import { Socket } from "node:net";
import type { Cancel } from "../core/index.ts";
import { familyOf } from "./address-family.ts";

interface Address {
  readonly address: string;
  readonly port: number;
  readonly tls?: {
    readonly serverName?: string;
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
  readonly idleMs?: number;
}

interface Handlers {
  message(bytes: Uint8Array): void;
  failed(error: Error): void;
}

/** How connections are shared, see `DnsDialerOptions`. */
export interface StreamLimits {
  readonly idleMs: number;
  readonly maxConnections: number;
  readonly maxPipelined: number;
}

interface Waiting {
  readonly query: Uint8Array;
  readonly handlers: Handlers;
  readonly sentAt: number;
  /** Whether it was sent again because the server had closed the first connection. */
  readonly isSecond: boolean;
}

interface Connection {
  readonly socket: Socket;
  readonly idleMs: number;
  /** By the id on this connection, which need not be the query's own. */
  readonly waiting: Map<number, Waiting>;
  rest: Buffer;
  lastReceivedAt: number;
  /** Whether an answer ever came, so that its end may be the server's idle timeout. */
  hasAnswered: boolean;
  /** Takes no more queries, and ends when nobody waits. */
  isRetired: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

type StreamTransport = "tcp" | "tls";

/** A connection on which one query waited that long for any byte is not trusted with another. */
const silentMs = 400;
const nothing = Buffer.alloc(0);

/** Shared TCP and TLS connections to DNS servers. */
export class StreamUpstreams {
  readonly #limits: StreamLimits;
  readonly #pools = new Map<string, Set<Connection>>();
  #hits = 0;
  #misses = 0;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  stats(): { readonly connections: number; readonly connectionHits: number; readonly connectionMisses: number } {
    const connections = [...this.#pools.values()].reduce((sum, pool) => sum + pool.size, 0);
    return { connections, connectionHits: this.#hits, connectionMisses: this.#misses };
  }

  send(to: Address, transport: StreamTransport, query: Uint8Array, handlers: Handlers): Cancel {
    let current: Cancel = () => undefined;
    const start = (isSecond: boolean) => {
      const waiting = { query, isSecond, sentAt: performance.now(), handlers: { ...handlers, failed } };
      current = this.#start(to, transport, waiting);
    };
    let isAgain = false;
    const failed = (error: Error) => {
      // Only the end of a connection that had worked gets here as `closedByServer`.
      if (!isAgain && error === closedByServer) {
        isAgain = true;
        return start(true);
      }
      handlers.failed(error === closedByServer ? closedEarly(to) : error);
    };
    start(false);
    return () => current();
  }

  close(): void {
    for (const pool of this.#pools.values()) {
      for (const { socket } of pool) socket.destroy();
    }
  }

  #start(to: Address, transport: StreamTransport, waiting: Waiting): Cancel {
    const connection = this.#choose(to, transport, waiting.isSecond);
    const { socket } = connection;
    const own = ((waiting.query[0] ?? 0) << 8) | (waiting.query[1] ?? 0);
    const id = freeId(connection.waiting, own);
    connection.waiting.set(id, waiting);
    clearTimeout(connection.idleTimer);
    connection.idleTimer = undefined;
    socket.ref();
    const framed = Buffer.allocUnsafe(2 + waiting.query.length);
    framed.writeUInt16BE(waiting.query.length, 0);
    framed.set(waiting.query, 2);
    framed.writeUInt16BE(id, 2);
    socket.write(framed);
    return () => {
      if (connection.waiting.get(id) !== waiting) return;
      connection.waiting.delete(id);
      const now = performance.now();
      const isSilent = connection.lastReceivedAt < waiting.sentAt && now - waiting.sentAt >= silentMs;
      if (isSilent) connection.isRetired = true;
      this.#rest(connection);
    };
  }

  /** The least busy connection; a new one when all are busy and there may be more. */
  #choose(to: Address, transport: StreamTransport, fresh: boolean): Connection {
    const { maxConnections, maxPipelined } = this.#limits;
    const key = `${transport} ${to.address} ${to.port} ${to.idleMs ?? ""} ${JSON.stringify(to.tls ?? {})}`;
    const pool = this.#pools.get(key) ?? new Set();
    this.#pools.set(key, pool);
    let best: Connection | undefined;
    for (const connection of pool) {
      const { isRetired, socket, waiting, hasAnswered } = connection;
      const isUsable = !isRetired && socket.writable && waiting.size < maxQueries;
      // The server may have closed all connections that it had answered on.
      const isFreshEnough = !fresh || !hasAnswered;
      if (isUsable && isFreshEnough && (best === undefined || waiting.size < best.waiting.size)) best = connection;
    }
    if (best !== undefined && (best.waiting.size < maxPipelined || pool.size >= maxConnections)) {
      this.#hits++;
      return best;
    }
    this.#misses++;
    const opened = this.#open(to, transport, () => {
      pool.delete(opened);
      if (pool.size === 0 && this.#pools.get(key) === pool) this.#pools.delete(key);
    });
    pool.add(opened);
    return opened;
  }

  #open(to: Address, transport: StreamTransport, closed: () => void): Connection {
    const socket = transport === "tls" ? connectTls(to) : connectTcp(to);
    const connection: Connection = {
      socket,
      idleMs: to.idleMs ?? this.#limits.idleMs,
      waiting: new Map(),
      rest: nothing,
      lastReceivedAt: 0,
      hasAnswered: false,
      isRetired: false,
      idleTimer: undefined,
    };
    let problem: Error | undefined;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => received(connection, chunk));
    socket.on("error", (error) => {
      problem = error;
    });
    // Who sends no more is asked no more, but what it owes may still come.
    socket.on("end", () => {
      connection.isRetired = true;
    });
    socket.on("close", () => {
      clearTimeout(connection.idleTimer);
      closed();
      const error = connection.hasAnswered ? closedByServer : (problem ?? closedEarly(to));
      connection.isRetired = true;
      for (const { handlers } of connection.waiting.values()) handlers.failed(error);
      connection.waiting.clear();
    });
    return connection;
  }

  /** Closes a connection without queries: soon when nobody should use it, else after a while. */
  #rest(connection: Connection): void {
    if (connection.waiting.size > 0) return;
    const { socket, isRetired, idleMs } = connection;
    if (isRetired) {
      socket.destroy();
      return;
    }
    socket.unref();
    clearTimeout(connection.idleTimer);
    connection.idleTimer = setTimeout(() => socket.destroy(), idleMs).unref();
  }
}

/** As many ids as can be told apart with room to find a free one quickly. */
const maxQueries = 16_384;

/** Tells `send` that the end of a connection says nothing about the query that waited on it. */
const closedByServer = new Error("The server closed the connection");

function closedEarly({ address, port }: Address): Error {
  return new Error(`${address} port ${port} closed the connection without an answer`);
}

function freeId(taken: ReadonlyMap<number, unknown>, own: number): number {
  let id = own;
  while (taken.has(id)) id = randomInt(0x1_0000);
  return id;
}

function received(connection: Connection, chunk: Buffer): void {
  connection.lastReceivedAt = performance.now();
  let bytes = connection.rest.length === 0 ? chunk : Buffer.concat([connection.rest, chunk]);
  connection.rest = nothing;
  while (bytes.length >= 2) {
    const end = 2 + bytes.readUInt16BE(0);
    if (bytes.length < end) break;
    // A copy, because the id is written over and the handler may keep it.
    const message = Buffer.from(bytes.subarray(2, end));
    bytes = bytes.subarray(end);
    const waiting = message.length < 2 ? undefined : connection.waiting.get(message.readUInt16BE(0));
    if (waiting === undefined) continue;
    connection.hasAnswered = true;
    message.set(waiting.query.subarray(0, 2));
    waiting.handlers.message(message);
  }
  if (bytes.length > 0) connection.rest = Buffer.from(bytes);
}

/** Makes the socket before it returns (a literal address would be tried later): the thread may be in a namespace now. */
function connectTcp({ address, port }: Address): Socket {
  const family = familyOf(address);
  return new Socket().connect({
    host: "upstream",
    port,
    family,
    lookup: (_host, _options, done) => done(null, address, family),
  });
}

function connectTls(to: Address): Socket {
  // Few ask over TLS, and loading it takes longer than most commands.
  const { connect } = process.getBuiltinModule("node:tls");
  const { serverName, ca, cert, key } = to.tls ?? {};
  return connect({
    socket: connectTcp(to),
    host: to.address,
    ALPNProtocols: ["dot"],
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
}
