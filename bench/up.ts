import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { askLab, labDirectory, packageFile, readLabRecord } from "#layers/app";
import type { HttpProbe, HttpProbeResult } from "#layers/app";
import { wholeNumber } from "./arguments.ts";
import { memoryOf, processTree, titleOf } from "./processes.ts";

interface Run {
  /** Milliseconds from the start of the command to the first good answer through a ClusterIP. */
  readonly firstAnswerMs: number;
  /** Milliseconds to each phase, as the supervisor reports them. */
  readonly phases: Readonly<Record<string, number>>;
  /** Sum of the proportional set sizes of all processes in MB, and of each kind of process. */
  readonly memoryMb: number;
  readonly memoryByProcess: Readonly<Record<string, number>>;
}

const program = packageFile("bin/sealane.js");
const tour = packageFile("examples/tour.yaml");

/** Starts the tour's lab `runs` times (default 5), one after the other, and prints time and memory. */
export async function run(args: readonly string[]): Promise<number> {
  const count = wholeNumber(args[0] ?? "5", "runs", 1, "sealane bench up [RUNS]");
  const runs: Run[] = [];
  for (let i = 0; i < count; i++) runs.push(await measure(`bench-up-${process.pid}-${i}`));
  const median = (of: (run: Run) => number) => runs.map(of).sort((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0;
  const lines = [
    `sealane up -f examples/tour.yaml, ${count} runs, median (all):`,
    line("first good answer through a ClusterIP", "s", runs, (one) => one.firstAnswerMs / 1000),
    ...Object.keys(runs[0]?.phases ?? {}).map((phase) =>
      line(`  ${phase}`, "s", runs, (one) => (one.phases[phase] ?? 0) / 1000),
    ),
    line("memory of the whole lab (sum of PSS)", "MB", runs, (one) => one.memoryMb),
    ...Object.keys(runs[0]?.memoryByProcess ?? {}).map((name) =>
      line(`  ${name}`, "MB", runs, (one) => one.memoryByProcess[name] ?? 0),
    ),
    JSON.stringify({
      firstAnswerMs: median((one) => one.firstAnswerMs),
      memoryMb: median((one) => one.memoryMb),
      runs,
    }),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function line(name: string, unit: string, runs: readonly Run[], of: (run: Run) => number): string {
  const values = runs.map(of);
  const sorted = [...values].sort((a, b) => a - b);
  const digits = unit === "s" ? 3 : 1;
  const all = values.map((value) => value.toFixed(digits)).join(" ");
  return `${name.padEnd(40)} ${(sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(digits).padStart(7)} ${unit}  (${all})`;
}

async function measure(name: string): Promise<Run> {
  const start = performance.now();
  const child = spawn(process.execPath, [program, "up", "-f", tour, "--name", name], { stdio: "ignore" });
  try {
    await firstAnswer(name, child);
    const firstAnswerMs = performance.now() - start;
    const directory = labDirectory(name);
    const phases = await whenReady(directory.controlSocket);
    // Memory is read after a second of rest, when start-up garbage has had a chance to go.
    await new Promise((resolve) => void setTimeout(resolve, 1000));
    const processes = processTree(child.pid ?? 0).map((pid) => ({ title: titleOf(pid), kb: memoryOf(pid) }));
    const memoryByProcess: Record<string, number> = {};
    for (const { title, kb } of processes) memoryByProcess[title] = (memoryByProcess[title] ?? 0) + kb / 1024;
    const memoryMb = processes.reduce((sum, { kb }) => sum + kb / 1024, 0);
    return { firstAnswerMs, phases, memoryMb, memoryByProcess };
  } finally {
    await ended(child);
  }
}

async function firstAnswer(name: string, child: ChildProcess): Promise<void> {
  const directory = labDirectory(name);
  const probe: HttpProbe = {
    from: "pod/multi-0",
    namespace: "tour",
    url: "http://back-end/",
    method: "GET",
    headers: {},
    count: 1,
    timeoutMs: 1000,
  };
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline && child.exitCode === null) {
    if (readLabRecord(directory) !== undefined) {
      try {
        const [result] = await askLab<readonly HttpProbeResult[]>(directory.controlSocket, "probe-http", probe);
        if (result?.kind === "answer" && result.status === 200) return;
      } catch {
        // Not there yet: the control door, the pod, or the name.
      }
    }
    await new Promise((resolve) => void setTimeout(resolve, 5));
  }
  throw new Error("The lab gave no answer within a minute");
}

async function whenReady(controlSocket: string): Promise<Readonly<Record<string, number>>> {
  for (;;) {
    const phases = await askLab<Readonly<Record<string, number>>>(controlSocket, "phases");
    if (phases["ready"] !== undefined) return phases;
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGINT");
  });
}
