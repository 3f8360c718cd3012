// The node's side of `sealane bench proxy`: a process in a network namespace of its own, started by proxy.ts.
import { readFileSync } from "node:fs";
import { openEngine } from "#layers/app";
import { connectCluster, createCache, slimEndpointSlices, slimServices } from "#layers/client";
import { cidr, messageOf, silentLogger } from "#layers/core";
import { enterNamespace, openConntrack, openIptables, openIpvsRules, writeSysctls } from "#layers/kernel";
import { systemClock } from "#layers/net";
import { endpointSliceIndexers, resources } from "#layers/objects";
import { createProxy, defaultProxySettings, iptablesEngine, ipvsEngine } from "#layers/proxy";
import type { IpvsEngineOptions, ProxyEngine, TrackedFlow } from "#layers/proxy";
import { memoryOf } from "../processes.ts";
import { kernelThatTakesAll, kernelWithoutServers } from "./kernel-that-takes-all.ts";
import { monotonicMs } from "./reports.ts";
import { timedIpvs } from "./timed-ipvs.ts";
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
    // A change that could not be written alone comes with everything.
    writeAll: async (services) => {
      const result = await engine.writeAll(services);
      written();
      return result;
    },
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

/** `kernelMs`: of mode ipvs, how long each of the kernel's tools took. */
function engineOf(mode: BenchMode, kernelMs: Map<string, number>): Promise<ProxyEngine> {
  const overIpvs = (ipvs: IpvsEngineOptions["ipvs"]) =>
    Promise.resolve(ipvsEngine({ ipvs: timedIpvs(ipvs, kernelMs), clock: systemClock, log: silentLogger }));
  switch (mode) {
    case "ipvs":
      return overIpvs(openIpvsRules());
    case "ipvs-without-kernel":
      return overIpvs(kernelThatTakesAll());
    case "ipvs-without-servers":
      return overIpvs(kernelWithoutServers());
    case "iptables-legacy":
    case "iptables-nft": {
      const rules = openIptables({ variant: mode === "iptables-nft" ? "nft" : "legacy" });
      return Promise.resolve(iptablesEngine({ rules, tcpBeLiberal: false, log: silentLogger }));
    }
    case "nftables":
    case "userspace":
      return openEngine(mode, { settings: { ...defaultProxySettings, mode }, log: silentLogger });
  }
}

async function main({ socketPath, mode, namespace }: AgentTask): Promise<void> {
  process.once("disconnect", () => process.exit(0));
  enterNamespace(namespace);
  writeSysctls({ "net/ipv4/conf/all/route_localnet": 1 });
  const kernelMs = new Map<string, number>();
  let engine: ProxyEngine;
  try {
    engine = await engineOf(mode, kernelMs);
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
    kernelMs: Object.fromEntries(kernelMs),
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
