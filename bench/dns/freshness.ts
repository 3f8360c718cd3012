import { createSocket } from "node:dgram";
import { once } from "node:events";
import { dnsName, encodeMessage, queryMessage, recordTypes } from "#layers/codec";
import { resources } from "#layers/objects";
import { endpointsOf, serviceHost, sliceKey, startBenchCluster } from "./cluster.ts";
import { startSealane } from "./peers.ts";
import { memoryNow, moveToClientCore } from "./server-process.ts";
import { startUpstream } from "./upstream.ts";

/** From the API write to the new answer, in milliseconds: half of the changes may take longer. */
export const targetMs = 20;

/** How soon answers follow the cluster. Times are in milliseconds. */
export interface FreshnessResult {
  readonly services: number;
  readonly changes: number;
  /** From the API write to an answer that shows it, over UDP, asked again and again. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** How many changes took longer than the target. */
  readonly over: number;
  /** From the start of `sealane dns` as a command until all names are there. */
  readonly readyMs: number;
  /** Resident, after all changes. */
  readonly memoryMb: number;
  readonly isGood: boolean;
}

/**
 * Changes the addresses of one headless Service after the other, in a cluster of `services` with three endpoints each, and asks
 * `sealane dns` for it until the answer has the new one. API and client are this process.
 */
export async function benchFreshness(services: number, changes = 300): Promise<FreshnessResult> {
  moveToClientCore();
  const stops: (() => unknown)[] = [];
  try {
    const cluster = await startBenchCluster({ services, endpointsPerService: 3 });
    stops.push(() => cluster.close());
    const upstream = await startUpstream();
    stops.push(() => upstream.close());
    const { server, readyMs } = await startSealane({ cluster, upstreamPort: upstream.port });
    stops.push(() => server.stop());
    const socket = createSocket("udp4");
    stops.push(() => socket.close());
    const times: number[] = [];
    for (let change = 0; change < changes; change++) {
      const i = 2 * ((change * 7919) % (services >> 1)) + 1;
      const address = `172.16.${change >> 8}.${change & 255}`;
      const last = Uint8Array.from(address.split("."), Number);
      const slice = await cluster.api.get(resources.endpointSlices, ...sliceKey(i));
      const query = queryFor(serviceHost(i), change & 0xffff);
      const started = performance.now();
      await cluster.api.update(resources.endpointSlices, { ...slice, endpoints: endpointsOf(i, [address]) });
      for (;;) {
        socket.send(query, server.port, "127.0.0.1");
        const [answer] = (await once(socket, "message")) as [Buffer];
        if (answer.subarray(-4).equals(last)) break;
      }
      times.push(performance.now() - started);
    }
    const { residentMb: memoryMb } = memoryNow(server.pid);
    return { services, changes, ...judged(times), readyMs, memoryMb };
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

/** What so many changes come to; good when the median is within the target. */
export function judged(
  times: readonly number[],
): Pick<FreshnessResult, "medianMs" | "p99Ms" | "longestMs" | "over" | "isGood"> {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  const medianMs = at(0.5);
  const over = sorted.filter((ms) => ms > targetMs).length;
  return { medianMs, p99Ms: at(0.99), longestMs: at(1), over, isGood: medianMs <= targetMs };
}

function queryFor(host: string, id: number): Uint8Array {
  return encodeMessage(queryMessage(id, { name: dnsName(host), type: recordTypes.A, class: 1 })).slice();
}
