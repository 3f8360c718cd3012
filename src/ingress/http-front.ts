import { Agent, createServer } from "node:http";
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { CodedError, messageOf } from "../core/index.ts";
import type { Certificates } from "./certificates.ts";
import { serve } from "./exchange.ts";
import type { Gateway, RouterLimits } from "./gateway.ts";
import { serveUpgrade } from "./tunnel.ts";

/** Where to listen. */
export interface IngressListen {
  /** Port for HTTP; 0 takes a free one. */
  readonly httpPort: number;
  /** Port for HTTPS; none when absent. */
  readonly httpsPort?: number;
  /** Makes the listening sockets: must call `listen` before it returns, for instance inside another network namespace. */
  readonly open?: (listen: () => void) => void;
}

/** The ports on which the router listens. */
export interface IngressPorts {
  readonly http: number;
  readonly https?: number;
}

/** The HTTP side of the router: what is loaded only when there is something to listen on. */
export interface HttpFront {
  listen(listen: IngressListen): Promise<IngressPorts>;
  /** Stops listening, lets requests under way end for at most `drainMs`, then cuts what is left. */
  stop(drainMs: number): Promise<void>;
}

export type FrontGateway = Omit<Gateway, "agent" | "draining">;

/** Loads TLS only when a port for HTTPS is asked for. */
export function createHttpFront(gateway: FrontGateway, loadCertificates: () => Promise<Certificates>): HttpFront {
  const { limits } = gateway;
  // An idle connection may be closed by the backend just as a request goes out: keep them short, newest first.
  const agent = new Agent({ keepAlive: true, scheduling: "lifo", maxFreeSockets: 64, timeout: limits.backendIdleMs });
  const servers: Server[] = [];
  const tunnels = new Set<Socket>();
  let draining = false;
  const full: Gateway = { ...gateway, agent, draining: () => draining };

  const attach = (server: Server, scheme: "http" | "https"): void => {
    const serveHttp = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
      response.once("close", () => {
        // The connection becomes idle after this event; while draining nobody shall use it again.
        if (draining) setImmediate(() => server.closeIdleConnections());
      });
      serve(full, request, response, scheme, expectsContinue);
    };
    server.on("request", (request, response) => serveHttp(request, response, false));
    server.on("checkContinue", (request, response) => serveHttp(request, response, true));
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Uint8Array) =>
      serveUpgrade(full, request, socket, head, scheme, tunnels),
    );
    server.headersTimeout = limits.headersTimeoutMs;
    // Uploads and long answers may take as long as they go on.
    server.requestTimeout = 0;
    server.keepAliveTimeout = limits.clientIdleMs;
  };

  return {
    async listen({ httpPort, httpsPort, open = (listen) => listen() }) {
      const http = createServer(serverOptions(limits));
      attach(http, "http");
      const wanted: [Server, number][] = [[http, httpPort]];
      if (httpsPort !== undefined) {
        const https = await createTlsServer(limits, await loadCertificates());
        attach(https, "https");
        wanted.push([https, httpsPort]);
      }
      servers.push(...wanted.map(([server]) => server));
      const ready = wanted.map(([server, port]) => listening(server, port));
      // Without a host node binds within listen(): the sockets belong to the namespace in which that is called.
      open(() => {
        for (const [server, port] of wanted) server.listen(port);
      });
      const [httpReady, httpsReady] = await Promise.all(ready);
      return { http: httpReady ?? httpPort, ...(httpsReady === undefined ? {} : { https: httpsReady }) };
    },
    async stop(drainMs) {
      draining = true;
      const closed = Promise.all(
        servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
      );
      const cut = (): void => {
        for (const server of servers) server.closeAllConnections();
        for (const tunnel of tunnels) tunnel.destroy();
      };
      if (drainMs <= 0) cut();
      const cancel = gateway.clock.schedule(drainMs, cut);
      await closed;
      cancel();
      for (const tunnel of tunnels) tunnel.destroy();
      agent.destroy();
    },
  };
}

function serverOptions(limits: RouterLimits): ServerOptions {
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    // Looked through this often for clients that are too slow with their headers.
    connectionsCheckingInterval: Math.min(30_000, limits.headersTimeoutMs),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  };
}

async function createTlsServer(limits: RouterLimits, certificates: Certificates): Promise<Server> {
  const https = await import("node:https");
  const { fallback } = certificates;
  const server = https.createServer({
    ...serverOptions(limits),
    ALPNProtocols: ["http/1.1"],
    minVersion: "TLSv1.2",
    ...(fallback === undefined ? {} : { cert: fallback.certificatePem, key: fallback.keyPem }),
    SNICallback: (serverName, done) => {
      const context = certificates.contextFor(serverName);
      if (context === undefined) done(new Error(`There is no certificate for ${serverName}`));
      else done(null, context);
    },
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new CodedError("CannotListen", `The ingress router cannot listen on port ${port}: ${messageOf(error)}`, {
          cause: error,
        }),
      ),
    );
    server.once("listening", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
