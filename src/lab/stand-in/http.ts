import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../../core/index.ts";
import { formatTime } from "../../objects/index.ts";
import { answerJson, answerText, plainAddress, wantsJson } from "./answer.ts";
import type { Seen, StandInIdentity } from "./answer.ts";
import { controlPrefix } from "./control.ts";
import type { StandInState } from "./control.ts";

/** Names the kind of a probe in the probe's request, so that `unready` fails readiness only. */
export const probeHeader = "x-sealane-probe";

/** What the shared HTTP handler needs of the stand-in that accepted a connection. */
export interface HttpOwner {
  readonly identity: StandInIdentity;
  readonly state: StandInState;
  /** True once the pod terminates: answers ask clients to leave. */
  readonly draining: boolean;
  /** Answers a request below `/_sealane/`: status code and body. */
  control(method: string, path: string): { readonly code: number; readonly body: string };
}

/** One accepted connection: who answers, and as which container and port. */
export interface HttpConnection {
  readonly owner: HttpOwner;
  readonly port: number;
  readonly container?: string;
  readonly image?: string;
  /** Requests that are being answered; 0 means that the connection may be closed without harm. */
  active: number;
}

/** One HTTP server for all stand-ins of a process: it listens nowhere itself, connections are handed to it. */
export class StandInHttp {
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #connections = new WeakMap<Duplex, HttpConnection>();
  #active = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    // Longer than clients keep idle connections, so that they close first and never race with us.
    this.#server = createServer({ keepAliveTimeout: 75_000, requestTimeout: 0 });
    this.#server.on("request", (request, response) => this.#answer(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on("clientError", (_error, socket) => this.#answerOther(socket));
  }

  /** How many requests are being answered, by all stand-ins together. */
  get active(): number {
    return this.#active;
  }

  /** Serves an accepted connection. */
  serve(socket: Socket, connection: HttpConnection): void {
    this.#connections.set(socket, connection);
    this.#server.emit("connection", socket);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return void response.destroy();
    connection.active++;
    this.#active++;
    response.on("close", () => {
      connection.active--;
      this.#active--;
    });
    request.resume();
    const { owner } = connection;
    const path = request.url ?? "/";
    const send = (code: number, body: string, type: string) => {
      if (response.destroyed) return;
      if (owner.draining) response.setHeader("connection", "close");
      response.writeHead(code, {
        ...this.#headers(owner),
        "content-type": type,
        "content-length": Buffer.byteLength(body),
      });
      response.end(body);
    };
    if (path.startsWith(controlPrefix)) {
      const { code, body } = owner.control(request.method ?? "GET", path);
      return send(code, body, "application/json");
    }
    const answer = () => {
      if (request.headers[probeHeader] === "readiness" && !owner.state.ready)
        return send(503, "not ready\n", "text/plain");
      const seen = this.#seen(connection, request);
      if (wantsJson(path, request.headers.accept)) send(200, answerJson(owner.identity, seen), "application/json");
      else send(200, answerText(owner.identity, seen), "text/plain; charset=utf-8");
    };
    if (owner.state.slowMs > 0) this.#clock.schedule(owner.state.slowMs, answer);
    else answer();
  }

  #seen(connection: HttpConnection, request?: IncomingMessage, socket: Duplex | undefined = request?.socket): Seen {
    const peer = socket as Partial<Socket> | undefined;
    return {
      protocol: "TCP",
      port: connection.port,
      ...(connection.container === undefined ? {} : { container: connection.container }),
      ...(connection.image === undefined ? {} : { image: connection.image }),
      clientAddress: plainAddress(peer?.remoteAddress),
      clientPort: peer?.remotePort ?? 0,
      time: formatTime(this.#clock.now()),
      ...(request === undefined
        ? {}
        : { method: request.method ?? "", path: request.url ?? "", headers: request.headers }),
    };
  }

  #headers(owner: HttpOwner): Readonly<Record<string, string>> {
    const name = owner.identity.pod ?? owner.identity.host ?? "";
    return { server: "sealane-stand-in", "x-sealane-stand-in": name };
  }

  /** WebSockets echo; any other upgrade is not taken up: the request is answered as if it had not been offered. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket);
    socket.on("error", () => socket.destroy());
    if (connection === undefined) return void socket.destroy();
    if (request.headers.upgrade?.toLowerCase() !== "websocket") {
      const body = answerText(connection.owner.identity, this.#seen(connection, request));
      socket.end(
        `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
      return;
    }
    void import("./web-socket.ts").then(
      ({ echoWebSocket }) => echoWebSocket(request, socket, head, this.#headers(connection.owner)),
      () => socket.destroy(),
    );
  }

  /** Someone who does not speak HTTP gets the same answer in plain text. */
  #answerOther(socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || !socket.writable) return void socket.destroy();
    socket.end(answerText(connection.owner.identity, this.#seen(connection, undefined, socket)));
  }
}
