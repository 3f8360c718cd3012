import { createServer } from "node:net";
import type { Socket } from "node:net";
import { CodedError, messageOf } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { dialThroughRelay } from "./relay.ts";
import type { RelayRequest } from "./relay.ts";

/** An open port on the host that leads into the lab. */
export interface Forward {
  readonly port: number;
  close(): void;
}

/** What a forward needs. */
export interface ForwardOptions {
  /** Path of the relay's unix socket, as the host sees it. */
  readonly relay: string;
  /** Where to go; asked for each connection, so that it may change. Rejecting refuses the connection. */
  readonly target: () => RelayRequest | Promise<RelayRequest>;
  /** On 127.0.0.1; 0 for a free one. */
  readonly port: number;
  readonly log: Logger;
}

/** Opens a port on the host's loopback; every connection to it is made anew inside the lab. */
export function startForward({ relay, target, port, log }: ForwardOptions): Promise<Forward> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    void connectThrough(socket);
  });
  const connectThrough = async (socket: Socket) => {
    try {
      const inside = await dialThroughRelay(relay, await target());
      if (socket.destroyed) return void inside.destroy();
      socket.on("close", () => inside.destroy());
      inside.on("error", () => socket.resetAndDestroy());
      socket.pipe(inside);
      inside.pipe(socket);
    } catch (error) {
      log.warn("connection not forwarded", { reason: messageOf(error) });
      socket.resetAndDestroy();
    }
  };
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const used = error.code === "EADDRINUSE";
      const reason = used ? "is in use: name another one" : `cannot be opened: ${error.message}`;
      reject(new CodedError("Listen", `Port ${port} of 127.0.0.1 ${reason}`));
    });
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
