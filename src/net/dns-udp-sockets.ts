import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { familyOf } from "./address-family.ts";
import { cannotListen } from "./cannot-listen.ts";
import type { DnsAnswer } from "./dns-tcp-connections.ts";

/** Who sent a datagram. */
interface UdpClient {
  readonly address: string;
  readonly port: number;
}

/** Sockets whose datagrams are received and answered many at a time; `openDatagramBatches` of `kernel` fits. */
export interface UdpBatches {
  /** A bound socket's descriptor. Throws an error with a `code`. */
  bind(address: Ip, port: number): number;
  /** Takes back that others may bind the same port. */
  keepToItself(fd: number): void;
  /**
   * Takes up to `most` datagrams, sends what `answer` gives for each, and returns how many there were. What cannot be sent now
   * is handed to `unsent`. `first` is an answer to somebody else that goes with them.
   */
  exchange(
    fd: number,
    most: number,
    answer: (message: Uint8Array, client: UdpClient) => Uint8Array | undefined,
    unsent: (answer: Uint8Array, client: UdpClient) => void,
    first?: Uint8Array,
    firstClient?: UdpClient,
  ): number;
}

/** As much as the kernel allows: bursts of lookups must not be lost while something else runs. */
const receiveBufferBytes = 4 * 1024 * 1024;
/** So many datagrams are taken from a socket in one turn of the event loop, 2 ms of work; then everything else has its turn. */
const mostInOneTurn = 256;

/** The UDP sockets of one listener. */
export class UdpSockets {
  readonly #answer: DnsAnswer;
  readonly #batches: UdpBatches | undefined;
  readonly #sockets: Socket[] = [];
  #received = 0;
  #pending = 0;
  #isClosing = false;
  /** Must not be closed now. */
  #exchanging: Socket | undefined;
  #idle: (() => void) | undefined;
  /** The port of the last socket that is bound. */
  port: number | undefined;

  constructor(answer: DnsAnswer, batches: UdpBatches | undefined) {
    this.#answer = answer;
    this.#batches = batches;
  }

  /** Binds a socket; the system calls are made before this returns. */
  bind(address: string, port: number): Promise<void> {
    const family = familyOf(address);
    const socket = createSocket({
      type: family === 6 ? "udp6" : "udp4",
      ...(family === 6 ? { ipv6Only: true } : {}),
      // Addresses need no resolver. With this, binding and sending do not wait for the next turn of the event loop.
      lookup: (host, _options, done) => done(null, host, family),
    });
    this.#sockets.push(socket);
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => reject(cannotListen(error, address, port, "udp"));
      socket.once("error", failed);
      socket.once("listening", () => {
        socket.removeAllListeners("error");
        // Errors of single answers (no route to a client) concern that client only.
        socket.on("error", () => undefined);
        socket.setRecvBufferSize(receiveBufferBytes);
        this.port = socket.address().port;
        resolve();
      });
      const ip = parseIp(address);
      if (this.#batches === undefined || ip === undefined) {
        socket.on("message", (message, client) => {
          const answer = this.#answerTo(socket, message, client);
          if (answer !== undefined && this.#sockets.includes(socket)) socket.send(answer, client.port, client.address);
        });
        socket.bind({ address, port, exclusive: true });
        return;
      }
      try {
        const fd = this.#batches.bind(ip, port);
        socket.bind({ fd, exclusive: true });
        this.#batches.keepToItself(fd);
        this.#exchangeAt(socket, fd, this.#batches);
      } catch (error) {
        failed(error as Error);
      }
    });
  }

  /** The first datagram in a turn of the event loop comes by way of Node; those that have come with it are taken at once. */
  #exchangeAt(socket: Socket, fd: number, batches: UdpBatches): void {
    const answer = (message: Uint8Array, client: UdpClient) => this.#answerTo(socket, message, client);
    const unsent = (reply: Uint8Array, client: UdpClient) => socket.send(reply, client.port, client.address);
    let taken = 0;
    socket.on("message", (message, client) => {
      this.#exchanging = socket;
      const first = this.#answerTo(socket, message, client);
      const more = batches.exchange(fd, mostInOneTurn - taken, answer, unsent, first, client);
      this.#exchanging = undefined;
      if (!this.#sockets.includes(socket)) return void socket.close();
      if (taken === 0 && more > 0) setImmediate(() => (taken = 0));
      taken += more;
    });
  }

  /** The answer that is to be sent now; one that takes longer is sent when it is there. */
  #answerTo(socket: Socket, message: Uint8Array, client: UdpClient): Uint8Array | undefined {
    // Nobody can be answered on port 0, and trying to throws.
    if (client.port === 0) return undefined;
    this.#received++;
    const answer = this.#answer(message, "udp", client);
    if (!(answer instanceof Promise)) return answer;
    // What comes while closing is not waited for, or closing would never end under load.
    const isWaitedFor = !this.#isClosing;
    if (isWaitedFor) this.#pending++;
    void answer.then((later) => {
      if (later !== undefined && this.#sockets.includes(socket)) socket.send(later, client.port, client.address);
      if (!isWaitedFor) return;
      this.#pending--;
      if (this.#pending === 0) this.#idle?.();
    });
    return undefined;
  }

  /**
   * Answers what has arrived, waits for the answers that are on their way, then closes. Until then it goes on answering:
   * a closed port says sooner than silence that another server must be asked.
   */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    if (graceMs > 0) {
      await quiet(() => this.#received, Math.min(graceMs, longestDrainMs));
      if (this.#pending > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, graceMs);
          this.#idle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
    this.drop();
  }

  /** Closes all sockets at once. */
  drop(): void {
    for (const socket of this.#sockets.splice(0)) {
      if (socket !== this.#exchanging) socket.close();
    }
  }
}

/** How long datagrams that the kernel holds are read at most before closing, in milliseconds. */
const longestDrainMs = 100;

/** Resolves when a count stood still for a turn of the event loop, at the latest after `longestMs`. */
async function quiet(count: () => number, longestMs: number): Promise<void> {
  const end = performance.now() + longestMs;
  for (let before = -1; before !== count() && performance.now() < end;) {
    before = count();
    // Sockets are read between two of these.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
