// The node's side of `sealane bench proxy`: a process in a network namespace of its own, started by proxy.ts.
import { readFileSync } from "node:fs";
import { openEngine } from "#layers/app";
import { connectCluster, createCache, slimEndpointSlices, slimServices } from "#layers/client";
import { cidr, messageOf, silentLogger } from "#layers/core";
import { enterNamespace, openConntrack, openIptables, writeSysctls } from "#layers/kernel";
import { systemClock } from "#layers/net";
import { endpointSliceIndexers, resources } from "#layers/objects";
import { createProxy, defaultProxySettings, iptablesEngine, ipvsEngine } from "#layers/proxy";
import type { ProxyEngine, TrackedFlow } from "#layers/proxy";
import { memoryOf } from "../processes.ts";
import { kernelThatTakesAll, kernelWithoutServers } from "./kernel-that-takes-all.ts";
import { monotonicMs } from "./reports.ts";
import type { AgentReport, AgentTask, BenchMode } from "./reports.ts";

function report(message: AgentReport): void {
  process.send?.(message);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The most memory that this process has had, in MB. */
function peakMemoryMb(): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) / 1024;
}

/** The same engine, which says when changes are in the kernel. */
function observed(engine: ProxyEngine, written: () => void): ProxyEngine {
  return {
    mode: engine.mode,
    setNetwork: (network) => engine.setNetwork(network),
    want: (service, plans) => engine.want(service, plans),
    writeChanges: async (services, options) => {
      const result = await engine.writeChanges(services, options);
      written();
      return result;
    },
    writeAll: (services) => engine.writeAll(services),
    noticesOthers: () => engine.noticesOthers(),
    shortcomings: (plan) => engine.shortcomings(plan),
    get stats() {
      return engine.stats;
    },
    ...(engine.ownsFlow === undefined ? {} : { ownsFlow: (flow: TrackedFlow) => engine.ownsFlow?.(flow) ?? false }),
    close: () => engine.close(),
    remove: () => engine.remove(),
  };
}

function engineOf(mode: BenchMode): Promise<ProxyEngine> {
  if (mode === "ipvs-without-kernel" || mode === "ipvs-without-servers") {
    const ipvs = mode === "ipvs-without-kernel" ? kernelThatTakesAll() : kernelWithoutServers();
    return Promise.resolve(ipvsEngine({ ipvs, clock: systemClock, log: silentLogger }));
  }
  if (mode === "iptables-legacy" || mode === "iptables-nft") {
    const variant = mode === "iptables-nft" ? "nft" : "legacy";
    const rules = openIptables({ variant });
    return Promise.resolve(iptablesEngine({ rules, tcpBeLiberal: false, log: silentLogger }));
  }
  return openEngine(mode, { settings: { ...defaultProxySettings, mode }, log: silentLogger });
}

async function main({ socketPath, mode, namespace }: AgentTask): Promise<void> {
  process.once("disconnect", () => process.exit(0));
  enterNamespace(namespace);
  writeSysctls({ "net/ipv4/conf/all/route_localnet": 1 });
  let engine: ProxyEngine;
  try {
    engine = await engineOf(mode);
  } catch (error) {
    return report({ kind: "unavailable", reason: messageOf(error) });
  }
  const api = await connectCluster({ socketPath });
  const clock = systemClock;
  const started = monotonicMs();
  const caches = {
    services: createCache(api, resources.services, { clock, slim: slimServices() }),
    endpointSlices: createCache(api, resources.endpointSlices, {
      clock,
      indexers: endpointSliceIndexers,
      slim: slimEndpointSlices(),
    }),
    nodes: createCache(api, resources.nodes, { clock }),
  };
  await Promise.all(Object.values(caches).map((cache) => cache.whenSynced()));
  const synced = monotonicMs();
  let loaded = false;
  const proxy = createProxy({
    nodeName: "node-1",
    caches,
    engine: observed(engine, () => loaded && report({ kind: "applied", at: monotonicMs() })),
    flows: openConntrack(),
    clock,
    network: {
      serviceCidrs: [cidr("10.96.0.0/12")],
      localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
    },
  });
  await proxy.whenSynced();
  const fullLoadMs = monotonicMs() - synced;
  loaded = true;
  report({
    kind: "loaded",
    cachesMs: synced - started,
    fullLoadMs,
    cpuMs: cpuMs(),
    memoryMb: memoryOf(process.pid) / 1024,
    peakMemoryMb: peakMemoryMb(),
    installed: proxy.stats().installed,
  });
  const before = cpuMs();
  process.once("message", () => {
    const { medianMs, p99Ms } = proxy.stats().latency;
    report({
      kind: "finished",
      eventToKernelMedianMs: medianMs,
      eventToKernelP99Ms: p99Ms,
      cpuMs: cpuMs() - before,
      peakMemoryMb: peakMemoryMb(),
    });
  });
}

const [, , task] = process.argv;
if (task !== undefined && process.send !== undefined) await main(JSON.parse(task) as AgentTask);
