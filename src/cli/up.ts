import { performance } from "node:perf_hooks";
import { askLab, launchLab, readManifests } from "../app/index.ts";
import type { LabStatus, LaunchedLab, SupervisorReport } from "../app/index.ts";
import { CodedError } from "../core/index.ts";
import { durationOption, integerOption, parseOptions, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { labFlags, labFlagsHelp, labOptions } from "./lab-flags.ts";
import { checkMachine, labEnded } from "./machine.ts";
import { statusText } from "./status-text.ts";
import { print, printError, style } from "./terminal.ts";

const help = `Usage: sealane up [-f FILE|DIR|-]... [--name NAME] [-d] [OPTIONS]

Starts a lab: nodes, an outside client and a router as network namespaces, with real packets between them. In the foreground it
prints what runs and then what happens, and ends with Ctrl-C. With -d it returns when everything is ready.

  -f FILE|DIR|-         manifests to apply; repeatable
  -d                    leave the lab running ("sealane down" stops it)
  --name NAME           several labs can run at once (default: default)
  --timeout TIME        how long -d waits for everything to be ready (default 60s)
  --port PORT           port of the API on 127.0.0.1 (default: a free one)
${labFlagsHelp}`;

async function run(args: readonly string[]): Promise<number> {
  const startedAt = performance.timeOrigin;
  const { values } = parseOptions({
    args: [...args],
    options: {
      ...labFlags,
      file: { type: "string", short: "f", multiple: true },
      detach: { type: "boolean", short: "d", default: false },
      timeout: { type: "string", default: "60s" },
      port: { type: "string", default: "0" },
    },
  });
  const options = labOptions(values, process.cwd());
  const timeoutMs = durationOption("timeout", values.timeout);
  const apiPort = integerOption("port", values.port, 0, 65535);
  const files = values.file ?? [];
  if (files.filter((path) => path === "-").length > 1) throw new UsageError("-f - can be given once only");
  const manifests = () => files.flatMap((path) => readManifests(path));
  checkMachine();
  const lab = await launchLab({ options, manifests, apiPort, detached: values.detach, startedAt });
  return values.detach ? detached(lab, timeoutMs) : foreground(lab);
}

/** How long the foreground waits for everything to be ready before it prints what there is. */
const foregroundPatienceMs = 5000;

/** Resolves with the first report of these kinds. Rejects with `CodedError` when the lab reports a problem or ends. */
function reported<K extends SupervisorReport["kind"]>(
  lab: LaunchedLab,
  ...kinds: readonly K[]
): Promise<Extract<SupervisorReport, { kind: K }>> {
  return new Promise((resolve, reject) => {
    lab.onReport((report) => {
      if (report.kind === "problem") reject(new CodedError("LabFailed", report.message));
      if ((kinds as readonly string[]).includes(report.kind)) resolve(report as Extract<SupervisorReport, { kind: K }>);
    });
    void lab.exited.then((code) => reject(labEnded(lab, code)));
  });
}

async function detached(lab: LaunchedLab, timeoutMs: number): Promise<number> {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  process.once("SIGTERM", () => interrupted.abort());
  lab.onReport(printWarnings);
  let waiting: readonly string[] = [];
  lab.onReport((report) => {
    if (report.kind === "waiting") waiting = report.lines;
  });
  const timedOut: unique symbol = Symbol("timed out");
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
    interrupted.signal.addEventListener("abort", () => resolve());
  });
  const ready = reported(lab, "ready");
  // Before the first look at the objects nobody could say what is not ready.
  const late = Promise.all([timeout, reported(lab, "waiting")]).then((): typeof timedOut => timedOut);
  // What goes wrong before the manifests are applied is reported once.
  for (const later of [ready, late]) later.catch(() => undefined);
  let outcome: SupervisorReport | typeof timedOut;
  try {
    await reported(lab, "applied");
    outcome = await Promise.race([ready, late]);
  } catch (error) {
    await lab.stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  if (interrupted.signal.aborted) {
    await lab.stop();
    return 130;
  }
  const flag = lab.directory.name === "default" ? "" : ` --name ${lab.directory.name}`;
  print(`Lab ${lab.directory.name} runs; API ${lab.server}`);
  print(`  export KUBECONFIG=${lab.directory.kubeconfig}`);
  print(`  sealane status${flag}    sealane down${flag}`);
  lab.detach();
  if (outcome !== timedOut) return 0;
  printError(`Not ready after ${timeoutMs / 1000} s:`);
  for (const line of waiting) printError(`  ${line}`);
  return 1;
}

async function foreground(lab: LaunchedLab): Promise<number> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, foregroundPatienceMs)));
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void lab.stop();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  process.on("SIGHUP", stop);
  lab.onReport(printWarnings);
  let summaryShown = false;
  let readyMs: number | undefined;
  lab.onReport((report) => {
    if (report.kind === "ready") readyMs = Math.round(report.phases["ready"] ?? 0);
    if (!summaryShown) return;
    if (report.kind === "event") print(report.line);
    if (report.kind === "ready") print(style("green", `all ready after ${readyMs} ms`));
  });
  try {
    const ready = reported(lab, "ready");
    await Promise.race([ready, reported(lab, "waiting").then(() => patience)]);
    // Nobody waits for it any longer; that it fails when the lab ends is reported below.
    ready.catch(() => undefined);
    const status = await askLab<LabStatus>(lab.directory.controlSocket, "status");
    const name = lab.directory.name === "default" ? "" : ` --name ${lab.directory.name}`;
    print(`Lab ${status.name}, API ${status.server}${readyMs === undefined ? "" : `, all ready after ${readyMs} ms`}`);
    print(`  export KUBECONFIG=$(sealane kubeconfig${name})\n`);
    print(statusText(status));
    print(`\nCtrl-C stops the lab. What happens from now on:`);
    summaryShown = true;
  } catch (error) {
    if (!stopping) {
      await lab.stop();
      throw error;
    }
  } finally {
    // Left running, it would keep this process for seconds after a lab that failed at once.
    clearTimeout(timer);
  }
  const code = await lab.exited;
  if (stopping) return 0;
  printError(`sealane: ${labEnded(lab, code).message}`);
  return 1;
}

function printWarnings(report: SupervisorReport): void {
  if (report.kind !== "applied") return;
  for (const warning of report.warnings) printError(`${style("yellow", "Warning:")} ${warning}`);
}

export const command: Command = { help, run };
