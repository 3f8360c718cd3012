import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { hasCode, parseIp } from "../core/index.ts";
import type { Clock, Ip, IpFamily, Port } from "../core/index.ts";
import { familyOf } from "./address-family.ts";
import { ownDialKey } from "./relay-session.ts";
import { bufferedReading } from "./relay-buffer.ts";
import type { BufferedReading } from "./relay-buffer.ts";
import type { RelayDecisions, RelayShared } from "./relay-session.ts";

/** One listening socket for redirected TCP connections. */
export interface TcpRelayListener {
  readonly port: Port;
  /** Takes no more connections; those that are there go on. */
  close(): void;
}

export interface TcpRelayOptions extends RelayShared {
  readonly fd: number;
  readonly family: IpFamily;
  readonly list: "cluster" | "local";
  readonly clock: Clock;
}

/** Waiting connections that the kernel keeps; it takes the smaller of this and net.core.somaxconn. */
const backlog = 4096;
/** A peer that has vanished without a word is noticed some minutes after this. */
const keepAliveMs = 60_000;

/** Listens on a bound descriptor, which belongs to the listener from now on. */
export async function listenTcpRelay(options: TcpRelayOptions): Promise<TcpRelayListener> {
  const settings = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true } as const;
  const server = createServer({ ...settings, keepAliveInitialDelay: keepAliveMs }, (client) => serve(client, options));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ fd: options.fd }, backlog, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // A connection that could not be accepted (EMFILE) is the client's loss only.
  server.on("error", () => undefined);
  return { port: portOf(server), close: () => void server.close() };
}

function portOf(server: Server): Port {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("a relay's listener has no address");
  return address.port;
}

function serve(client: Socket, options: TcpRelayOptions): void {
  client.on("error", () => undefined);
  const arrival = arrivalOf(client, options);
  const session = arrival === undefined ? undefined : options.accept(arrival);
  if (session === undefined) return void client.resetAndDestroy();
  const dial = (): void => {
    const target = session.next();
    if (target === undefined) {
      client.resetAndDestroy();
      session.ended();
      return;
    }
    dialEndpoint(target, options, {
      connected: (upstream, reading) => {
        session.connected();
        relay(client, upstream, reading, session);
      },
      failed: (why) => {
        session.failed(why);
        dial();
      },
      // This process has no sockets left, or the like: no endpoint is to blame, and another one would not help.
      broken: () => {
        client.resetAndDestroy();
        session.ended();
      },
    });
  };
  dial();
}

function arrivalOf(client: Socket, { kernel, family, list, ownDials }: TcpRelayOptions) {
  const from = parseIp(client.remoteAddress ?? "");
  const to = parseIp(client.localAddress ?? "");
  const { remotePort: clientPort, localPort } = client;
  if (from === undefined || to === undefined || clientPort === undefined || localPort === undefined) return undefined;
  const flow = kernel.originalFlow({ protocol: "TCP", family, client: from, clientPort, local: to, localPort });
  if (flow === undefined || ownDials.has(ownDialKey(flow.client, flow.clientPort, flow.destination, flow.port)))
    return undefined;
  return { protocol: "TCP", list, client: flow.client, destination: flow.destination, port: flow.port } as const;
}

interface DialHandlers {
  readonly connected: (upstream: Socket, reading: BufferedReading) => void;
  readonly failed: (why: "refused" | "timeout") => void;
  readonly broken: () => void;
}

function dialEndpoint(
  { ip, port, timeoutMs }: { readonly ip: Ip; readonly port: Port; readonly timeoutMs: number },
  { kernel, clock, ownDials }: TcpRelayOptions,
  { connected, failed, broken }: DialHandlers,
): void {
  const family = familyOf(ip);
  const reading = bufferedReading();
  let upstream: Socket;
  try {
    // The look-up that answers on the spot makes the socket before `within` returns.
    upstream = kernel.within(() =>
      connect({
        host: "endpoint",
        port,
        family,
        autoSelectFamily: false,
        lookup: (_host, _options, found) => found(null, ip, family),
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveMs,
        onread: reading.onread,
      }),
    );
  } catch {
    return broken();
  }
  const own = ownDialKey(upstream.localAddress, upstream.localPort, ip, port);
  ownDials.add(own);
  const end = (): void => {
    cancel();
    ownDials.delete(own);
    upstream.off("connect", onConnect);
    upstream.off("error", onError);
  };
  const onConnect = (): void => {
    end();
    connected(upstream, reading);
  };
  const onError = (error: Error): void => {
    end();
    if (isOutOfResources(error)) broken();
    else failed("refused");
  };
  const cancel = clock.schedule(timeoutMs, () => {
    end();
    upstream.on("error", () => undefined);
    upstream.destroy();
    failed("timeout");
  });
  upstream.once("connect", onConnect);
  upstream.once("error", onError);
}

function isOutOfResources(error: unknown): boolean {
  return ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL"].some((code) => hasCode(error, code));
}

/** Joins both ends until both have said everything. Each end's bytes, end and failure arrive at the other as they were. */
function relay(client: Socket, upstream: Socket, reading: BufferedReading, session: RelayDecisions): void {
  let open = 2;
  const closed = (): void => {
    if (--open === 0) session.ended();
  };
  client.once("close", closed);
  upstream.once("close", closed);
  session.onBreak(() => {
    client.resetAndDestroy();
    upstream.resetAndDestroy();
  });
  passEnds(client, upstream);
  passEnds(upstream, client);
  client.on("data", (chunk: Uint8Array) => {
    session.toEndpoint(chunk.length);
    if (!upstream.write(chunk)) client.pause();
  });
  upstream.on("drain", () => client.resume());
  client.resume();
  reading.start(upstream, client, (bytes) => session.toClient(bytes));
  if (client.destroyed) upstream.resetAndDestroy();
}

function passEnds(from: Socket, to: Socket): void {
  from.once("end", () => to.end());
  // A reset is passed on as a reset: the other end must not take what it has for the whole.
  from.on("error", () => void to.resetAndDestroy());
  from.once("close", () => {
    if (!from.readableEnded && !to.destroyed) to.resetAndDestroy();
  });
}
