import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createApiServer } from "#layers/apiserver";
import { packageFile, smallNursery } from "#layers/app";
import { connectCluster } from "#layers/client";
import { CodedError, cidr, messageOf } from "#layers/core";
import type { ClusterApi } from "#layers/objects";
import { createBenchNetwork } from "./proxy/network.ts";
import { changeOne, fill } from "./proxy/objects.ts";
import type { Load } from "./proxy/objects.ts";
import { ipvsWithout, ModeUnavailable, monotonicMs, reportsOf } from "./proxy/reports.ts";
import type { AgentTask, BenchMode } from "./proxy/reports.ts";
import { measureTraffic } from "./proxy/traffic.ts";
import type { TrafficResult } from "./proxy/traffic.ts";
import { table } from "./table.ts";

/** What was measured of one engine with one load. */
export interface ProxyBenchRow extends Load {
  readonly mode: BenchMode;
  /** Elements, rules or virtual servers in the kernel. */
  readonly installed: number;
  /** A new agent: until its caches had everything, and from then until all rules were in the kernel. */
  readonly cachesMs: number;
  readonly fullLoadMs: number;
  /** One changed EndpointSlice: from the write request to the API until the rules are in the kernel. */
  readonly changeMedianMs: number;
  readonly changeP99Ms: number;
  /** The part of it from the agent's cache to the kernel. */
  readonly eventToKernelMedianMs: number;
  readonly eventToKernelP99Ms: number;
  /** CPU time of the agent alone: until loaded, and for each change. */
  readonly loadCpuMs: number;
  readonly changeCpuMs: number;
  /** The agent's memory (PSS) after loading, and the most that it ever had (resident). */
  readonly memoryMb: number;
  readonly peakMemoryMb: number;
  /** In mode ipvs, what of the full load each of the kernel's tools took; empty in other modes. */
  readonly kernelMs: Readonly<Record<string, number>>;
  /** Absent where there is no kernel that would carry it. */
  readonly traffic?: TrafficResult;
}

const usage = "sealane bench proxy [--modes MODE,MODE,...] [SERVICESxENDPOINTS...]";
const defaultModes: readonly BenchMode[] = ["nftables", "iptables-legacy", "iptables-nft", "ipvs", "userspace"];
const allModes: readonly BenchMode[] = [...defaultModes, ...ipvsWithout];
const defaultLoads = ["1000x2", "10000x2", "50000x2", "1x5000"];
/** iptables-nft-restore compares every rule with every other one. */
const mostForIptablesNft = 20_000;
/** A number for each change, so that every one of them changes something. */
let nextRound = 0;
/** Set in the process that has namespaces of its own. */
const insideVariable = "SEALANE_BENCH_INSIDE";

/** Measures each mode with each load and prints a table and a line of JSON. A mode that cannot run here is named. */
export async function run(args: readonly string[]): Promise<number> {
  const { modes, loads } = readArguments(args);
  if (process.env[insideVariable] === undefined) return runInside(args);
  const rows: ProxyBenchRow[] = [];
  const unavailable = new Map<BenchMode, string>();
  for (const load of loads) {
    for (const row of await benchLoad(load, modes, unavailable)) rows.push(row);
  }
  process.stdout.write(`${text(rows)}\n`);
  for (const { services, endpointsPerService, mode, kernelMs } of rows) {
    const parts = Object.entries(kernelMs).map(([tool, ms]) => `${tool} ${ms.toFixed(0)} ms`);
    if (parts.length === 0) continue;
    process.stdout.write(`Of the full load of ${services} x ${endpointsPerService}, ${mode}: ${parts.join(", ")}\n`);
  }
  for (const [mode, reason] of unavailable) process.stdout.write(`${mode} is not measured: ${reason}\n`);
  process.stdout.write(`${JSON.stringify(rows)}\n`);
  return 0;
}

function readArguments(args: readonly string[]): {
  readonly modes: readonly BenchMode[];
  readonly loads: readonly Load[];
} {
  const { values, positionals } = parsed(args);
  const modes = (values.modes?.split(",") ?? defaultModes).map((name) => {
    const mode = allModes.find((known) => known === name);
    if (mode === undefined)
      throw new CodedError("Usage", `${JSON.stringify(name)} is none of ${allModes.join(", ")}: ${usage}`);
    return mode;
  });
  const loads = (positionals.length === 0 ? defaultLoads : positionals).map((one): Load => {
    const match = /^(\d+)(?:x(\d+))?$/.exec(one);
    if (match === null)
      throw new CodedError("Usage", `A load is SERVICES or SERVICESxENDPOINTS, not ${JSON.stringify(one)}: ${usage}`);
    return { services: Number(match[1]), endpointsPerService: Number(match[2] ?? 2) };
  });
  return { modes, loads };
}

/** Options may stand before loads and after them. */
function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { modes: { type: "string" } } });
  } catch (error) {
    throw new CodedError("Usage", `${messageOf(error).split(". ")[0]}: ${usage}`);
  }
}

