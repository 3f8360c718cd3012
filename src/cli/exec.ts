import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { askLab, requireLab } from "../app/index.ts";
import { CodedError } from "../core/index.ts";
import { execArgs } from "../lab/index.ts";
import type { Place } from "../lab/index.ts";
import { parseOptions, UsageError } from "./command.ts";
import type { Command } from "./command.ts";

const help = `Usage: sealane exec client|router|node/N|pod/NAME [-n NAMESPACE] [--name LAB] -- COMMAND...

Runs a command of the host at a place in the lab's network, with that place's addresses and resolver, on this terminal. The exit
code is the command's.

  -n NAMESPACE  namespace of the pod (default: the only one that has a pod of that name, or default)
  --name LAB    the lab (default: default)

  sealane exec client -- curl -s http://192.168.100.200
  sealane exec -n tour pod/multi-0 -- dig +search web`;

async function run(args: readonly string[]): Promise<number> {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const { values, positionals } = parseOptions({
    args: [...own],
    allowPositionals: true,
    options: { name: { type: "string", default: "default" }, namespace: { type: "string", short: "n" } },
  });
  const [text, ...unexpected] = positionals;
  const command = end < 0 ? unexpected : args.slice(end + 1);
  if (text === undefined) throw new UsageError("Say where: client, router, node/N or pod/NAME");
  if (end >= 0 && unexpected.length > 0)
    throw new UsageError(`Only one place can be given, not also ${unexpected.join(" ")}`);
  if (command.length === 0) throw new UsageError("Say what to run, after --");
  const { directory, record } = requireLab(values.name);
  const request = { place: text, namespace: values.namespace ?? null };
  const place = await askLab<Place>(directory.controlSocket, "place", request);
  const { hostPid, userNamespace } = record;
  return runHere(execArgs({ hostPid, userNamespace, place, command, cwd: process.cwd() }));
}

/** Runs a program on this terminal, passing on the signals that this process gets; resolves to its exit code. */
function runHere([program = "", ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit" });
    // The terminal sends Ctrl-C to both; this process stays to give the exit code.
    process.on("SIGINT", () => undefined);
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => passOn(child, signal));
    child.once("error", (error) =>
      reject(new CodedError("ExecFailed", `Cannot run ${program}: ${error.message}`, { cause: error })),
    );
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** The command is the child of nsenter, which waits for it and would not pass the signal on. */
function passOn(nsenter: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = nsenter;
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    if (children !== "") return children.split(" ").forEach((child) => process.kill(Number(child), signal));
  } catch {
    // It has ended, or the kernel does not list children.
  }
  nsenter.kill(signal);
}

export const command: Command = { help, run };
