import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import type { SecureContextOptions, Server as TlsServer } from "node:tls";
import { CodedError, hasCode, messageOf } from "../core/index.ts";
import { DnsTcpConnections, defaultDnsTcpLimits } from "./dns-tcp-connections.ts";
import type { DnsAnswer, DnsTcpLimits, DnsTransfer } from "./dns-tcp-connections.ts";
import type { TlsIdentity } from "./http-listener.ts";
import { cannotListen } from "./cannot-listen.ts";
import { UdpSockets } from "./dns-udp-sockets.ts";
import type { UdpBatches } from "./dns-udp-sockets.ts";

/** Where and how to listen for DNS. */
export interface DnsListenerOptions {
  /** Each gets its own UDP socket, so that answers come from the address that was asked. */
  readonly addresses: readonly string[];
  /** 0 takes a free port, the same for UDP and TCP. */
  readonly port: number;
  readonly answer: DnsAnswer;
  /** Reads and answers many datagrams at a time where it is given; `openDatagramBatches` of `kernel` fits. */
  readonly batches?: UdpBatches | undefined;
  /**
   * Makes all sockets before the call returns, as is needed while the thread is in another network namespace. TCP then
   * listens on every address there: listening on one cannot be done synchronously.
   */
  readonly synchronous?: boolean;
  readonly tcp?: Partial<DnsTcpLimits>;
  /** Answers that are several messages, over TCP and TLS. */
  readonly transfer?: DnsTransfer;
  /** DNS over TLS (RFC 7858) with this certificate, and nothing else; not `synchronous`. */
  readonly tls?: TlsIdentity;
}

/** A running DNS listener. */
export interface DnsListener {
  /**
   * Resolves to the port when UDP and TCP listen everywhere. Rejects with `CodedError` (`AddressInUse`,
   * `AddressNotAvailable`, `PermissionDenied` or `CannotListen`); everything is closed then.
   */
  readonly ready: Promise<number>;
  /** Open TCP connections. */
  readonly connections: number;
  /**
   * Shows this certificate to clients that come from now on; connections that are open stay. Throws `CodedError` code
   * `InvalidCertificate` when it cannot be used, and the former one stays; `TypeError` where no TLS is spoken.
   */
  useIdentity(identity: TlsIdentity): void;
  /** Stops listening, answers what was asked (for at most `graceMs`, 5000 unless given), then closes. */
  close(graceMs?: number): Promise<void>;
}

/** Listens for DNS over UDP and TCP. */
export function listenDns(options: DnsListenerOptions): DnsListener {
  const udp = new UdpSockets(options.answer, options.batches);
  const tcp = new DnsTcpConnections(options.answer, { ...defaultDnsTcpLimits, ...options.tcp }, options.transfer);
  const servers: Server[] = [];

  const close = async (graceMs = 5000): Promise<void> => {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    await Promise.all([udp.close(graceMs), tcp.end(graceMs), ...closed]);
  };
  const listen = options.synchronous === true ? listenAtOnce : listenInTurn;
  const ready = listen(options, udp, tcp, servers).catch(async (error: unknown) => {
    await close(0);
    throw error;
  });
  // Who never looks at `ready` must not die of it; whoever does still gets the error.
  ready.catch(() => undefined);
  return {
    ready,
    get connections() {
      return tcp.size;
    },
    useIdentity: (identity) => {
      if (options.tls === undefined) throw new TypeError("Only DNS over TLS has a certificate");
      const context = secureOptions(identity);
      for (const server of servers) if (isTlsServer(server)) server.setSecureContext(context);
    },
    close,
  };
}

/** How many free ports are tried where any will do. */
const portsTried = 10;

async function listenInTurn(
  { addresses, port, tls }: DnsListenerOptions,
  udp: UdpSockets,
  tcp: DnsTcpConnections,
  servers: Server[],
): Promise<number> {
  const makeServer = tls === undefined ? plainServer : tlsServer(tls);
  for (let tries = 1; ; tries++) {
    let chosen = port;
    try {
      for (const address of addresses) {
        chosen = await startTcp(makeServer(), servers, tcp, chosen, address);
        if (tls === undefined) await udp.bind(address, chosen);
      }
      return chosen;
    } catch (error) {
      // What is free for TCP may be taken for UDP.
      if (port !== 0 || tries === portsTried || !hasCode(error, "AddressInUse")) throw error;
      udp.drop();
      await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    }
  }
}

async function listenAtOnce(
  { addresses, port }: DnsListenerOptions,
  udp: UdpSockets,
  tcp: DnsTcpConnections,
  servers: Server[],
): Promise<number> {
  // No `await` before the last socket is made.
  const waits: Promise<unknown>[] = [];
  let chosen = port;
  for (const address of addresses) {
    const bound = udp.bind(address, chosen);
    waits.push(bound);
    chosen = udp.port ?? chosen;
  }
  waits.push(startTcp(plainServer(), servers, tcp, chosen, undefined));
  await Promise.all(waits);
  return chosen;
}

function plainServer(): Server {
  return createServer({ allowHalfOpen: true });
}

/** How long a client may take to agree on keys, in milliseconds. */
const handshakeMs = 5000;

/** How TLS is spoken with this certificate. Throws `CodedError` code `InvalidCertificate`. */
function secureOptions({ keyPem, certificatePem }: TlsIdentity): SecureContextOptions {
  const options = { key: keyPem, cert: certificatePem, minVersion: "TLSv1.2" } as const;
  try {
    // Not loaded for those who serve plain DNS only.
    process.getBuiltinModule("node:tls").createSecureContext(options);
  } catch (error) {
    throw new CodedError(
      "InvalidCertificate",
      `The certificate and key for DNS over TLS do not fit: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  return options;
}

function isTlsServer(server: Server): server is TlsServer {
  return "setSecureContext" in server;
}

/** Makes servers that speak TLS. Throws `CodedError` code `InvalidCertificate`. */
function tlsServer(identity: TlsIdentity): () => Server {
  const options = secureOptions(identity);
  return () => {
    const server = process.getBuiltinModule("node:tls").createServer({
      ...options,
      allowHalfOpen: true,
      handshakeTimeout: handshakeMs,
      ALPNProtocols: ["dot"],
    });
    // A client that cannot greet harms itself only.
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    return server;
  };
}

/** Listens for TCP, on every address when none is given: only that happens before this returns. */
function startTcp(
  server: Server,
  servers: Server[],
  connections: DnsTcpConnections,
  port: number,
  address: string | undefined,
): Promise<number> {
  servers.push(server);
  connections.serve(server);
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(error, address ?? "*", port, "tcp")));
    server.once("listening", () => {
      server.on("error", () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
    const where = address === undefined ? {} : { host: address };
    server.listen({ ...where, port, backlog: 511, exclusive: true });
  });
}
