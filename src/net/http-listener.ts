import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { CodedError, messageOf } from "../core/index.ts";

/** Where a server listens: a TCP address, another network namespace, an inherited listening descriptor, or a unix socket that only its owner may use. */
export type ListenTarget =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** Every address of the network namespace in which `enter` runs what it is given, synchronously. */
  | { readonly kind: "namespace"; readonly port: number; readonly enter: (listen: () => void) => void }
  | { readonly kind: "descriptor"; readonly fd: number }
  | { readonly kind: "unix"; readonly path: string };

/** A server's key and certificate chain, PEM. */
export interface TlsIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

/** A listening HTTP server. */
export interface HttpListener {
  /** The TCP address; undefined for a unix socket. */
  readonly address: { readonly host: string; readonly port: number } | undefined;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

/** Serves HTTP/1.1, over TLS when `tls` is given. Rejects with `CodedError` code `CannotListen`. */
export async function listenHttp(
  target: ListenTarget,
  handler: RequestListener,
  tls?: TlsIdentity,
): Promise<HttpListener> {
  const server = tls === undefined ? createServer(handler) : await createTlsServer(handler, tls);
  // Clients such as kubectl and client-go keep connections for long; watches send nothing for minutes.
  server.keepAliveTimeout = 120_000;
  server.headersTimeout = 130_000;
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else socket.destroy();
  });
  await listen(server, target);
  return { address: tcpAddress(server), close: () => close(server) };
}

async function createTlsServer(handler: RequestListener, tls: TlsIdentity): Promise<Server> {
  const https = await import("node:https");
  const server = https.createServer(
    { key: tls.keyPem, cert: tls.certificatePem, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] },
    handler,
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function listen(server: Server, target: ListenTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new CodedError("CannotListen", `Cannot listen on ${describe(target)}: ${messageOf(error)}`, { cause: error }),
      ),
    );
    server.once("listening", resolve);
    if (target.kind === "tcp") server.listen({ host: target.host, port: target.port });
    else if (target.kind === "namespace") target.enter(() => server.listen(target.port));
    else if (target.kind === "descriptor") server.listen({ fd: target.fd });
    else listenUnix(server, target.path);
  });
}

/** The socket is made with mode 0600 from the first moment: node binds unix sockets within listen(). */
function listenUnix(server: Server, path: string): void {
  rmSync(path, { force: true });
  const umask = process.umask(0o177);
  try {
    server.listen({ path });
  } finally {
    process.umask(umask);
  }
}

function describe(target: ListenTarget): string {
  switch (target.kind) {
    case "tcp":
      return `${target.host}:${target.port}`;
    case "namespace":
      return `port ${target.port} of another network namespace`;
    case "descriptor":
      return `inherited descriptor ${target.fd}`;
    case "unix":
      return target.path;
  }
}

function tcpAddress(server: Server): { readonly host: string; readonly port: number } | undefined {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? { host: address.address, port: address.port } : undefined;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
