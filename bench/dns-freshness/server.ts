import { connectCluster, createCache } from "#layers/client";
import { createClusterDns, keptForDns } from "#layers/dns";
import { openDatagramBatches } from "#layers/kernel";
import { listenDns, secureRandom, systemClock } from "#layers/net";
import { resources } from "#layers/objects";
import { memoryOf } from "../processes.ts";

/** What the measured server tells: where it answers, how long it took to know everything, its memory in MB. */
export interface FreshnessServerReport {
  readonly port: number;
  readonly readyMs: number;
  readonly memoryMb: number;
}

/** Cluster DNS in a process of its own, which follows the API at `socketPath`. */
async function main(socketPath: string): Promise<void> {
  process.once("disconnect", () => process.exit(0));
  const started = performance.now();
  const clock = systemClock;
  const api = await connectCluster({ socketPath });
  const kept = keptForDns("address", false);
  const dns = createClusterDns({
    caches: {
      services: createCache(api, resources.services, { clock, ...kept.services }),
      endpointSlices: createCache(api, resources.endpointSlices, { clock, ...kept.endpointSlices }),
      namespaces: createCache(api, resources.namespaces, { clock }),
    },
    upstreams: [],
    dial: { send: () => () => undefined },
    clock,
    random: secureRandom(),
  });
  await dns.whenReady();
  const readyMs = performance.now() - started;
  const port = await listenDns({
    addresses: ["127.0.0.1"],
    port: 0,
    answer: dns.answer,
    batches: openDatagramBatches(),
  }).ready;
  const report: FreshnessServerReport = { port, readyMs, memoryMb: memoryOf(process.pid) / 1024 };
  process.send?.(report);
}

const [, , socketPath] = process.argv;
if (socketPath !== undefined && process.send !== undefined) await main(socketPath);
