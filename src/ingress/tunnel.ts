import { request as connectTo, ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { answerRaw } from "./answers.ts";
import type { AnswerStatus } from "./answers.ts";
import type { Target } from "./backend-pools.ts";
import { responseHeaders } from "./forwarded-headers.ts";
import { admit } from "./gateway.ts";
import type { Gateway } from "./gateway.ts";

/**
 * Serves a request to switch protocols (WebSocket and the like): asks the backend the same, and when it agrees joins the
 * two connections until either end closes. A backend that does not agree is heard as it answers. `tunnels` holds the open
 * ones, so that a stop can end them.
 */
export function serveUpgrade(
  gateway: Gateway,
  request: IncomingMessage,
  client: Socket,
  early: Uint8Array,
  scheme: "http" | "https",
  tunnels: Set<Socket>,
): void {
  const { counters, limits, lookup } = gateway;
  counters.requests++;
  client.on("error", () => client.destroy());
  const refuse = (status: AnswerStatus) => {
    counters.answers[status] = (counters.answers[status] ?? 0) + 1;
    answerRaw(client, status);
  };
  const { headers, method } = request;
  // What follows the headers belongs to the new protocol; a body before it would be read as something else by others.
  if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined) return refuse(400);
  // A client that would like HTTP/2 is content with an ordinary answer (RFC 9110, section 7.8).
  const upgrade = headers.upgrade?.toLowerCase() === "h2c" ? undefined : headers.upgrade;
  const admission = admit(gateway, request, scheme, upgrade);
  if (admission.kind === "refused") return refuse(admission.status);
  const tried: Target[] = [];

  const attempt = (): void => {
    const target = admission.pool().next(tried);
    if (target === undefined) return refuse(502);
    tried.push(target);
    const upstream = connectTo({
      agent: false,
      host: target.host,
      port: target.port,
      method,
      path: admission.target.target,
      headers: admission.headers,
      setHost: false,
      maxHeaderSize: limits.maxHeaderBytes,
      ...(lookup === undefined ? {} : { lookup }),
    });
    let connected = false;
    let answered = false;
    let timedOut = false;
    const timer = (delayMs: number) =>
      gateway.clock.schedule(delayMs, () => {
        timedOut = true;
        upstream.destroy(new Error("No answer in time"));
      });
    let cancelTimer = timer(limits.connectTimeoutMs);
    const abort = () => upstream.destroy();
    client.once("close", abort);
    upstream.on("socket", (socket) =>
      socket.once("connect", () => {
        connected = true;
        cancelTimer();
        cancelTimer = timer(limits.responseTimeoutMs);
      }),
    );
    upstream.on("upgrade", (response, backend, head) => {
      answered = true;
      cancelTimer();
      client.off("close", abort);
      join(gateway, response, client, backend, early, head, tunnels);
    });
    upstream.on("response", (response) => {
      answered = true;
      cancelTimer();
      relay(request, response, client);
    });
    upstream.on("error", () => {
      cancelTimer();
      client.off("close", abort);
      if (answered || client.destroyed) return void client.destroy();
      if (!connected) {
        admission.pool().failed(target);
        if (tried.length < limits.attempts) {
          counters.retries++;
          return attempt();
        }
      }
      refuse(timedOut ? 504 : 502);
    });
    upstream.end();
  };
  attempt();
}

function join(
  gateway: Gateway,
  response: IncomingMessage,
  client: Socket,
  backend: Socket,
  early: Uint8Array,
  head: Uint8Array,
  tunnels: Set<Socket>,
): void {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage ?? ""}`];
  for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
    lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  }
  client.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (head.length > 0) client.write(head);
  if (early.length > 0) backend.write(early);
  gateway.counters.tunnels++;
  tunnels.add(client);
  for (const [one, other] of [
    [client, backend],
    [backend, client],
  ] as const) {
    one.setTimeout(0);
    one.setNoDelay(true);
    one.setKeepAlive(true, 60_000);
    one.on("error", () => one.destroy());
    one.once("close", () => other.destroySoon());
    one.pipe(other);
  }
  client.once("close", () => {
    gateway.counters.tunnels--;
    tunnels.delete(client);
  });
}

/** Sends an ordinary answer over a connection that node has given up, and ends it. */
function relay(request: IncomingMessage, incoming: IncomingMessage, client: Socket): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(client);
  response.once("finish", () => client.end());
  response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? "", responseHeaders(incoming.rawHeaders));
  incoming.once("error", () => client.destroy());
  incoming.pipe(response);
}
