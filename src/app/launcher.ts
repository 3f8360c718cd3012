import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fstatSync, openSync, readSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { CodedError } from "../core/index.ts";
import { unshareArgs } from "../lab/index.ts";
import { descriptorOf } from "./descriptor.ts";
import { createLabDirectory, removeLabDirectory } from "./lab-directory.ts";
import type { LabDirectory } from "./lab-directory.ts";
import { stopLine } from "./lab-options.ts";
import type { LabOptions, SupervisorInput, SupervisorReport } from "./lab-options.ts";
import type { ManifestObject } from "./manifests.ts";
import { packageFile } from "./package-files.ts";

/** How much of the log is shown when a lab ends by itself. */
const lastLines = 5;

/** A lab as its launcher sees it. */
export interface LaunchedLab {
  readonly directory: LabDirectory;
  readonly server: string;
  /** Calls `handler` for each report, from the first one on. */
  onReport(handler: (report: SupervisorReport) => void): void;
  /** Resolves when the lab is gone, with its supervisor's exit code. */
  readonly exited: Promise<number>;
  /** Stops the lab and waits until nothing of it is left. */
  stop(): Promise<void>;
  /** Leaves the lab to itself: the launcher may exit. */
  detach(): void;
  /** The last lines of the lab's log, also when the lab and its files are gone. */
  logTail(): string;
}

export interface LaunchRequest {
  readonly options: LabOptions;
  /** Reads what to apply; called while the lab starts already. */
  readonly manifests: () => readonly ManifestObject[];
  /** Port of the API on 127.0.0.1; 0 = a free one. */
  readonly apiPort: number;
  readonly detached: boolean;
  readonly startedAt: number;
}

/**
 * Starts a lab: opens the API's socket on the host's loopback, then the supervisor in namespaces of its own, which inherits
 * the socket. A shell stays between the two and removes the lab's files when the supervisor ends, however it ends; when the
 * shell or this process dies, the kernel (PDEATHSIG) or the end of standard input ends the supervisor.
 * Rejects with `CodedError` "NameInUse" or "PortInUse", and with what reading the manifests threw; then nothing is left.
 */
export async function launchLab(request: LaunchRequest): Promise<LaunchedLab> {
  const directory = createLabDirectory(request.options.name);
  let listener: Server;
  try {
    listener = await listenOnLoopback(request.apiPort);
  } catch (error) {
    removeLabDirectory(directory);
    throw error;
  }
  const port = portOf(listener);
  const server = `https://127.0.0.1:${port}`;
  const userNamespace = process.getuid?.() !== 0;
  const log = openSync(directory.log, "a+", 0o600);
  const child = spawnSupervisor(directory, listener, log, userNamespace);
  listener.close();

  const input: SupervisorInput = {
    options: request.options,
    directory,
    server,
    detached: request.detached,
    userNamespace,
    startedAt: request.startedAt,
  };
  const lifeline = child.stdin as Writable;
  lifeline.on("error", () => undefined);
  lifeline.write(`${JSON.stringify(input)}\n`);
  const lab = launched(child, lifeline, directory, server, log);
  try {
    lifeline.write(`${JSON.stringify(request.manifests())}\n`);
  } catch (error) {
    await lab.stop();
    throw error;
  }
  return lab;
}

function spawnSupervisor(directory: LabDirectory, listener: Server, log: number, userNamespace: boolean): ChildProcess {
  const program = packageFile("dist/run/supervisor/main.js");
  const node = [process.execPath, ...process.execArgv, program];
  const argv = ["setpriv", "--pdeathsig", "KILL", "unshare", ...unshareArgs(node, !userNamespace, "TERM")];
  // setpriv's signal is kept by exec and makes unshare die with the shell; unshare passes TERM on to the supervisor.
  const janitor = 'dir=$1; shift; "$@"; status=$?; rm -rf -- "$dir"; exit "$status"';
  return spawn("/bin/sh", ["-c", janitor, "sealane", directory.path, ...argv], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", log, log, descriptorOf(listener), "pipe"],
  });
}

function launched(
  child: ChildProcess,
  lifeline: Writable,
  directory: LabDirectory,
  server: string,
  log: number,
): LaunchedLab {
  const reports = child.stdio[4] as Readable;
  const handlers: ((report: SupervisorReport) => void)[] = [];
  const early: SupervisorReport[] = [];
  createInterface({ input: reports }).on("line", (line) => {
    const report = JSON.parse(line) as SupervisorReport;
    if (handlers.length === 0) early.push(report);
    for (const handler of handlers) handler(report);
  });
  const exited = new Promise<number>((resolve) => {
    child.once("exit", (code) => resolve(code ?? 1));
    child.once("error", () => resolve(1));
  });
  return {
    directory,
    server,
    exited,
    onReport(handler) {
      handlers.push(handler);
      for (const report of early.splice(0)) handler(report);
    },
    async stop() {
      lifeline.end(`${stopLine}\n`);
      await exited;
    },
    detach() {
      lifeline.end();
      reports.destroy();
      child.unref();
    },
    logTail: () => readAll(log).trimEnd().split("\n").slice(-lastLines).join("\n"),
  };
}

/** Reads what a descriptor's file has, from its start. */
function readAll(fd: number): string {
  const { size } = fstatSync(fd);
  const bytes = Buffer.alloc(size);
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, size, 0));
}

function listenOnLoopback(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const inUse = error.code === "EADDRINUSE";
      const reason = inUse
        ? `Port ${port} of 127.0.0.1 is in use: choose another --port, or 0 for a free one`
        : error.message;
      reject(new CodedError(inUse ? "PortInUse" : "ListenFailed", reason, { cause: error }));
    });
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("The API's socket has no port");
  return address.port;
}
