// The node's side of `sealane bench proxy`: a process in a network namespace of its own, started by proxy.ts.
import { connectCluster, createCache } from "#layers/client";
import { cidr } from "#layers/core";
import { openConntrack, openNft } from "#layers/kernel";
import { systemClock } from "#layers/net";
import { endpointSliceIndexers, resources } from "#layers/objects";
import { createProxy, nftablesEngine } from "#layers/proxy";
import { memoryOf } from "./processes.ts";

/** What the agent tells the process that started it. Times are of the monotonic clock, in milliseconds. */
export type AgentReport =
  | {
      readonly kind: "loaded";
      /** From the start of the caches until they had all objects. */
      readonly cachesMs: number;
      /** From then until all rules were in the kernel. */
      readonly fullLoadMs: number;
      readonly cpuMs: number;
      readonly memoryMb: number;
      readonly elements: number;
    }
  | { readonly kind: "applied"; readonly at: number }
  | {
      readonly kind: "finished";
      readonly eventToKernelMedianMs: number;
      readonly eventToKernelP99Ms: number;
      readonly cpuMs: number;
    };

/** The clock that all processes of a machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function report(message: AgentReport): void {
  process.send?.(message);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function main(socketPath: string): Promise<void> {
  process.once("disconnect", () => process.exit(0));
  const api = await connectCluster({ socketPath });
  const clock = systemClock;
  const started = monotonicMs();
  const caches = {
    services: createCache(api, resources.services, { clock }),
    endpointSlices: createCache(api, resources.endpointSlices, { clock, indexers: endpointSliceIndexers }),
    nodes: createCache(api, resources.nodes, { clock }),
  };
  await Promise.all(Object.values(caches).map((cache) => cache.whenSynced()));
  const synced = monotonicMs();
  const nft = openNft();
  let loaded = false;
  const proxy = createProxy({
    nodeName: "node-1",
    caches,
    engine: nftablesEngine({
      rules: {
        ...nft,
        async apply(script, options) {
          await nft.apply(script, options);
          if (loaded) report({ kind: "applied", at: monotonicMs() });
        },
      },
    }),
    flows: openConntrack(),
    clock,
    network: {
      serviceCidrs: [cidr("10.96.0.0/16")],
      localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
    },
  });
  await proxy.whenSynced();
  loaded = true;
  report({
    kind: "loaded",
    cachesMs: synced - started,
    fullLoadMs: monotonicMs() - synced,
    cpuMs: cpuMs(),
    memoryMb: memoryOf(process.pid) / 1024,
    elements: proxy.stats().installed,
  });
  const before = cpuMs();
  process.once("message", () => {
    const { medianMs, p99Ms } = proxy.stats().latency;
    report({ kind: "finished", eventToKernelMedianMs: medianMs, eventToKernelP99Ms: p99Ms, cpuMs: cpuMs() - before });
  });
}

const [, , socketPath] = process.argv;
if (socketPath !== undefined && process.send !== undefined) await main(socketPath);
