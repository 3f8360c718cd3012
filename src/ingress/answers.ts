import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** The answers that the router gives by itself. */
export type AnswerStatus = 400 | 404 | 405 | 502 | 503 | 504;

// The words that users of ingress-nginx know.
const texts: Readonly<Record<AnswerStatus, string>> = {
  400: "400 Bad Request",
  404: "default backend - 404",
  405: "405 Method Not Allowed",
  502: "502 Bad Gateway",
  503: "503 Service Temporarily Unavailable",
  504: "504 Gateway Time-out",
};

/** Answers a request with a short text. A body that is still coming in is not waited for. */
export function answer(request: IncomingMessage, response: ServerResponse, status: AnswerStatus): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const body = `${texts[status]}\n`;
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(body.length)];
  headers.push("Server", "sealane");
  if (!request.complete && hasBody(request)) headers.push("Connection", "close");
  response.writeHead(status, headers);
  response.end(body);
}

/** Answers on a connection that is no longer in HTTP's hands, and closes it. */
export function answerRaw(socket: Duplex, status: AnswerStatus): void {
  const body = `${texts[status]}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${texts[status].replace(/^\d+ /, "").replace(/^default.*/, "Not Found")}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    "Server: sealane",
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Whether the request says that a body follows its headers. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}
