import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { ip } from "../../../src/core/index.ts";
import type { Ip, IpFamily, Port, Protocol } from "../../../src/core/index.ts";
import { inNamespace } from "../../../src/kernel/index.ts";
import { readIp } from "./ip-packet.ts";
import type { TestNetwork } from "./network.ts";
import { families } from "./places.ts";
import type { Place } from "./places.ts";
import type { Greeting } from "./pod-servers.ts";
import { openRawSocket } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";
import { readSctpAnswer, sctpInit } from "./sctp-frames.ts";

/** Where a flow is opened to. */
export interface Target {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly destination: string;
  readonly port: Port;
  /** For TCP: the address to call from, which the place must have; default: the one that the kernel chooses. */
  readonly source?: Ip;
}

/** What the sender of a packet saw. */
export type Answer =
  | ({ readonly kind: "answer" } & Greeting)
  /** Told at once that nobody serves there; `by` says whether the other end or an ICMP error told it. */
  | { readonly kind: "refused"; readonly by: "reset" | "icmp" }
  | { readonly kind: "silence" };

const silence: Answer = { kind: "silence" };
const numbers: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

interface Waiting {
  readonly refused: () => void;
  readonly answered?: (text: string) => void;
}

/** Opens flows from the places of a network, and tells their fates. */
export class Senders {
  readonly #network: TestNetwork;
  readonly #sctp = new Map<string, RawSocket>();
  readonly #sockets: RawSocket[] = [];
  /** By place, protocol, target and the sender's port. */
  readonly #waiting = new Map<string, Waiting>();
  #nextPort = 20_000;

  constructor(network: TestNetwork) {
    this.#network = network;
    const places: readonly Place[] = ["client", "node-1", "node-2", "a1", "a2", "b1"];
    for (const place of places) {
      for (const family of families) {
        inNamespace(network.path(place), () => this.#listen(place, family));
      }
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  /** Sends the first packet of a new flow; waits for what comes back, at most `timeoutMs`. */
  open(from: Place, target: Target, timeoutMs: number): Promise<Answer> {
    if (target.protocol === "TCP") return this.#tcp(from, target, timeoutMs);
    return target.protocol === "UDP" ? this.#udp(from, target, timeoutMs) : this.#sctpFlow(from, target, timeoutMs);
  }

  /** A TCP connection that stays open: connected, with the greeting read. Rejects when nobody answers. */
  connect(from: Place, target: Target): Promise<{ readonly socket: Socket; readonly greeting: Greeting }> {
    const socket = this.#connecting(from, target);
    return new Promise((resolve, reject) => {
      socket.once("data", (bytes) => resolve({ socket, greeting: JSON.parse(bytes.toString()) as Greeting }));
      socket.once("error", reject);
    });
  }

  /** A UDP client with one port, whose datagrams are one flow. */
  udpFlow(from: Place, target: Target): { ask(timeoutMs: number): Promise<Answer>; close(): void } {
    const { family, destination, port } = target;
    const socket = this.#udpSocket(from, family);
    return {
      ask: (timeoutMs) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => resolve(silence), timeoutMs);
          socket.once("message", (message) => {
            clearTimeout(timer);
            resolve({ kind: "answer", ...(JSON.parse(message.toString()) as Greeting) });
          });
          socket.send("who", port, destination);
        }),
      close: () => void socket.close(),
    };
  }

