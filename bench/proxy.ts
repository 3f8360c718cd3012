import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiServer } from "#layers/apiserver";
import { packageFile } from "#layers/app";
import { connectCluster } from "#layers/client";
import type { ClusterConnection } from "#layers/client";
import { resources } from "#layers/objects";
import type { ClusterApi, EndpointSlice, Service } from "#layers/objects";
import type { AgentReport } from "./proxy-agent.ts";

/** What was measured for one number of Services with two endpoints each. */
export interface ProxyBenchRow {
  readonly services: number;
  /** Elements in the kernel's sets and maps. */
  readonly elements: number;
  /** A new agent: until its caches had everything, and from then until all rules were in the kernel. */
  readonly cachesMs: number;
  readonly fullLoadMs: number;
  /** One changed EndpointSlice: from the write request to the API until the rules are in the kernel. */
  readonly changeMedianMs: number;
  readonly changeP99Ms: number;
  /** The part of it from the agent's cache to the kernel. */
  readonly eventToKernelMedianMs: number;
  readonly eventToKernelP99Ms: number;
  /** CPU time of the agent: until loaded (without nft's own process), and for each change. */
  readonly loadCpuMs: number;
  readonly changeCpuMs: number;
  /** The agent's memory (PSS) after loading. */
  readonly memoryMb: number;
}

/** Measures each number of Services given (default 1000 and 10000) and prints a table and a line of JSON. */
export async function run(args: readonly string[]): Promise<number> {
  const sizes = args.length === 0 ? [1000, 10_000] : args.map(Number);
  const rows: ProxyBenchRow[] = [];
  for (const size of sizes) rows.push(await benchProxy(size));
  process.stdout.write(`${table(rows)}\n${JSON.stringify(rows)}\n`);
  return 0;
}

/**
 * Runs an API server in this process and an agent in another, in a network namespace of its own, which talk over a unix
 * socket as in a lab. Then changes one EndpointSlice after the other through the API.
 */
export async function benchProxy(services: number, changes = 100): Promise<ProxyBenchRow> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-bench-"));
  const server = await createApiServer();
  const socketPath = join(folder, "api.sock");
  let agent: ChildProcess | undefined;
  let client: ClusterConnection | undefined;
  try {
    await fill(server.api, services);
    await server.listenUnix(socketPath);
    client = await connectCluster({ socketPath });
    agent = startAgent(socketPath);
    const reports = reportsOf(agent);
    const loaded = await reports("loaded");
    const times: number[] = [];
    for (let i = 0; i < changes; i++) times.push(await changeOne(client, (i * 7919) % services, i, reports));
    agent.send({ kind: "finish" });
    const finished = await reports("finished");
    return {
      services,
      elements: loaded.elements,
      cachesMs: loaded.cachesMs,
      fullLoadMs: loaded.fullLoadMs,
      changeMedianMs: percentile(times, 0.5),
      changeP99Ms: percentile(times, 0.99),
      eventToKernelMedianMs: finished.eventToKernelMedianMs,
      eventToKernelP99Ms: finished.eventToKernelP99Ms,
      loadCpuMs: loaded.cpuMs,
      changeCpuMs: finished.cpuMs / changes,
      memoryMb: loaded.memoryMb,
    };
  } finally {
    agent?.kill();
    client?.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

function startAgent(socketPath: string): ChildProcess {
  const own = process.getuid?.() === 0 ? "-n" : "-Urn";
  const program = packageFile("dist/bench/proxy-agent.js");
  return spawn("unshare", [own, process.execPath, program, socketPath], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

type Reports = <K extends AgentReport["kind"]>(kind: K) => Promise<Extract<AgentReport, { kind: K }>>;

/** Gives the reports in the order in which they come. */
function reportsOf(agent: ChildProcess): Reports {
  const queue: AgentReport[] = [];
  let wake: () => void = () => undefined;
  let ended: string | undefined;
  agent.on("message", (message) => {
    queue.push(message as AgentReport);
    wake();
  });
  agent.once("exit", (code) => {
    ended = `The agent ended with exit code ${code}`;
    wake();
  });
  return async <K extends AgentReport["kind"]>(kind: K) => {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined && next.kind === kind) return next as Extract<AgentReport, { kind: K }>;
      if (next !== undefined) continue;
      if (ended !== undefined) throw new Error(ended);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}

/** Replaces one endpoint of a Service; returns the milliseconds from the request until the kernel has it. */
async function changeOne(api: ClusterApi, service: number, round: number, reports: Reports): Promise<number> {
  const slice = await api.get(resources.endpointSlices, "bench", `svc-${service}-1`);
  const start = Number(process.hrtime.bigint()) / 1e6;
  await api.update(resources.endpointSlices, { ...slice, endpoints: endpointsOf(service, round + 1) });
  const { at } = await reports("applied");
  return at - start;
}

async function fill(api: ClusterApi, services: number): Promise<void> {
  await api.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "bench" } });
  for (let i = 0; i < services; i++) {
    await Promise.all([
      api.create(resources.services, serviceObject(i)),
      api.create(resources.endpointSlices, sliceObject(i)),
    ]);
  }
}

function serviceObject(i: number): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "bench", name: `svc-${i}` },
    spec: { ports: [{ name: "http", port: 80, protocol: "TCP" }] },
  };
}

function sliceObject(i: number): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "bench", name: `svc-${i}-1`, labels: { "kubernetes.io/service-name": `svc-${i}` } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: endpointsOf(i, 0),
  };
}

/** Two pods of this Service; the second is another one in each round. */
function endpointsOf(i: number, round: number): EndpointSlice["endpoints"] {
  const pod = (second: number, node: number) => ({
    addresses: [`10.${second}.${(i >> 8) & 255}.${i & 255}`],
    nodeName: `node-${node}`,
    conditions: { ready: true, serving: true, terminating: false },
  });
  return [pod(128, 2), pod(round === 0 ? 130 : 131 + (round % 100), 3)];
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function table(rows: readonly ProxyBenchRow[]): string {
  const columns: readonly (readonly [title: string, of: (row: ProxyBenchRow) => string])[] = [
    ["Services", (row) => `${row.services}`],
    ["elements", (row) => `${row.elements}`],
    ["caches", (row) => `${row.cachesMs.toFixed(0)} ms`],
    ["full load", (row) => `${row.fullLoadMs.toFixed(0)} ms`],
    ["one change", (row) => `${row.changeMedianMs.toFixed(1)} ms`],
    ["p99", (row) => `${row.changeP99Ms.toFixed(1)} ms`],
    ["in agent", (row) => `${row.eventToKernelMedianMs.toFixed(2)} ms`],
    ["CPU/change", (row) => `${row.changeCpuMs.toFixed(1)} ms`],
    ["memory", (row) => `${row.memoryMb.toFixed(0)} MB`],
  ];
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, of]) => of(row)))];
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => cells[i]?.length ?? 0)));
  return lines.map((cells) => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")).join("\n");
}
