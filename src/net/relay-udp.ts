import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { parseIp } from "../core/index.ts";
import type { Cancel, Clock, Ip, IpFamily, Port } from "../core/index.ts";
import { ownDialKey } from "./relay-session.ts";
import type { RelayDecisions, RelayShared } from "./relay-session.ts";

/** One listening socket for redirected datagrams. */
export interface UdpRelayListener {
  readonly port: Port;
  /** Takes no more clients; ends itself when the last flow has ended. */
  close(): void;
}

export interface UdpRelayOptions extends RelayShared {
  readonly fd: number;
  readonly family: IpFamily;
  readonly list: "cluster" | "local";
  readonly address: Ip;
  readonly clock: Clock;
  readonly limits?: Partial<UdpRelayLimits>;
}

/** When flows end, and how many there may be. */
export interface UdpRelayLimits {
  /**
   * Without a datagram for this long a flow ends, in milliseconds. Less than the kernel remembers whom it has redirected
   * (nf_conntrack_udp_timeout, 30 s), so that a flow never outlives its meaning.
   */
  readonly idleMs: number;
  /** The same for a question that has got its answer. */
  readonly answeredIdleMs: number;
  /** With more flows than this, the one that was silent longest ends. */
  readonly mostFlows: number;
}

const defaultLimits: UdpRelayLimits = { idleMs: 20_000, answeredIdleMs: 4000, mostFlows: 8192 };
/** Datagrams that are kept until the endpoint has answered, to be sent to another one when it refuses. */
const mostKept = 4;
/** More than this many datagrams of a client are a conversation, not a question. */
const fewDatagrams = 2;
const sweepMs = 1000;

/** Listens on a bound descriptor, which belongs to the listener from now on. Each client has a socket of its own upstream. */
export async function listenUdpRelay(options: UdpRelayOptions): Promise<UdpRelayListener> {
  const socket = createSocket({ type: typeOf(options.family), lookup: literalLookup });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ fd: options.fd, exclusive: true }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  const relay = new UdpRelay(socket, options);
  return { port: socket.address().port, close: () => relay.close() };
}

class UdpRelay {
  readonly #socket: Socket;
  readonly #options: UdpRelayOptions;
  readonly #limits: UdpRelayLimits;
  readonly #port: Port;
  /** By the client's address and port; the one that was silent longest comes first. */
  readonly #flows = new Map<string, Flow>();
  #sweep: Cancel | undefined;
  #closing = false;

  constructor(socket: Socket, options: UdpRelayOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#port = socket.address().port;
    socket.on("message", (message, from) => this.#receive(message, from));
    // Answers that clients do not want any more come back as errors of the socket.
    socket.on("error", () => undefined);
  }

  close(): void {
    this.#closing = true;
    this.#closeWhenDone();
  }

  #receive(message: Uint8Array, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      const session = this.#accept(from);
      if (session === undefined) return;
      flow = this.#open(key, session, from);
    } else {
      this.#flows.delete(key);
      this.#flows.set(key, flow);
    }
    flow.send(message, this.#options.clock.monotonic());
  }

  #accept({ address, port }: RemoteInfo): RelayDecisions | undefined {
    const { kernel, family, list, accept, ownDials, address: local } = this.#options;
    const client = parseIp(address);
    if (client === undefined) return undefined;
    const received = { protocol: "UDP", family, client, clientPort: port, local, localPort: this.#port } as const;
    const flow = kernel.originalFlow(received);
    if (flow === undefined || ownDials.has(ownDialKey(flow.client, flow.clientPort, flow.destination, flow.port)))
      return undefined;
    return accept({ protocol: "UDP", list, client: flow.client, destination: flow.destination, port: flow.port });
  }

