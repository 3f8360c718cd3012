import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSocket } from "node:dgram";
import { cpus } from "node:os";
import { CodedError } from "#layers/core";

/** The core of measured servers; everything else runs on the last one, which is another where there are two. */
export const serverCore = 0;
/** The core of whoever asks. */
export const clientCore = Math.max(0, cpus().length - 1);

const longestStartMs = 60_000;

/** A server that is measured, with a core of its own. */
export interface MeasuredServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Moves this process to the core of those who ask. */
export function moveToClientCore(): void {
  spawnSync("taskset", ["-acp", `${clientCore}`, `${process.pid}`]);
}

/**
 * Starts a server on its core and waits until it has printed `ready`, or (without) until it answers. Rejects with `CodedError`
 * code `ServerFailed` with what it printed when it ends before.
 */
export async function startServer(
  name: string,
  port: number,
  command: readonly string[],
  ready?: string,
): Promise<MeasuredServer> {
  const child = spawn("taskset", ["-c", `${serverCore}`, ...command], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new CodedError("ServerFailed", `${name} ended with code ${code}: ${printed.slice(-500)}`)),
    );
    timer = setTimeout(() => {
      reject(new CodedError("ServerFailed", `${name} was not ready in a minute: ${printed.slice(-500)}`));
    }, longestStartMs);
  });
  failed.catch(() => undefined);
  const isReady = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      if (printed.length < 10_000) printed += chunk.toString();
      if (ready !== undefined && printed.includes(ready)) resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
  try {
    await Promise.race([ready === undefined ? answers(port, failed) : isReady, failed]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
  // `taskset` becomes the server, so this is its own number.
  return { name, port, pid: child.pid ?? 0, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await once(child, "exit");
  clearTimeout(timer);
}

/** Asks until somebody answers. */
async function answers(port: number, failed: Promise<never>): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("error", () => undefined);
  const root = Uint8Array.of(0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1);
  const timer = setInterval(() => socket.send(root, port, "127.0.0.1"), 20);
  try {
    await Promise.race([once(socket, "message"), failed]);
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

/** A port that nobody has now, on the loopback, for UDP and TCP. */
export async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new TypeError("A TCP socket has a port");
  return address.port;
}

/** CPU time that a process has used, all its threads, in microseconds (the kernel counts in steps of 10 ms). */
export function cpuOf(pid: number): { readonly user: number; readonly system: number } {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { user: Number(fields[11]) * 10_000, system: Number(fields[12]) * 10_000 };
}

/** Memory of a process in MB: resident, its share (PSS), and the most that was ever resident. */
export interface Memory {
  readonly residentMb: number;
  readonly shareMb: number;
  readonly peakMb: number;
}

export function memoryNow(pid: number): Memory {
  const field = (file: string, name: string) => {
    const match = new RegExp(`^${name}:\\s+([0-9]+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"));
    return Number(match?.[1] ?? 0) / 1024;
  };
  return {
    residentMb: field("smaps_rollup", "Rss"),
    shareMb: field("smaps_rollup", "Pss"),
    peakMb: field("status", "VmHWM"),
  };
}
