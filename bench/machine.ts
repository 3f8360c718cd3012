import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidr, ip, silentLogger } from "#layers/core";
import type { Ip } from "#layers/core";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, runProgram } from "#layers/kernel";
import { nodeNetwork, planService } from "#layers/model";
import { systemClock } from "#layers/net";
import type { EndpointSlice, Service } from "#layers/objects";
import { ipvsEngine } from "#layers/proxy";
import { kernelThatTakesAll } from "./proxy/kernel-that-takes-all.ts";
import { monotonicMs } from "./proxy/reports.ts";
import { table } from "./table.ts";

const services = 10_000;
const rounds = 5;
const processes = 20;
const addresses = 5000;

/** What a full load is made of, each by itself: to compare one machine, or one kernel, with another. */
interface MachineRow {
  readonly what: string;
  readonly milliseconds: number;
}

/** Measures the machine itself, and prints a table and a line of JSON: medians. */
export async function run(): Promise<number> {
  const rows: readonly MachineRow[] = [
    {
      what: `JavaScript: decisions of a full load of ${services} Services in mode ipvs`,
      milliseconds: await median(rounds, decide),
    },
    { what: "a process that does nothing, from start to end", milliseconds: await median(processes, startProcess) },
    {
      what: `netlink: ${addresses} addresses of a link, one call each`,
      milliseconds: await median(rounds, addAddresses),
    },
  ];
  const columns = [
    ["what", ({ what }: MachineRow) => what],
    ["median", ({ milliseconds }: MachineRow) => `${milliseconds.toFixed(1)} ms`],
  ] as const;
  process.stdout.write(`${table(rows, columns)}\n${JSON.stringify(rows)}\n`);
  return 0;
}

/** The median of what `measure` gives, so many times. */
async function median(times: number, measure: () => Promise<number>): Promise<number> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) found.push(await measure());
  return found.toSorted((a, b) => a - b)[times >> 1] ?? 0;
}

async function startProcess(): Promise<number> {
  const start = monotonicMs();
  await runProgram(["true"]);
  return monotonicMs() - start;
}

/** Plans, and what is to be done with them, over a kernel that takes everything. */
async function decide(): Promise<number> {
  const objects = Array.from({ length: services }, (_, i) => [serviceObject(i), sliceObject(i)] as const);
  const start = monotonicMs();
  const engine = ipvsEngine({
    clock: systemClock,
    log: silentLogger,
    ipvs: kernelThatTakesAll(),
  });
  engine.setNetwork(nodeNetwork({ serviceCidrs: [cidr("10.96.0.0/12")] }));
  const names = objects.map(([service, slice]) => {
    const name = `bench/${service.metadata.name}`;
    engine.want(name, planService(service, [slice], { nodeName: "node-1" }).ports);
    return name;
  });
  await engine.writeAll(names);
  const milliseconds = monotonicMs() - start;
  engine.close();
  return milliseconds;
}

function serviceObject(i: number): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "bench", name: `svc-${i}` },
    spec: {
      clusterIP: addressAt(96, i),
      clusterIPs: [addressAt(96, i)],
      ipFamilies: ["IPv4"],
      ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
    },
  };
}

function sliceObject(i: number): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "bench", name: `svc-${i}-0` },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: [0, 1].map((n) => ({ addresses: [addressAt(128, 2 * i + n)], conditions: { ready: true } })),
  };
}

/** 10.`second`.0.0 and so many more. */
function addressAt(second: number, i: number): Ip {
  return ip(`10.${second + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);
}

function addAddresses(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-bench-"));
  const namespace = join(folder, "netns");
  try {
    createNamespace(namespace);
    return Promise.resolve(
      inNamespace(namespace, () => {
        applyLinkSteps([{ kind: "bridge", name: "bench" }]);
        const steps = Array.from({ length: addresses }, (_, i) => ({
          kind: "address" as const,
          address: addressAt(96, i),
          prefix: 32,
          link: "bench",
        }));
        const start = monotonicMs();
        applyLinkSteps(steps);
        return monotonicMs() - start;
      }),
    );
  } finally {
    removeNamespace(namespace);
    rmSync(folder, { recursive: true });
  }
}
