import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryCache } from "../../src/dns/index.ts";
import type { ClusterDns } from "../../src/dns/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  openDatagramBatches,
  removeNamespace,
  runProgram,
} from "../../src/kernel/index.ts";
import { listenDns } from "../../src/net/index.ts";
import type { DnsListener } from "../../src/net/index.ts";
import { cluster, service, services, slice, slices } from "../dns/cluster.ts";

// A DNS server in a namespace of its own, and clients there that do what they can to it. After each of them it answers.

const script = fileURLToPath(new URL("dns-bad-client.mjs", import.meta.url));
const corpus = fileURLToPath(new URL("../dns/corpus/messages.txt", import.meta.url));
const megabyte = 1024 * 1024;

let folder: string;
let namespace: string;
let dns: ClusterDns;
let listener: DnsListener;
let port: number;

const argv = (mode: string, args: readonly string[]) => [script, mode, "127.0.0.1", String(port), ...args];

/** Runs a bad client to its end; gives what it saw. */
async function bad(mode: string, ...args: readonly string[]): Promise<unknown> {
  return JSON.parse(await runProgram([process.execPath, ...argv(mode, args)], { namespace }));
}

/** Bad clients that hold what they have until they are released. */
async function holding<T>(count: number, mode: string, args: readonly string[], during: () => Promise<T>) {
  const children: ChildProcess[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const start = () => spawn(process.execPath, argv(mode, args), { stdio: ["pipe", "pipe", "pipe"] });
      children.push(inNamespace(namespace, start));
    }
    const outputs = children.map(async (child) => {
      let text = "";
      child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await once(child, "close");
      return JSON.parse(text) as unknown;
    });
    await Promise.all(children.flatMap(({ stderr }) => (stderr === null ? [] : [once(stderr, "data")])));
    // Whoever waits for them gets their errors; until then there may be worse ones.
    for (const output of outputs) output.catch(() => undefined);
    const result = await during();
    for (const child of children) child.stdin?.end();
    return { result, seen: await Promise.all(outputs) };
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

/** By how many bytes this process, the server, had grown when it was largest while something was done to it. */
async function growthDuring(act: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const look = () => (most = Math.max(most, process.memoryUsage.rss()));
  const timer = setInterval(look, 5);
  try {
    await act();
    look();
  } finally {
    clearInterval(timer);
  }
  return most - before;
}

/** That the server is well: it answers over UDP and TCP, and gives connections back. */
async function isWell(): Promise<void> {
  expect(await bad("pipeline", "3")).toEqual({ how: "closed", answers: 3, ids: 3 });
  expect(await bad("half")).toEqual({ answers: 2 });
  await expect.poll(() => listener.connections, { timeout: 10_000 }).toBe(0);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-bad-"));
  namespace = join(folder, "node");
  createNamespace(namespace, () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
  const many = Array.from({ length: 4000 }, (_, i) => [`10.244.${i >> 8}.${i & 255}`] as const);
  dns = cluster({
    caches: {
      services: new MemoryCache([...services, service("tour", "big", { clusterIP: "None" })]),
      endpointSlices: new MemoryCache([...slices, slice("tour", "big", "big-1", many)]),
    },
    upstreams: [],
  });
  listener = inNamespace(namespace, () =>
    listenDns({
      addresses: ["127.0.0.1"],
      port: 0,
      answer: dns.answer,
      batches: openDatagramBatches(),
      synchronous: true,
      tcp: { idleMs: 2000, frameMs: 1000 },
    }),
  );
  port = await listener.ready;
});

afterAll(async () => {
  await listener.close(0);
  dns.stop();
  removeNamespace(namespace);
  rmSync(folder, { recursive: true });
});

describe("a DNS server", () => {
  it("lives through datagrams of every length from 0 to 600 with random bytes", async () => {
    expect(await bad("lengths")).toEqual({ sent: 1803, answered: 31 });
    await isWell();
  });

  it("lives through truncated names and pointer loops over UDP and TCP", async () => {
    const seen = (await bad("corpus", corpus)) as { readonly messages: number };
    expect(seen).toMatchObject({ messages: 37, udp: 37, tcp: 37 });
    await isWell();
  });

  it("closes what does not speak DNS", async () => {
    expect(await bad("frames")).toEqual({
      "64 KiB of noise": "closed, 0",
      "64 KiB of zeros": "closed, 0",
      "64 KiB announced, 3 bytes sent": "closed, 0",
      "a length of zero": "closed, 0",
      "a length of 11": "closed, 0",
      "half a length": "closed, 0",
      nothing: "closed, 0",
      "an answer": "closed, 0",
      HTTP: "closed, 0",
      TLS: "closed, 0",
      "megabytes of noise": "closed, 0",
    });
    await isWell();
  });

  it.each([
    ["1000 small questions", "1000", "web.tour.svc.cluster.local"],
    ["1000 questions with answers of 64 KiB", "1000", "big.tour.svc.cluster.local"],
    ["20000 small questions", "20000", "nothing.tour.svc.cluster.local"],
  ])("answers %s that come in one write", async (_, count, name) => {
    expect(await bad("pipeline", count, name)).toEqual({ how: "closed", answers: Number(count), ids: Number(count) });
    await isWell();
  });

  it("answers what was asked before a client closed its side, and survives torn connections", async () => {
    expect(await bad("churn", "1000")).toEqual({ answered: 500 });
    await isWell();
  });

  it("closes connections that send a byte now and then, and serves others meanwhile", async () => {
    expect(await bad("loris", "200")).toEqual({ closed: 200, served: true });
    await isWell();
  });

  it("does not buy the answers of clients that never read them", async () => {
    const result = await growthDuring(async () => {
      const { seen } = await holding(1, "greedy", ["100", "big.tour.svc.cluster.local"], () => Promise.resolve());
      expect(seen).toEqual([{ answered: 20 }]);
    });
    // It takes 34 to 63: each connection has an answer or two of 64 KiB. What they asked for has 30 GB.
    expect(result).toBeLessThan(100 * megabyte);
    await isWell();
  });

  it("keeps a bounded number of 10,000 idle connections, and goes on answering", async () => {
    const result = await growthDuring(async () => {
      const { seen } = await holding(4, "idle", ["2500"], async () => {
        expect(listener.connections).toBeLessThanOrEqual(1000);
        expect(await bad("pipeline", "100")).toEqual({ how: "closed", answers: 100, ids: 100 });
      });
      expect(seen).toHaveLength(4);
      for (const one of seen) expect(one).toMatchObject({ connected: 2500 });
    });
    // It takes 7 to 30.
    expect(result).toBeLessThan(60 * megabyte);
    await isWell();
  });

  it("has counted what it got and what it did not answer", () => {
    const { received, ignored, answers } = dns.stats();
    expect(received.udp).toBeGreaterThan(1803);
    expect(received.tcp).toBeGreaterThan(23_000);
    expect(ignored).toBeGreaterThan(100);
    expect(Object.keys(answers)).toEqual(expect.arrayContaining(["NOERROR", "NXDOMAIN", "FORMERR", "NOTIMP"]));
    expect(answers["SERVFAIL"]).toBeUndefined();
  });
});
