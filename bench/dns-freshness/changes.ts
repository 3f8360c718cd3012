import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createApiServer } from "#layers/apiserver";
import { dnsName, encodeMessage, queryMessage, recordTypes } from "#layers/codec";
import { cidr } from "#layers/core";
import { resources } from "#layers/objects";
import type { EndpointSlice, Service } from "#layers/objects";
import type { FreshnessServerReport } from "./server.ts";

/** How soon answers follow the cluster. Times are in milliseconds. */
export interface FreshnessResult {
  readonly changes: number;
  /** From the API write to an answer that shows it, over UDP, asked again and again. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  /** From the start of the server's process code to the first moment that it knows everything. */
  readonly readyMs: number;
  readonly memoryMb: number;
}

/**
 * Changes the only address of one headless Service after the other, of `services` with three endpoints each,
 * and asks for it until the answer has the new one. The server is a process of its own; API and client are this one.
 */
export async function benchFreshness(services: number, changes = 300): Promise<FreshnessResult> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-bench-dns-"));
  const server = await createApiServer({ serviceCidrs: [cidr("10.96.0.0/12")] });
  const socketPath = join(folder, "api.sock");
  let child: ChildProcess | undefined;
  const socket = createSocket("udp4");
  try {
    for (let i = 0; i < services; i++) {
      await server.api.create(resources.services, serviceOf(i));
      await server.api.create(
        resources.endpointSlices,
        sliceOf(i, [addressOf(i, 0), addressOf(i, 1), addressOf(i, 2)]),
      );
    }
    await server.listenUnix(socketPath);
    child = fork(fileURLToPath(new URL("server.js", import.meta.url)), [socketPath]);
    const [report] = (await once(child, "message")) as [FreshnessServerReport];
    const times: number[] = [];
    for (let change = 0; change < changes; change++) {
      const i = (change * 7919) % services;
      const address = `10.${128 + (change >> 16)}.${(change >> 8) & 255}.${change & 255}`;
      const last = Uint8Array.from(address.split("."), Number);
      const slice = await server.api.get(resources.endpointSlices, "default", sliceName(i));
      const started = performance.now();
      await server.api.update(resources.endpointSlices, { ...slice, endpoints: [endpoint(address)] });
      const query = queryFor(i);
      for (;;) {
        socket.send(query, report.port, "127.0.0.1");
        const [answer] = (await once(socket, "message")) as [Buffer];
        if (answer.subarray(-4).equals(last)) break;
      }
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return {
      changes,
      medianMs: at(0.5),
      p99Ms: at(0.99),
      longestMs: at(1),
      readyMs: report.readyMs,
      memoryMb: report.memoryMb,
    };
  } finally {
    socket.close();
    child?.disconnect();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

const sliceName = (i: number) => `svc-${i}-1`;
const addressOf = (i: number, j: number) => `10.${64 + (i >> 14)}.${(i >> 6) & 255}.${((i & 63) << 2) + j}`;
const endpoint = (address: string) => ({ addresses: [address], conditions: { ready: true } });

function queryFor(i: number): Uint8Array {
  const name = dnsName(`svc-${i}.default.svc.cluster.local`);
  return encodeMessage(queryMessage(i & 0xffff, { name, type: recordTypes.A, class: 1 })).slice();
}

function serviceOf(i: number): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: `svc-${i}` },
    spec: { clusterIP: "None", ports: [{ name: "http", port: 80, protocol: "TCP" }] },
  };
}

function sliceOf(i: number, addresses: readonly string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      namespace: "default",
      name: sliceName(i),
      labels: { "kubernetes.io/service-name": `svc-${i}` },
    },
    addressType: "IPv4",
    endpoints: addresses.map(endpoint),
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  };
}
