import { request as connectTo } from "node:http";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { hasCode, messageOf, CodedError } from "../core/index.ts";
import type { Cancel } from "../core/index.ts";
import { answer, hasBody } from "./answers.ts";
import type { AnswerStatus } from "./answers.ts";
import type { Target } from "./backend-pools.ts";
import { responseHeaders } from "./forwarded-headers.ts";
import { admit } from "./gateway.ts";
import type { Admitted, Gateway } from "./gateway.ts";

const idempotent = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/**
 * Serves one request: finds its backend and streams both ways. `expectsContinue` means that the client waits for
 * "100 Continue" before it sends the body; it gets that once a backend is connected.
 */
export function serve(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  scheme: "http" | "https",
  expectsContinue: boolean,
): void {
  const { counters } = gateway;
  counters.requests++;
  counters.inFlight++;
  response.once("close", () => counters.inFlight--);
  const admission = admit(gateway, request, scheme);
  if (admission.kind === "refused") refuse(gateway, request, response, admission.status);
  else new Exchange(gateway, admission, request, response, expectsContinue).attempt();
}

function refuse(gateway: Gateway, request: IncomingMessage, response: ServerResponse, status: AnswerStatus): void {
  if (gateway.draining()) response.shouldKeepAlive = false;
  gateway.counters.answers[status] = (gateway.counters.answers[status] ?? 0) + 1;
  answer(request, response, status);
}

/** One request on its way, over one or several endpoints. */
class Exchange {
  readonly #gateway: Gateway;
  readonly #admitted: Admitted;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;
  readonly #hasBody: boolean;
  readonly #tried: Target[] = [];
  #upstream: ClientRequest | undefined;
  #cancelTimer: Cancel = () => undefined;
  #attempts = 0;
  #bodyStarted = false;
  #answered = false;

  constructor(
    gateway: Gateway,
    admitted: Admitted,
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ) {
    this.#gateway = gateway;
    this.#admitted = admitted;
    this.#request = request;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
    this.#hasBody = hasBody(request);
    response.once("close", () => {
      this.#cancelTimer();
      // The client left, or has its answer while it is still sending: the backend need not go on.
      if (!response.writableFinished || !request.complete) this.#upstream?.destroy();
      if (!request.complete) request.unpipe().resume();
    });
  }

  attempt(): void {
    const { agent, limits, lookup } = this.#gateway;
    const target = this.#admitted.pool().next(this.#tried);
    if (target === undefined) return this.#refuse(502);
    this.#tried.push(target);
    this.#attempts++;
    let upstream: ClientRequest;
    try {
      upstream = connectTo({
        agent,
        host: target.host,
        port: target.port,
        method: this.#request.method,
        path: this.#admitted.target.target,
        headers: this.#admitted.headers,
        setHost: false,
        maxHeaderSize: limits.maxHeaderBytes,
        ...(lookup === undefined ? {} : { lookup }),
      });
    } catch {
      // A target or a header value that the client side of node refuses to write.
      return this.#refuse(400);
    }
    this.#upstream = upstream;
    upstream.on("socket", (socket) => {
      if (!socket.connecting) return this.#connected();
      this.#startTimer(limits.connectTimeoutMs, "ConnectTimeout");
      socket.once("connect", () => this.#connected());
    });
    upstream.on("response", (incoming) => this.#respond(incoming));
    upstream.on("error", (error) => this.#failed(target, upstream, error));
    if (!this.#hasBody) upstream.end();
  }

  #connected(): void {
    const { limits } = this.#gateway;
    const noAnswer = () => this.#startTimer(limits.responseTimeoutMs, "ResponseTimeout");
    if (!this.#hasBody) return noAnswer();
    this.#cancelTimer();
    this.#bodyStarted = true;
    const request = this.#request;
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    if (this.#expectsContinue) this.#response.writeContinue();
    // A body that is still to come may depend on what the backend says to the headers.
    if (request.readableLength === 0) upstream.flushHeaders();
    request.pipe(upstream, { end: false });
    request.once("end", () => {
      if (request.rawTrailers.length > 0) upstream.addTrailers(pairs(request.rawTrailers));
      upstream.end();
      if (!this.#response.headersSent) noAnswer();
    });
  }

  #respond(incoming: IncomingMessage): void {
    this.#cancelTimer();
    const response = this.#response;
    const headers = responseHeaders(incoming.rawHeaders);
    if (this.#gateway.draining()) response.shouldKeepAlive = false;
    try {
      response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? "", headers);
    } catch {
      // A header that node accepts from a server but does not write.
      this.#upstream?.destroy();
      return this.#refuse(502);
    }
    // Without a length this may be a stream of events: the client should not wait for the first one.
    if (incoming.headers["content-length"] === undefined) response.flushHeaders();
    incoming.pipe(response, { end: false });
    incoming.once("end", () => {
      this.#answered = true;
      if (incoming.rawTrailers.length > 0) response.addTrailers(pairs(incoming.rawTrailers));
      response.end();
    });
    // The backend broke off: so do we, or the client would take what it has for the whole.
    incoming.once("error", () => response.destroy());
  }

  #failed(target: Target, upstream: ClientRequest, error: unknown): void {
    this.#cancelTimer();
    const { counters, limits, log } = this.#gateway;
    if (this.#answered) return;
    if (this.#response.headersSent || this.#response.destroyed) return void this.#response.destroy();
    if (hasCode(error, "ResponseTimeout")) return this.#refuse(504);
    // Before the connection stands nothing was sent; a kept connection may have been closed as we wrote to it.
    const unsent = upstream.socket === null || upstream.socket.connecting || isConnectFailure(error);
    if (unsent) this.#admitted.pool().failed(target);
    const repeatable = unsent || (!this.#hasBody && idempotent.has(this.#request.method ?? ""));
    if (repeatable && !this.#bodyStarted && this.#attempts < limits.attempts) {
      counters.retries++;
      // A stale kept connection says nothing about its endpoint.
      if (!unsent && upstream.reusedSocket) this.#tried.pop();
      return this.attempt();
    }
    log.debug("backend failed", { target: `${target.host}:${target.port}`, error: messageOf(error) });
    this.#refuse(hasCode(error, "ConnectTimeout") ? 504 : 502);
  }

  #refuse(status: AnswerStatus): void {
    refuse(this.#gateway, this.#request, this.#response, status);
  }

  #startTimer(delayMs: number, code: "ConnectTimeout" | "ResponseTimeout"): void {
    this.#cancelTimer();
    const upstream = this.#upstream;
    this.#cancelTimer = this.#gateway.clock.schedule(delayMs, () => {
      upstream?.destroy(new CodedError(code, `Nothing came within ${delayMs} ms`));
    });
  }
}

function isConnectFailure(error: unknown): boolean {
  if (hasCode(error, "ConnectTimeout")) return true;
  // Several addresses of one name, none of which answers.
  if (error instanceof AggregateError) return true;
  const syscall = error instanceof Error && "syscall" in error ? error.syscall : undefined;
  return syscall === "connect" || syscall === "getaddrinfo";
}

function pairs(rawTrailers: readonly string[]): [string, string][] {
  const all: [string, string][] = [];
  for (let i = 0; i + 1 < rawTrailers.length; i += 2) all.push([rawTrailers[i] ?? "", rawTrailers[i + 1] ?? ""]);
  return all;
}
