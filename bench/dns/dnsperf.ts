import { spawn } from "node:child_process";
import { once } from "node:events";
import { CodedError } from "#layers/core";
import { clientCore, cpuOf } from "./server-process.ts";
import type { MeasuredServer } from "./server-process.ts";

/** How dnsperf asks. */
export interface DnsperfLoad {
  readonly queries: string;
  /** How long; once through the queries unless given. */
  readonly seconds?: number;
  /** The response codes that the answers have: each of these and no other. */
  readonly codes: readonly string[];
  readonly transport?: "udp" | "tcp";
  /** Queries a second; as many as are answered unless given. */
  readonly rate?: number;
}

/** What came of it. Times are in microseconds. */
export interface DnsperfResult {
  readonly perSecond: number;
  readonly lost: number;
  /** CPU time of the server for each query. */
  readonly userUs: number;
  readonly systemUs: number;
  readonly meanLatencyUs: number;
}

/** Latencies of single queries, in microseconds. */
export interface Latencies {
  readonly medianUs: number;
  readonly p99Us: number;
  readonly longestUs: number;
}

/** Asks a server with dnsperf on the other core, and reads what that cost the server. */
export async function measure(server: MeasuredServer, load: DnsperfLoad): Promise<DnsperfResult> {
  const before = cpuOf(server.pid);
  const text = await dnsperf(server, load, [], () => undefined);
  const after = cpuOf(server.pid);
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const completed = number(/Queries completed:\s+(\d+)/);
  return {
    perSecond: Math.round(number(/Queries per second:\s+([\d.]+)/)),
    lost: number(/Queries lost:\s+(\d+)/),
    userUs: (after.user - before.user) / completed,
    systemUs: (after.system - before.system) / completed,
    meanLatencyUs: number(/Average Latency \(s\):\s+([\d.]+)/) * 1e6,
  };
}

/** The latencies at a rate that a server can take. */
export async function latencies(server: MeasuredServer, load: DnsperfLoad & { rate: number }): Promise<Latencies> {
  const times: number[] = [];
  const line = (text: string) => {
    if (!text.startsWith("> ")) return;
    const seconds = Number(text.slice(text.lastIndexOf(" ") + 1));
    if (!Number.isNaN(seconds)) times.push(seconds * 1e6);
  };
  await dnsperf(server, load, ["-v"], line);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { medianUs: at(0.5), p99Us: at(0.99), longestUs: at(1) };
}

async function dnsperf(
  { port, name }: MeasuredServer,
  { queries, seconds, codes, transport = "udp", rate }: DnsperfLoad,
  more: readonly string[],
  line: (text: string) => void,
): Promise<string> {
  const args = ["-c", `${clientCore}`, "dnsperf", "-s", "127.0.0.1", "-p", `${port}`, "-d", queries, "-m", transport];
  args.push("-c", "32", "-T", "1", "-q", "200", "-W");
  args.push(...(seconds === undefined ? ["-n", "1"] : ["-l", `${seconds}`]));
  if (rate !== undefined) args.push("-Q", `${rate}`);
  const child = spawn("taskset", [...args, ...more], { stdio: ["ignore", "pipe", "pipe"] });
  let rest = "";
  let kept = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      line(text);
      if (!text.startsWith("> ")) kept += `${text}\n`;
    }
  });
  child.stderr.on("data", (chunk: Buffer) => (kept += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new CodedError("DnsperfFailed", `dnsperf against ${name} ended with code ${code}: ${kept}`);
  expectCodes(name, kept, codes);
  return kept;
}

/**
 * Compares the response codes that dnsperf counted with the `expected` ones. Throws `CodedError` code `NoAnswers` when there was
 * none, and `WrongAnswers` when there were others or one of them is missing.
 */
export function expectCodes(server: string, report: string, expected: readonly string[]): void {
  const line = /^\s*Response codes:\s+(\S.*)$/m.exec(report)?.[1] ?? "";
  const told = [...line.matchAll(/(\w+) \d+ \(/g)].map(([, code]) => code);
  if (told.length === 0) throw new CodedError("NoAnswers", `${server} answered nothing: ${report.slice(-800)}`);
  if (told.toSorted().join() !== expected.toSorted().join()) {
    throw new CodedError(
      "WrongAnswers",
      `${server} should answer with ${expected.join(" and ")}, and answered ${line}`,
    );
  }
}
