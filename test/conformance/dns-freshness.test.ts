import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createApiServer, openLmdb } from "../../src/apiserver/index.ts";
import type { ApiServer } from "../../src/apiserver/index.ts";
import { connectCluster, createCache } from "../../src/client/index.ts";
import { decodeMessage, formatRecord, recordTypes } from "../../src/codec/index.ts";
import { seededRandom } from "../../src/core/index.ts";
import { createClusterDns } from "../../src/dns/index.ts";
import type { ClusterDns } from "../../src/dns/index.ts";
import { listenDns, systemClock } from "../../src/net/index.ts";
import { resources } from "../../src/objects/index.ts";
import type { ClusterApi } from "../../src/objects/index.ts";
import { queryBytes, service, slice } from "../dns/cluster.ts";

// Cluster DNS that follows a real API server over its socket, asked over UDP.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** What an answer says: the code, and the data of A records in order. */
type Told = readonly [rcode: number, ...addresses: string[]];

/** DNS that follows the API at a socket, and a way to ask it. */
async function follow(
  socketPath: string,
): Promise<{ readonly dns: ClusterDns; readonly ask: (name: string) => Promise<Told> }> {
  const api = await connectCluster({ socketPath });
  const clock = systemClock;
  const caches = {
    services: createCache(api, resources.services, { clock }),
    endpointSlices: createCache(api, resources.endpointSlices, { clock }),
    namespaces: createCache(api, resources.namespaces, { clock }),
  };
  const dns = createClusterDns({
    caches,
    upstreams: [],
    dial: { send: () => () => undefined },
    clock,
    random: seededRandom(1),
  });
  const listener = listenDns({ addresses: ["127.0.0.1"], port: 0, answer: dns.answer });
  const port = await listener.ready;
  const socket = createSocket("udp4");
  cleanups.push(
    () => api.close(),
    () => Object.values(caches).map((cache) => cache.stop()),
    () => listener.close(0),
    () => socket.close(),
    () => dns.stop(),
  );
  const ask = (name: string) =>
    new Promise<Told>((resolve) => {
      socket.once("message", (bytes) => {
        const message = decodeMessage(bytes);
        if (message.kind === "malformed") throw new Error(message.reason);
        const addresses = message.answers.map((record) => formatRecord(record).split(" ")[4] ?? "");
        resolve([message.rcode, ...addresses.toSorted()]);
      });
      socket.send(queryBytes(`${name}.default.svc.cluster.local`, recordTypes.A), port, "127.0.0.1");
    });
  return { dns, ask };
}

/** An API server that goes on where the one before it at this socket ended. */
async function startApi(socketPath: string): Promise<ApiServer> {
  const persistence = await openLmdb(`${socketPath}.state`);
  const server = await createApiServer({ random: seededRandom(1), persistence });
  await server.listenUnix(socketPath);
  return server;
}

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "sealane-fresh-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const socketPath = join(folder, "api.sock");
  const server = await startApi(socketPath);
  let isOpen = true;
  const close = async () => {
    if (isOpen) await server.close();
    isOpen = false;
  };
  cleanups.push(close);
  const { dns, ask } = await follow(socketPath);
  await dns.whenReady();
  // Over the socket, too, so that answers are given between writes.
  const api = await connectCluster({ socketPath });
  cleanups.push(() => api.close());
  return { api, socketPath, close, dns, ask };
}

const put = async (api: ClusterApi, name: string, addresses: readonly string[], owner = "db") => {
  const made = slice(
    "default",
    owner,
    name,
    addresses.map((address) => [address] as const),
  );
  const known = await api.get(resources.endpointSlices, "default", name).catch(() => undefined);
  if (known === undefined) return api.create(resources.endpointSlices, { ...made, addressType: "IPv4" as const });
  return api.update(resources.endpointSlices, { ...known, endpoints: made.endpoints ?? [] });
};

/** What it takes until the answer shows a change, in a cluster of so many headless Services: of 100 changes, one by one. */
async function changesAmong(count: number): Promise<{ readonly cpuUs: number; readonly asks: number }> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-fresh-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const server = await createApiServer({ random: seededRandom(1) });
  cleanups.push(() => server.close());
  const spec = { clusterIP: "None", ports: [{ port: 80 }] };
  const sliceOf = (i: number, address: string) =>
    slice("default", `svc-${i}`, `svc-${i}-1`, [[address], ["10.244.0.1"]]);
  for (let i = 0; i < count; i++) {
    await server.api.create(resources.services, service("default", `svc-${i}`, spec));
    await server.api.create(resources.endpointSlices, sliceOf(i, `10.100.${i >> 8}.${i & 255}`));
  }
  const socketPath = join(folder, "api.sock");
  await server.listenUnix(socketPath);
  const { dns, ask } = await follow(socketPath);
  await dns.whenReady();
  const api = await connectCluster({ socketPath });
  cleanups.push(() => api.close());
  const cpuUs: number[] = [];
  const asks: number[] = [];
  for (let change = 0; change < 100; change++) {
    const i = (change * 7919) % count;
    const address = `10.200.0.${change}`;
    const known = await api.get(resources.endpointSlices, "default", `svc-${i}-1`);
    const before = process.cpuUsage();
    await api.update(resources.endpointSlices, { ...known, endpoints: sliceOf(i, address).endpoints ?? [] });
    let asked = 1;
    while (!(await ask(`svc-${i}`)).includes(address)) asked++;
    const { user, system } = process.cpuUsage(before);
    cpuUs.push(user + system);
    asks.push(asked);
  }
  // Whatever else the machine does, and the collector of garbage, can only add to the least.
  return { cpuUs: Math.min(...cpuUs), asks: asks.toSorted((a, b) => a - b)[asks.length >> 1] ?? 0 };
}

