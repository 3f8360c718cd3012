import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { CodedError, isPort, messageOf, parseIp } from "../../core/index.ts";
import type { Ip, Logger } from "../../core/index.ts";
import { dialFrom } from "../dial.ts";

/** What a client of the relay asks for, as one line of JSON; the bytes of the connection follow. */
export interface RelayRequest {
  /** Path of the network namespace from which to connect, in the lab. */
  readonly from: string;
  /** Address to connect to. */
  readonly host: string;
  readonly port: number;
}

/** The relay of a lab. */
export interface Relay {
  close(): void;
}

const maxLine = 4096;

/**
 * Serves the relay on a unix socket, in the supervisor. A client sends one `RelayRequest` line; the answer is the line
 * `ok` when the connection stands, or `error <reason>`; after `ok` bytes go both ways until both sides have ended.
 */
export async function startRelay(path: string, log: Logger): Promise<Relay> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    readLine(socket, (line, rest) => serve(socket, line, rest, log));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serve(client: Socket, line: string, rest: Buffer, log: Logger): void {
  const refuse = (reason: string) => void client.end(`error ${reason}\n`);
  const request = readRequest(line);
  if (typeof request === "string") return refuse(request);
  let target: Socket;
  try {
    target = dialFrom(request.from, request.address, request.port);
  } catch (error) {
    log.debug("relay cannot dial", { from: request.from, reason: messageOf(error) });
    return refuse(messageOf(error));
  }
  let connected = false;
  target.on("error", (error) => {
    if (connected) client.resetAndDestroy();
    else refuse(error.message);
  });
  client.on("close", () => target.destroy());
  target.on("connect", () => {
    connected = true;
    client.write("ok\n");
    if (rest.length > 0) target.write(rest);
    join(client, target);
  });
}

function readRequest(line: string): { readonly from: string; readonly address: Ip; readonly port: number } | string {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return "the request must be one line of JSON";
    const { from, host, port }: { from?: unknown; host?: unknown; port?: unknown } = value;
    const address = typeof host === "string" ? parseIp(host) : undefined;
    if (typeof from !== "string" || !from.startsWith("/run/netns/") || from.includes("..")) return "no such place";
    if (address === undefined) return "host must be an IP address";
    return isPort(port) ? { from, address, port } : "port must be 1 to 65535";
  } catch {
    return "the request must be one line of JSON";
  }
}

function readLine(socket: Socket, done: (line: string, rest: Buffer) => void): void {
  let seen = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.indexOf(10);
    if (end < 0 && seen.length < maxLine) return;
    socket.off("data", onData);
    socket.pause();
    if (end < 0) return void socket.end("error the request is too long\n");
    done(seen.subarray(0, end).toString("utf8"), seen.subarray(end + 1));
  };
  socket.on("data", onData);
}

function join(a: Socket, b: Socket): void {
  // pipe() passes on the end of each direction on its own, as TCP does.
  a.pipe(b);
  b.pipe(a);
}

/** Connects through a relay; resolves when the connection inside the lab stands. Rejects with code `Unreachable`. */
export function dialThroughRelay(path: string, request: RelayRequest): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    const fail = (reason: string) => {
      socket.destroy();
      const message = `Cannot connect to ${request.host}:${request.port} in the lab: ${reason}`;
      reject(new CodedError("Unreachable", message));
    };
    const onError = (error: Error) => fail(error.message);
    const onEnd = () => fail("the lab closed the connection");
    socket.once("error", onError);
    socket.once("end", onEnd);
    socket.write(`${JSON.stringify(request)}\n`);
    readLine(socket, (line, rest) => {
      socket.off("error", onError);
      socket.off("end", onEnd);
      if (line !== "ok") return fail(line.replace(/^error /, ""));
      if (rest.length > 0) socket.unshift(rest);
      resolve(socket);
    });
  });
}