  #open(key: string, session: RelayDecisions, client: RemoteInfo): Flow {
    const flow = new Flow(session, this.#options, {
      answer: (message) => this.#socket.send(message, client.port, client.address, () => undefined),
      ended: () => {
        if (this.#flows.get(key) === flow) this.#flows.delete(key);
        this.#closeWhenDone();
      },
    });
    this.#flows.set(key, flow);
    if (this.#flows.size > this.#limits.mostFlows) {
      for (const silent of this.#flows.values()) {
        silent.end();
        break;
      }
    }
    this.#sweep ??= this.#options.clock.schedule(sweepMs, () => this.#endSilent());
    return flow;
  }

  #endSilent(): void {
    const now = this.#options.clock.monotonic();
    for (const flow of this.#flows.values()) {
      const { idleMs, answeredIdleMs } = this.#limits;
      if (now - flow.lastUsed > (flow.isQuestionAnswered ? answeredIdleMs : idleMs)) flow.end();
    }
    this.#sweep = this.#flows.size === 0 ? undefined : this.#options.clock.schedule(sweepMs, () => this.#endSilent());
  }

  #closeWhenDone(): void {
    if (!this.#closing || this.#flows.size > 0) return;
    this.#closing = false;
    this.#sweep?.();
    this.#socket.close();
  }
}

interface FlowHandlers {
  answer(message: Uint8Array): void;
  ended(): void;
}

/** The datagrams between one client and its endpoint. */
class Flow {
  readonly #session: RelayDecisions;
  readonly #options: UdpRelayOptions;
  readonly #handlers: FlowHandlers;
  #upstream: Socket | undefined;
  #isConnected = false;
  #own = "";
  #kept: Uint8Array[] = [];
  #sent = 0;
  #isAnswered = false;
  #isOpen = true;
  lastUsed = 0;

  constructor(session: RelayDecisions, options: UdpRelayOptions, handlers: FlowHandlers) {
    this.#session = session;
    this.#options = options;
    this.#handlers = handlers;
    session.onBreak(() => this.end());
    this.#dial();
  }

  /** Whether this looks like one question that has got its answer, as of DNS. */
  get isQuestionAnswered(): boolean {
    return this.#isAnswered && this.#sent <= fewDatagrams;
  }

  send(message: Uint8Array, now: number): void {
    if (!this.#isOpen) return;
    this.lastUsed = now;
    this.#sent++;
    this.#session.toEndpoint(message.length);
    if (!this.#isAnswered && this.#kept.length < mostKept) this.#kept.push(message);
    if (this.#isConnected) this.#upstream?.send(message, () => undefined);
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#hangUp();
    this.#session.ended();
    this.#handlers.ended();
  }

  #dial(): void {
    const target = this.#session.next();
    if (target === undefined) return this.end();
    const { kernel, family, ownDials } = this.#options;
    let upstream: Socket;
    try {
      // Bound and connected on the spot, before `within` returns: the look-up answers at once.
      upstream = kernel.within(() => {
        const socket = createSocket({ type: typeOf(family), lookup: literalLookup });
        socket.connect(target.port, target.ip);
        return socket;
      });
    } catch {
      return this.end();
    }
    this.#upstream = upstream;
    upstream.on("message", (message) => this.#receive(upstream, message));
    upstream.on("error", () => this.#refused(upstream));
    upstream.once("connect", () => {
      if (this.#upstream !== upstream) return;
      const { address, port } = upstream.address();
      this.#own = ownDialKey(address, port, target.ip, target.port);
      ownDials.add(this.#own);
      this.#isConnected = true;
      for (const message of this.#kept) upstream.send(message, () => undefined);
    });
  }

  #receive(upstream: Socket, message: Uint8Array): void {
    if (this.#upstream !== upstream) return;
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      this.#kept = [];
      this.#session.connected();
    }
    this.lastUsed = this.#options.clock.monotonic();
    this.#session.toClient(message.length);
    this.#handlers.answer(message);
  }

  /** The endpoint's port is closed. What it has not answered goes to another one; a conversation begins anew. */
  #refused(upstream: Socket): void {
    if (this.#upstream !== upstream || !this.#isOpen) return;
    this.#hangUp();
    this.#session.failed("refused");
    if (this.#isAnswered) this.end();
    else this.#dial();
  }

  #hangUp(): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.#isConnected = false;
    this.#options.ownDials.delete(this.#own);
    upstream?.close();
  }
}

function typeOf(family: IpFamily): "udp4" | "udp6" {
  return family === "IPv4" ? "udp4" : "udp6";
}

/** Only literal addresses come here, and the answer must not wait. */
function literalLookup(
  host: string,
  _options: unknown,
  found: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  found(null, host, host.includes(":") ? 6 : 4);
}
