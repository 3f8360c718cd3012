import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";

let server: WebSocketServer | undefined;

/** Accepts a WebSocket and sends back every message as it came. `headers` go into the handshake's answer. */
export function echoWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  server ??= new WebSocketServer({ noServer: true });
  const addHeaders = (lines: string[], of: IncomingMessage) => {
    if (of === request) lines.push(...Object.entries(headers).map(([name, value]) => `${name}: ${value}`));
  };
  server.on("headers", addHeaders);
  server.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  });
  server.off("headers", addHeaders);
}
