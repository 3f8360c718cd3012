// The two ends of the traffic that `sealane bench proxy` measures, a process each, in a network namespace of its own.
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import type koffiTypes from "koffi";
import { enterNamespace, writeSysctls } from "#layers/kernel";
import { podAddress } from "./network.ts";

/** What a peer is told on its command line, as JSON. */
export type PeerTask =
  | { readonly kind: "server"; readonly namespace: string }
  | {
      readonly kind: "connect";
      readonly namespace: string;
      readonly address: string;
      readonly port: number;
      readonly count: number;
    }
  | {
      readonly kind: "stream";
      readonly namespace: string;
      readonly address: string;
      readonly port: number;
      readonly bytes: number;
    };

/** What it answers: microseconds of each connect(), or megabytes a second. */
export type PeerReport =
  | { readonly kind: "listening" }
  | { readonly kind: "connects"; readonly microseconds: readonly number[]; readonly perSecond: number }
  | { readonly kind: "stream"; readonly megabytesPerSecond: number };

function report(message: PeerReport): void {
  process.send?.(message);
}

function serve(): void {
  createServer((socket) => socket.on("error", () => undefined).destroy()).listen(8080, () => {
    const sink = createServer((socket) => {
      let left = 0;
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => (left += chunk.length));
      socket.on("end", () => socket.end(String(left)));
    });
    // Sends as many bytes as the client's line asks for.
    const source = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (line: Buffer) => send(socket, Number(line.toString())));
    });
    sink.listen(8081, () => source.listen(8082, () => report({ kind: "listening" })));
  });
}

/**
 * Lets this process call from ports that those who call another address do not use. IPVS keeps a closed connection for 10 s, finds an answer's connection by the
 * pod's and the client's ports, and would answer in the Service's name who called the pod itself from the same port.
 */
function takePortsOf(address: string): void {
  writeSysctls({ "net/ipv4/ip_local_port_range": address === podAddress ? "10000 31999" : "32000 53999" });
}

/** Blocking calls of the C library: what Node itself does around a connection costs more than the connection. */
function measureConnects({ address, port, count }: Extract<PeerTask, { kind: "connect" }>): PeerReport {
  const koffi = createRequire(import.meta.url)("koffi") as typeof koffiTypes;
  const library = koffi.load(null);
  const socket = library.func("int socket(int, int, int)") as (...args: number[]) => number;
  const connectCall = library.func("int connect(int, const uint8_t *, unsigned int)") as (
    fd: number,
    name: Uint8Array,
    length: number,
  ) => number;
  const setsockopt = library.func("int setsockopt(int, int, int, const uint8_t *, unsigned int)") as (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    length: number,
  ) => number;
  const close = library.func("int close(int)") as (fd: number) => number;
  // struct sockaddr_in
  const name = Uint8Array.of(2, 0, port >> 8, port & 255, ...address.split(".").map(Number), 0, 0, 0, 0, 0, 0, 0, 0);
  // Closing with a reset leaves no TIME_WAIT behind.
  const linger = new Uint8Array(new Int32Array([1, 0]).buffer);
  const microseconds: number[] = [];
  const started = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    const fd = socket(2, 1, 0);
    setsockopt(fd, 1, 13, linger, 8);
    const before = process.hrtime.bigint();
    const result = connectCall(fd, name, 16);
    const after = process.hrtime.bigint();
    close(fd);
    if (result !== 0) throw new Error(`connect() to ${address}:${port} failed`);
    microseconds.push(Number(after - before) / 1000);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  return { kind: "connects", microseconds, perSecond: count / seconds };
}

/** Writes so many bytes and ends. */
function send(socket: Socket, bytes: number): void {
  const chunk = Buffer.alloc(256 * 1024);
  let left = bytes;
  const write = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) return void socket.once("drain", write);
    }
    socket.end();
  };
  write();
}

function measureStream({ address, port, bytes }: Extract<PeerTask, { kind: "stream" }>): void {
  // Received bytes go into one buffer again and again, so that the measuring end costs little.
  const buffer = Buffer.alloc(256 * 1024);
  let received = 0;
  let answer = "";
  const socket = connect({
    host: address,
    port,
    onread: {
      buffer,
      callback: (length: number, chunk: Uint8Array) => {
        received += length;
        if (port !== 8082 && port !== 82) answer += Buffer.from(chunk.subarray(0, length)).toString();
        return true;
      },
    },
  });
  const isDownload = port === 8082 || port === 82;
  const started = process.hrtime.bigint();
  socket.once("connect", () => (isDownload ? socket.write(String(bytes)) : send(socket, bytes)));
  socket.once("end", () => {
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    report({ kind: "stream", megabytesPerSecond: (isDownload ? received : Number(answer)) / 1e6 / seconds });
  });
}

const [, , text] = process.argv;
if (text !== undefined && process.send !== undefined) {
  process.once("disconnect", () => process.exit(0));
  const task = JSON.parse(text) as PeerTask;
  enterNamespace(task.namespace);
  if (task.kind !== "server") takePortsOf(task.address);
  if (task.kind === "server") serve();
  else if (task.kind === "connect") report(measureConnects(task));
  else measureStream(task);
}