describe("cluster DNS that follows an API", () => {
  it("shows a change at once among 10,000 Services, for the CPU time that it takes among 100", async () => {
    const few = await changesAmong(100);
    const many = await changesAmong(10_000);
    // API, DNS and client share one event loop: a question is a turn or two of it, so waiting for anything would be hundreds.
    expect(Math.max(few.asks, many.asks)).toBeLessThanOrEqual(10);
    expect(many.cpuUs).toBeLessThan(2 * few.cpuUs + 500);
  });

  it("never loses a pod that moves between slices, whatever is asked meanwhile", async () => {
    const { api, ask } = await start();
    await api.create(resources.services, service("default", "db", { clusterIP: "None", ports: [{ port: 80 }] }));
    await put(api, "one", ["10.244.1.1", "10.244.1.2"]);
    await put(api, "two", ["10.244.1.3"]);
    await expect.poll(() => ask("db")).toEqual([0, "10.244.1.1", "10.244.1.2", "10.244.1.3"]);
    const seen = new Map<string, number>();
    const moving = { isOver: false };
    const asking = (async () => {
      while (!moving.isOver) {
        const told = JSON.stringify(await ask("db"));
        seen.set(told, (seen.get(told) ?? 0) + 1);
      }
    })();
    // As the controller writes: the pod joins the other slice before it leaves its own.
    for (let i = 0; i < 100; i++) {
      const [from, to] = i % 2 === 0 ? (["one", "two"] as const) : (["two", "one"] as const);
      const stays = { one: ["10.244.1.1"], two: ["10.244.1.3"] };
      await put(api, to, [...stays[to], "10.244.1.2"]);
      await put(api, from, stays[from]);
    }
    moving.isOver = true;
    await asking;
    expect([...seen.keys()]).toEqual(['[0,"10.244.1.1","10.244.1.2","10.244.1.3"]']);
    expect([...seen.values()][0]).toBeGreaterThan(100);
  });

  it("shows each write whole: a Service's addresses change all at once", async () => {
    const { api, ask } = await start();
    await api.create(resources.services, service("default", "db", { clusterIP: "None", ports: [{ port: 80 }] }));
    const generation = (i: number) => Array.from({ length: 20 }, (_, j) => `10.244.${i}.${j + 1}`);
    await put(api, "one", generation(0));
    await expect.poll(async () => (await ask("db")).length).toBe(21);
    const changing = { isOver: false };
    const mixtures: Told[] = [];
    let latest = 0;
    const asking = (async () => {
      while (!changing.isOver) {
        const told = await ask("db");
        const generations = new Set(told.slice(1).map((address) => Number(String(address).split(".")[2])));
        const [only = -1] = generations;
        // Twenty of one generation, and never of an older one than was seen before.
        if (told.length !== 21 || generations.size !== 1 || only < latest) mixtures.push(told);
        latest = only;
      }
    })();
    for (let i = 1; i <= 100; i++) await put(api, "one", generation(i));
    await expect.poll(() => latest).toBe(100);
    changing.isOver = true;
    await asking;
    expect(mixtures).toEqual([]);
  });

  it("shows what was created and what was deleted", async () => {
    const { api, ask } = await start();
    expect(await ask("web")).toEqual([3]);
    const made = await api.create(
      resources.services,
      service("default", "web", { ports: [{ name: "http", protocol: "TCP", port: 80 }] }),
    );
    await expect.poll(() => ask("web")).toEqual([0, made.spec.clusterIP]);
    await api.delete(resources.services, "default", "web");
    await expect.poll(() => ask("web")).toEqual([3]);
  });

  it("keeps answering from what it knows while the API is away, and catches up when it is back", async () => {
    const { api, socketPath, close, dns, ask } = await start();
    const spec = { clusterIP: "10.96.5.5", clusterIPs: ["10.96.5.5"], ports: [{ port: 80 }] };
    await api.create(resources.services, service("default", "old", spec));
    await expect.poll(() => ask("old")).toEqual([0, "10.96.5.5"]);
    await close();
    for (let i = 0; i < 20; i++) expect([await ask("old"), await ask("nothing")]).toEqual([[0, "10.96.5.5"], [3]]);
    expect(dns.stats().synced).toBe(true);
    // Another life of the API, in which the one Service goes and another comes.
    const again = await startApi(socketPath);
    cleanups.push(() => again.close());
    await again.api.delete(resources.services, "default", "old");
    await again.api.create(
      resources.services,
      service("default", "new", { ...spec, clusterIP: "10.96.6.6", clusterIPs: ["10.96.6.6"] }),
    );
    await expect.poll(() => ask("new"), { timeout: 20_000 }).toEqual([0, "10.96.6.6"]);
    await expect.poll(() => ask("old"), { timeout: 20_000 }).toEqual([3]);
  });

  it("denies nothing before it knows everything", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sealane-fresh-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const socketPath = join(folder, "api.sock");
    const { dns, ask } = await follow(socketPath);
    expect(await ask("kubernetes")).toEqual([2]);
    expect(dns.stats().synced).toBe(false);
    const server = await startApi(socketPath);
    cleanups.push(() => server.close());
    const told: Told[] = [];
    await expect
      .poll(
        async () => {
          told.push(await ask("kubernetes"), await ask("nothing"));
          return told.at(-1);
        },
        { interval: 1, timeout: 20_000 },
      )
      .toEqual([3]);
    // Never an absence of what is there.
    expect(told.filter((_, i) => i % 2 === 0 && told[i]?.[0] === 3)).toEqual([]);
    expect(await ask("kubernetes")).toEqual([0, "10.96.0.1"]);
    await dns.whenReady();
  });
});