/** Runs this benchmark in namespaces of its own, which end with it. */
function runInside(args: readonly string[]): Promise<number> {
  const namespaces = process.getuid?.() === 0 ? "-nm" : "-Urnm";
  const program = packageFile("dist/bench/proxy/inside.js");
  const child = spawn("unshare", [namespaces, process.execPath, program, ...args], {
    stdio: "inherit",
    env: { ...process.env, [insideVariable]: "1" },
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** One API server with the load, and after each other an agent in each mode. */
async function benchLoad(
  load: Load,
  modes: readonly BenchMode[],
  unavailable: Map<BenchMode, string>,
): Promise<readonly ProxyBenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-bench-api-"));
  const server = await createApiServer({ serviceCidrs: [cidr("10.96.0.0/12")] });
  const rows: ProxyBenchRow[] = [];
  try {
    await fill(server.api, load);
    const socketPath = join(folder, "api.sock");
    await server.listenUnix(socketPath);
    const client = await connectCluster({ socketPath });
    for (const mode of modes) {
      if (unavailable.has(mode)) continue;
      if (mode === "iptables-nft" && load.services > mostForIptablesNft) {
        unavailable.set(mode, `with more than ${mostForIptablesNft} Services one iptables-nft-restore takes minutes`);
        continue;
      }
      process.stderr.write(`${load.services} x ${load.endpointsPerService}, ${mode} ...\n`);
      try {
        rows.push(await benchMode(client, socketPath, mode, load));
      } catch (error) {
        if (!(error instanceof ModeUnavailable)) throw error;
        unavailable.set(mode, error.message);
      }
    }
    client.close();
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
  return rows;
}

async function benchMode(
  api: ClusterApi,
  socketPath: string,
  mode: BenchMode,
  load: Load,
  changes = 100,
): Promise<ProxyBenchRow> {
  const network = createBenchNetwork();
  let agent: ChildProcess | undefined;
  try {
    agent = startAgent({ socketPath, mode, namespace: network.node });
    const reports = reportsOf(agent);
    const loaded = await reports("loaded");
    const times: number[] = [];
    // Each mode starts where the one before it left the objects.
    const firstRound = nextRound;
    nextRound += changes;
    for (let i = 0; i < changes; i++) {
      const change = await changeOne(api, load, (i * 7919) % load.services, firstRound + i);
      const start = monotonicMs();
      await change();
      const { at } = await reports("applied");
      times.push(at - start);
    }
    agent.send({ kind: "finish" });
    const finished = await reports("finished");
    const traffic = ipvsWithout.some((one) => one === mode) ? undefined : await measureTraffic(network);
    return {
      ...load,
      mode,
      installed: loaded.installed,
      kernelMs: loaded.kernelMs,
      cachesMs: loaded.cachesMs,
      fullLoadMs: loaded.fullLoadMs,
      changeMedianMs: percentile(times, 0.5),
      changeP99Ms: percentile(times, 0.99),
      eventToKernelMedianMs: finished.eventToKernelMedianMs,
      eventToKernelP99Ms: finished.eventToKernelP99Ms,
      loadCpuMs: loaded.cpuMs,
      changeCpuMs: finished.cpuMs / changes,
      memoryMb: loaded.memoryMb,
      peakMemoryMb: finished.peakMemoryMb,
      ...(traffic === undefined ? {} : { traffic }),
    };
  } finally {
    agent?.kill();
    network.remove();
  }
}

function startAgent(task: AgentTask): ChildProcess {
  return fork(packageFile("dist/bench/proxy/agent.js"), [JSON.stringify(task)], {
    execArgv: [...process.execArgv, smallNursery],
  });
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function text(rows: readonly ProxyBenchRow[]): string {
  return table(rows, [
    ["load", (row) => `${row.services} x ${row.endpointsPerService}`],
    ["mode", (row) => row.mode],
    ["installed", (row) => `${row.installed}`],
    ["caches", (row) => `${(row.cachesMs / 1000).toFixed(2)} s`],
    ["full load", (row) => `${(row.fullLoadMs / 1000).toFixed(2)} s`],
    ["one change", (row) => `${row.changeMedianMs.toFixed(1)} ms`],
    ["p99", (row) => `${row.changeP99Ms.toFixed(1)} ms`],
    ["in agent", (row) => `${row.eventToKernelMedianMs.toFixed(2)} ms`],
    ["CPU load", (row) => `${(row.loadCpuMs / 1000).toFixed(2)} s`],
    ["CPU/change", (row) => `${row.changeCpuMs.toFixed(1)} ms`],
    ["peak", (row) => `${row.peakMemoryMb.toFixed(0)} MB`],
    ["connect()", ofTraffic((one) => `${one.connectServiceUs.toFixed(1)} us`)],
    ["of direct", ofTraffic((one) => one.connectRatio.toFixed(2))],
    ["conn/s", ofTraffic((one) => one.connectsPerSecond.toFixed(0))],
    ["of direct", ofTraffic((one) => (one.connectsPerSecond / one.connectsPerSecondDirect).toFixed(2))],
    ["upload", ofTraffic((one) => `${one.uploadServiceMbS.toFixed(0)} MB/s`)],
    ["of direct", ofTraffic((one) => one.uploadRatio.toFixed(2))],
    ["download", ofTraffic((one) => `${one.downloadServiceMbS.toFixed(0)} MB/s`)],
    ["of direct", ofTraffic((one) => one.downloadRatio.toFixed(2))],
  ]);
}

function ofTraffic(cell: (traffic: TrafficResult) => string): (row: ProxyBenchRow) => string {
  return ({ traffic }) => (traffic === undefined ? "-" : cell(traffic));
}
