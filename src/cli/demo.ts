import { defaultLabOptions, launchLab, packageFile, readManifests } from "../app/index.ts";
import type { LaunchedLab } from "../app/index.ts";
import { CodedError, hasCode, messageOf } from "../core/index.ts";
import { parseOptions } from "./command.ts";
import type { Command } from "./command.ts";
import { Unmet } from "./demo/demo-lab.ts";
import type { DemoLab, Row } from "./demo/demo-lab.ts";
import { tableHead, tableRow } from "./demo/result-table.ts";
import { rowsInside } from "./demo/rows-inside.ts";
import { rowsOfChange } from "./demo/rows-change.ts";
import { rowsOutside } from "./demo/rows-outside.ts";
import { runningLab } from "./demo/running-lab.ts";
import { checkMachine, labEnded } from "./machine.ts";
import { isFancy, print, style } from "./terminal.ts";

const help = `Usage: sealane demo [--keep] [--name NAME]

Starts a lab with examples/tour.yaml and proves every object in it with real requests. Exit code 0 only if every row holds.

  --keep       leave the lab up and print what to try next
  --name NAME  name of the lab (default: demo)`;

const tourNamespace = "tour";

async function run(args: readonly string[]): Promise<number> {
  const startedAt = performance.timeOrigin;
  const { values } = parseOptions({
    args: [...args],
    options: { keep: { type: "boolean", default: false }, name: { type: "string", default: "demo" } },
  });
  checkMachine();
  const manifests = () => readManifests(packageFile("examples/tour.yaml"));
  const options = { ...defaultLabOptions, name: values.name };
  const lab = await launchLab({ options, manifests, apiPort: 0, detached: values.keep, startedAt });
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    void lab.stop();
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  let kept = false;
  try {
    await whenReady(lab);
    const allHold = await proveAll(await runningLab(lab.directory, tourNamespace));
    kept = values.keep;
    if (kept) printNext(values.name, lab);
    return allHold ? 0 : 1;
  } catch (error) {
    if (interrupted) return 130;
    throw error;
  } finally {
    if (kept) lab.detach();
    else await lab.stop();
  }
}

/** Shows what is waited for, and returns when all of the tour is ready. */
async function whenReady(lab: LaunchedLab): Promise<void> {
  print("Starting a lab: 3 nodes, a client and a router outside, examples/tour.yaml");
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new CodedError("NotReady", `The tour is not ready after 60 s: ${waiting.join("; ")}`)),
      60_000,
    );
    let waiting: readonly string[] = [];
    lab.onReport((report) => {
      if (report.kind === "problem") reject(new CodedError("LabFailed", report.message));
      if (report.kind === "waiting") {
        waiting = report.lines;
        progress(`waiting for ${waiting[0] ?? ""}${waiting.length > 1 ? ` and ${waiting.length - 1} more` : ""}`);
      }
      if (report.kind === "ready") {
        clearTimeout(timer);
        progress("");
        print(
          `Ready after ${((report.phases["ready"] ?? 0) / 1000).toFixed(2)} s: every pod answers, every node's rules are in the kernel\n`,
        );
        resolve();
      }
    });
    void lab.exited.then((code) => {
      clearTimeout(timer);
      reject(labEnded(lab, code));
    });
  });
}

async function proveAll(lab: DemoLab): Promise<boolean> {
  print(tableHead());
  const rows = [...rowsInside, ...rowsOutside, ...rowsOfChange];
  let held = 0;
  for (const row of rows) {
    progress(`proving: ${row.to}: ${row.must}`);
    const result = await prove(row, lab);
    progress("");
    print(tableRow(result));
    if (result.holds) held++;
  }
  const all = held === rows.length;
  print(style(all ? "green" : "red", `\n${held} of ${rows.length} rows hold`));
  return all;
}

async function prove(row: Row, lab: DemoLab) {
  const start = performance.now();
  const { from, to, must } = row;
  try {
    return { from, to, must, seen: await row.prove(lab), ms: performance.now() - start, holds: true };
  } catch (error) {
    // A lab that is gone refutes nothing: the demo itself has failed.
    if (!(error instanceof Unmet) && (!(error instanceof CodedError) || hasCode(error, "Unreachable"))) throw error;
    return { from, to, must, seen: messageOf(error), ms: performance.now() - start, holds: false };
  }
}

function progress(text: string): void {
  if (isFancy) process.stdout.write(`\r\u001b[K${style("dim", text.slice(0, 78))}`);
}

function printNext(name: string, lab: LaunchedLab): void {
  print(`\nThe lab stays up. Try:
  KUBECONFIG=${lab.directory.kubeconfig} kubectl -n ${tourNamespace} get pods,services -o wide
  npx sealane exec --name ${name} -n ${tourNamespace} pod/multi-0 -- curl -s http://back-end
  npx sealane forward --name ${name} ingress 8080     # then open http://localhost:8080
and at the end:
  npx sealane down --name ${name}`);
}

export const command: Command = { help, run };
