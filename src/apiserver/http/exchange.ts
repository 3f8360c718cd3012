import type { IncomingMessage, ServerResponse } from "node:http";
import type { Status } from "../../objects/index.ts";
import { asApiError } from "../errors.ts";

/** One request with what its URL says, and the way to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Reads the URL of a request; a malformed one is an empty path. */
export function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  return { request, response, method: request.method ?? "GET", path, query };
}

/** A query parameter; undefined when it is absent. */
export function parameter(exchange: Exchange, name: string): string | undefined {
  return exchange.query.get(name) ?? undefined;
}

/** Whether a query parameter says yes in one of Go's ways. */
export function flag(exchange: Exchange, name: string): boolean {
  const value = parameter(exchange, name);
  return value !== undefined && ["1", "t", "T", "true", "TRUE", "True"].includes(value);
}

/** Answers with JSON. */
export function sendJson(exchange: Exchange, code: number, body: unknown, contentType = "application/json"): void {
  sendText(exchange, code, `${JSON.stringify(body)}\n`, contentType);
}

/** Answers with text, unless the answer has begun or the client has gone. */
export function sendText(exchange: Exchange, code: number, body: string | Uint8Array, contentType: string): void {
  const { response } = exchange;
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  response.writeHead(code, { "Content-Type": contentType, "Content-Length": bytes.length });
  response.end(exchange.method === "HEAD" ? undefined : bytes);
}

/** Answers with the Status of whatever was thrown. */
export function sendError(exchange: Exchange, error: unknown): void {
  const { status } = asApiError(error);
  if (status.details?.retryAfterSeconds !== undefined && !exchange.response.headersSent) {
    exchange.response.setHeader("Retry-After", String(status.details.retryAfterSeconds));
  }
  sendJson(exchange, status.code, status);
}

/** A Status that says that something was done. */
export function success(details: Status["details"]): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    ...(details === undefined ? {} : { details }),
    code: 200,
  };
}

/** Adds `Warning: 299` headers, one for each text. Non-ASCII text goes out as UTF-8. */
export function addWarnings(exchange: Exchange, warnings: readonly string[]): void {
  if (warnings.length === 0 || exchange.response.headersSent) return;
  exchange.response.setHeader("Warning", [...new Set(warnings)].map(warningHeader));
}

const longestWarning = 2048;

function warningHeader(text: string): string {
  const printable = text.replace(/\p{Cc}/gu, " ");
  const quoted = printable.slice(0, longestWarning).replace(/["\\]/g, "\\$&");
  return `299 - "${Buffer.from(quoted).toString("latin1")}"`;
}
