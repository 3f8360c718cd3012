import { constants } from "node:os";
import type { Ip } from "../core/index.ts";
import { bindSocket } from "./bound-socket.ts";
import { DatagramArea } from "./datagram-area.ts";
import { datagramCalls, libc } from "./libc.ts";
import type { DatagramCalls } from "./libc.ts";
import { NativeMemory } from "./native-memory.ts";
import { SocketNames } from "./socket-names.ts";
import type { SocketName } from "./socket-names.ts";

/** Sockets whose datagrams are received and answered many at a time, with two calls of the kernel. */
export interface DatagramBatches {
  /** A bound socket's descriptor, which is the caller's to close; port 0 is any free one. Throws `KernelError`. */
  bind(address: Ip, port: number): number;
  /** Takes back that others may bind the same port: libuv allows it for descriptors that it is given. */
  keepToItself(fd: number): void;
  /**
   * Takes what waits at a socket that `bind` made, up to `most` datagrams, and gives back how many there were. `answer` is
   * asked for each in turn; the message is its to keep. What it gives is sent after every 32nd and after the last one; what
   * cannot be sent so (the socket is full, the answer very long, the call forbidden) is handed to `unsent`. `first` is an
   * answer to somebody else that goes with them. The socket must stay open until this returns.
   */
  exchange(
    fd: number,
    most: number,
    answer: (message: Uint8Array, client: SocketName) => Uint8Array | undefined,
    unsent: (answer: Uint8Array, client: SocketName) => void,
    first?: Uint8Array,
    firstClient?: SocketName,
  ): number;
}

/** With more, those who asked first would wait while their answers are there. */
const batchSize = 32;
const doNotWait = 0x40;
const levelSocket = 1;
const reuseAddress = 2;
/** Of the memory for messages: few others are kept by whoever keeps one. */
const poolBytes = 8192;
/** Longer messages get memory of their own. */
const longMessage = 512;

let opened: DatagramBatches | undefined;

/**
 * The same for all sockets of this process. Undefined where the C library or the machine lacks what this needs: sockets must
 * then be read one datagram at a time.
 */
export function openDatagramBatches(): DatagramBatches | undefined {
  if (opened !== undefined) return opened;
  const calls = datagramCalls();
  if (calls !== undefined) opened = new Batches(calls);
  return opened;
}

class Batches implements DatagramBatches {
  readonly #calls: DatagramCalls;
  /** One more than a batch, for the answer that goes with it. */
  readonly #area: DatagramArea;
  readonly #names = new SocketNames();
  /** What waits to be sent and for whom, for the case that it cannot be. */
  readonly #answers: Uint8Array[] = [];
  readonly #clients: SocketName[] = [];
  #pool = new Uint8Array(poolBytes);
  #poolAt = 0;

  constructor(calls: DatagramCalls) {
    this.#calls = calls;
    this.#area = new DatagramArea(batchSize + 1, (length) => new NativeMemory(length));
  }

  bind(address: Ip, port: number): number {
    return bindSocket("UDP", address, port, { onlyIpv6: true });
  }

  keepToItself(fd: number): void {
    libc().setsockopt(fd, levelSocket, reuseAddress, new Uint8Array(4), 4);
  }

  exchange(
    fd: number,
    most: number,
    answer: (message: Uint8Array, client: SocketName) => Uint8Array | undefined,
    unsent: (answer: Uint8Array, client: SocketName) => void,
    first?: Uint8Array,
    firstClient?: SocketName,
  ): number {
    const area = this.#area;
    let placed = 0;
    if (first !== undefined && firstClient !== undefined) {
      const nameLength = this.#names.write(area, area.nameAt(batchSize), firstClient);
      if (nameLength > 0 && area.place(0, batchSize, nameLength, first)) this.#remember(placed++, first, firstClient);
      else unsent(first, firstClient);
    }
    for (let taken = 0; ;) {
      const wanted = Math.min(batchSize, most - taken);
      if (wanted > 0) area.offerNames(wanted);
      const received = wanted > 0 ? this.#calls.recvmmsg(fd, area.base, wanted, doNotWait, 0) : 0;
      for (let i = 0; i < received; i++) {
        const client = this.#names.read(area, area.nameAt(i));
        const reply = answer(this.#copy(area.receivedAt(i), area.receivedLength(i)), client);
        if (reply === undefined) continue;
        if (area.place(placed, i, area.nameLength(i), reply)) this.#remember(placed++, reply, client);
        else unsent(reply, client);
      }
      if (placed > 0) this.#send(fd, placed, unsent);
      placed = 0;
      if (received > 0) taken += received;
      // Whatever came since then announces itself.
      if (received < batchSize) return taken;
    }
  }

  #remember(place: number, answer: Uint8Array, client: SocketName): void {
    this.#answers[place] = answer;
    this.#clients[place] = client;
  }

  #send(fd: number, count: number, unsent: (answer: Uint8Array, client: SocketName) => void): void {
    const { base } = this.#area;
    for (let sent = 0; sent < count;) {
      const now = this.#calls.sendmmsg(fd, base + this.#area.sendHeaderAt(sent), count - sent, doNotWait);
      if (now > 0) {
        sent += now;
        continue;
      }
      if (this.#calls.errno() === constants.errno.EINTR) continue;
      // The next one may have more luck.
      const [answer, client] = [this.#answers[sent], this.#clients[sent]];
      if (answer !== undefined && client !== undefined) unsent(answer, client);
      sent++;
    }
  }

  /** The bytes in memory that is not written to again. */
  #copy(from: number, length: number): Uint8Array {
    const { bytes } = this.#area;
    if (length > longMessage) return bytes.slice(from, from + length);
    if (this.#poolAt + length > poolBytes) {
      this.#pool = new Uint8Array(poolBytes);
      this.#poolAt = 0;
    }
    const pool = this.#pool;
    const start = this.#poolAt;
    this.#poolAt += length;
    for (let i = 0; i < length; i++) pool[start + i] = bytes[from + i] ?? 0;
    return pool.subarray(start, this.#poolAt);
  }
}