  #tcp(from: Place, target: Target, timeoutMs: number): Promise<Answer> {
    const socket = this.#connecting(from, target);
    return new Promise((resolve) => {
      let byIcmp = false;
      let forget = (): void => undefined;
      const end = (answer: Answer): void => {
        clearTimeout(timer);
        forget();
        // A reset leaves nothing behind: thousands of connections a second must not use up ports.
        socket.resetAndDestroy();
        resolve(answer);
      };
      const timer = setTimeout(() => end(silence), timeoutMs);
      socket.once("data", (bytes) => end({ kind: "answer", ...(JSON.parse(bytes.toString()) as Greeting) }));
      socket.once("error", (error) => {
        const refused = "code" in error && (error.code === "ECONNREFUSED" || error.code === "EHOSTUNREACH");
        // The ICMP error reaches the raw socket at the same time; the next turn of the loop has read it.
        setTimeout(() => end(refused ? { kind: "refused", by: byIcmp ? "icmp" : "reset" } : silence), 2);
      });
      forget = this.#expect(from, target, socket.localPort ?? 0, { refused: () => (byIcmp = true) });
    });
  }

  #connecting(from: Place, { family, destination, port, source }: Target): Socket {
    const number = family === "IPv4" ? 4 : 6;
    const socket = inNamespace(this.#network.path(from), () =>
      connect({
        host: "here",
        port,
        family: number,
        autoSelectFamily: false,
        noDelay: true,
        ...(source === undefined ? {} : { localAddress: source }),
        lookup: (_host, _options, found) => found(null, destination, number),
      }),
    );
    socket.on("error", () => undefined);
    return socket;
  }

  #udp(from: Place, target: Target, timeoutMs: number): Promise<Answer> {
    const { family, destination, port } = target;
    const socket = this.#udpSocket(from, family);
    return new Promise((resolve) => {
      let forget = (): void => undefined;
      const end = (answer: Answer): void => {
        clearTimeout(timer);
        forget();
        socket.close();
        resolve(answer);
      };
      const timer = setTimeout(() => end(silence), timeoutMs);
      socket.once("message", (message) => end({ kind: "answer", ...(JSON.parse(message.toString()) as Greeting) }));
      forget = this.#expect(from, target, socket.address().port, {
        refused: () => end({ kind: "refused", by: "icmp" }),
      });
      // A packet that is dropped on its way out fails at once: that is silence, too.
      socket.send("who", port, destination, () => undefined);
    });
  }

  #udpSocket(from: Place, family: IpFamily) {
    const type = family === "IPv4" ? "udp4" : "udp6";
    const socket = createSocket({
      type,
      lookup: (host, _options, found) => found(null, host, type === "udp4" ? 4 : 6),
    });
    socket.on("error", () => undefined);
    return inNamespace(this.#network.path(from), () => socket.bind(0, type === "udp4" ? "0.0.0.0" : "::"));
  }

  #sctpFlow(from: Place, target: Target, timeoutMs: number): Promise<Answer> {
    const socket = this.#sctp.get(`${from} ${target.family}`);
    if (socket === undefined) throw new Error(`no SCTP at ${from}`);
    const port = this.#nextPort;
    this.#nextPort = this.#nextPort >= 60_000 ? 20_000 : this.#nextPort + 1;
    return new Promise((resolve) => {
      let forget = (): void => undefined;
      const end = (answer: Answer): void => {
        clearTimeout(timer);
        forget();
        resolve(answer);
      };
      const timer = setTimeout(() => end(silence), timeoutMs);
      forget = this.#expect(from, target, port, {
        refused: () => end({ kind: "refused", by: "icmp" }),
        answered: (text) => end({ kind: "answer", ...(JSON.parse(text) as Greeting) }),
      });
      socket.send(ip(target.destination), sctpInit(port, target.port));
    });
  }

  #expect(from: Place, target: Target, port: number, waiting: Waiting): () => void {
    const { family, protocol, destination } = target;
    const key = [from, family, numbers[protocol], destination, target.port, port].join(" ");
    this.#waiting.set(key, waiting);
    if (protocol === "SCTP") this.#waiting.set(`${from} ${family} sctp ${port}`, waiting);
    return () => {
      this.#waiting.delete(key);
      this.#waiting.delete(`${from} ${family} sctp ${port}`);
    };
  }

  #listen(place: Place, family: IpFamily): void {
    const isFour = family === "IPv4";
    const sctp = openRawSocket(family, 132, (bytes) => {
      const answer = readSctpAnswer(isFour ? bytes.subarray(((bytes[0] ?? 0) & 15) * 4) : bytes);
      if (answer !== undefined) this.#waiting.get(`${place} ${family} sctp ${answer.port}`)?.answered?.(answer.text);
    });
    const errors = openRawSocket(family, isFour ? 1 : 58, (bytes) => {
      const icmp = isFour ? bytes.subarray(((bytes[0] ?? 0) & 15) * 4) : bytes;
      const [type = 0, code = 0] = icmp;
      // Port or protocol unreachable, forbidden: RFC 792; RFC 4443 3.1 and 3.4 (a next header that nobody knows).
      const refuses = isFour
        ? type === 3 && code >= 2
        : (type === 1 && code !== 0 && code !== 3) || (type === 4 && code === 1);
      const packet = refuses ? readIp(icmp.subarray(8)) : undefined;
      if (packet === undefined) return;
      const { protocol, destination, destinationPort, sourcePort } = packet;
      this.#waiting.get([place, family, protocol, destination, destinationPort, sourcePort].join(" "))?.refused();
    });
    this.#sctp.set(`${place} ${family}`, sctp);
    this.#sockets.push(sctp, errors);
  }
}
