import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import type { Cancel } from "../core/index.ts";
import { familyOf } from "./address-family.ts";

interface Address {
  readonly address: string;
  readonly port: number;
}

interface Handlers {
  message(bytes: Uint8Array): void;
  failed(error: Error): void;
}

interface PooledSocket {
  readonly socket: Socket;
  /** By id of the query. */
  readonly waiting: Map<number, Handlers>;
  readonly queued: Uint8Array[];
  readonly openedAt: number;
  queries: number;
  isConnected: boolean;
  readonly close: Cancel;
}

/** Queries until a pooled socket makes way for one at another port. */
const queriesOfSocket = 256;

/** UDP sockets towards DNS servers, one for each query or a few that take turns. */
export class UdpUpstreams {
  readonly #poolSize: number;
  readonly #maxAgeMs: number;
  readonly #pools = new Map<string, PooledSocket[]>();
  readonly #closes = new Set<Cancel>();

  /** A pool's socket is used for `maxAgeMs` at most. */
  constructor(poolSize: number, maxAgeMs: number) {
    this.#poolSize = poolSize;
    this.#maxAgeMs = maxAgeMs;
  }

  get sockets(): number {
    return this.#closes.size;
  }

  send(to: Address, query: Uint8Array, handlers: Handlers): Cancel {
    return this.#poolSize > 0 ? this.#sendPooled(to, query, handlers) : this.#sendAlone(to, query, handlers);
  }

  close(): void {
    for (const close of this.#closes) close();
    this.#pools.clear();
  }

  #sendAlone(to: Address, query: Uint8Array, handlers: Handlers): Cancel {
    const socket = openSocket(to);
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      this.#closes.delete(close);
      socket.close();
    };
    this.#closes.add(close);
    socket.on("message", (message) => handlers.message(message));
    socket.on("error", (error) => handlers.failed(error));
    socket.once("connect", () => {
      if (isOpen) send(socket, query, handlers);
    });
    socket.connect(to.port, to.address);
    return close;
  }

  #sendPooled(to: Address, query: Uint8Array, handlers: Handlers): Cancel {
    const id = idOf(query);
    const pooled = this.#choose(to, id);
    const { socket, waiting, queued } = pooled;
    waiting.set(id, handlers);
    pooled.queries++;
    if (pooled.isConnected) send(socket, query, handlers);
    else queued.push(query);
    return () => {
      if (waiting.get(id) === handlers) waiting.delete(id);
      this.#retire(to, pooled);
    };
  }

  /** A random socket of the pool on which nobody waits for the same id; a new one while the pool is not full. */
  #choose(to: Address, id: number): PooledSocket {
    const key = keyOf(to);
    const pool = this.#pools.get(key) ?? [];
    this.#pools.set(key, pool);
    const chosen = pool.length < this.#poolSize ? undefined : pool[randomInt(pool.length)];
    if (chosen !== undefined && !chosen.waiting.has(id)) return chosen;
    const opened = this.#open(to);
    pool.push(opened);
    return opened;
  }

  #open(to: Address): PooledSocket {
    const socket = openSocket(to);
    const waiting = new Map<number, Handlers>();
    const close = () => {
      if (this.#closes.delete(close)) socket.close();
    };
    this.#closes.add(close);
    const opened: PooledSocket = {
      socket,
      close,
      waiting,
      queued: [],
      openedAt: performance.now(),
      queries: 0,
      isConnected: false,
    };
    socket.on("message", (message) => {
      const known = waiting.get(idOf(message));
      if (known !== undefined) return known.message(message);
      // Whoever guesses ids is everybody's problem: let each query notice.
      for (const handlers of waiting.values()) handlers.message(message);
    });
    socket.on("error", (error) => {
      for (const handlers of waiting.values()) handlers.failed(error);
    });
    socket.on("close", () => {
      for (const handlers of waiting.values()) handlers.failed(new Error("The socket was closed"));
    });
    socket.once("connect", () => {
      opened.isConnected = true;
      socket.unref();
      for (const query of opened.queued.splice(0)) {
        const handlers = waiting.get(idOf(query));
        if (handlers !== undefined) send(socket, query, handlers);
      }
    });
    socket.connect(to.port, to.address);
    return opened;
  }

  /** Takes a socket that was used enough out of its pool, and closes it when nobody waits on it. */
  #retire(to: Address, pooled: PooledSocket): void {
    const isUsed = pooled.queries >= queriesOfSocket || performance.now() - pooled.openedAt > this.#maxAgeMs;
    const pool = this.#pools.get(keyOf(to));
    if (!isUsed || pool === undefined) return;
    const place = pool.indexOf(pooled);
    if (place >= 0) pool.splice(place, 1);
    if (pooled.waiting.size === 0) pooled.close();
  }
}

function openSocket({ address }: Address): Socket {
  const family = familyOf(address);
  return createSocket({
    type: family === 6 ? "udp6" : "udp4",
    lookup: (host, _options, done) => done(null, host, family),
  });
}

function send(socket: Socket, query: Uint8Array, handlers: Handlers): void {
  socket.send(query, (error) => {
    if (error !== null) handlers.failed(error);
  });
}

function idOf(message: Uint8Array): number {
  return ((message[0] ?? 0) << 8) | (message[1] ?? 0);
}

function keyOf({ address, port }: Address): string {
  return `${address} ${port}`;
}
