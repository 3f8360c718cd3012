import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApiServer, openLmdb } from "../../../src/apiserver/index.ts";
import type { ApiServer } from "../../../src/apiserver/index.ts";
import { inNamespace } from "../../../src/kernel/index.ts";
import { resources } from "../../../src/objects/index.ts";
import type { EndpointSlice, Service } from "../../../src/objects/index.ts";
import { echo } from "./echo.ts";
import type { EngineUnderTest } from "./engines.ts";
import { TestNetwork } from "./network.ts";
import { nodeObject, nodes, pods, serviceCidrs } from "./places.ts";
import { Senders } from "./senders.ts";
import { networkOf } from "./sim-judge.ts";
import { namespace, serviceOf, slicesOf } from "./service-objects.ts";
import { clusterIP } from "./targets.ts";
import { Twin } from "./twin.ts";

const program = fileURLToPath(new URL("agent.mjs", import.meta.url));

/** What is asked of a machine. */
export interface FaultsOptions {
  /** Services that change; another one stays as it is, with an open connection. */
  readonly services: number;
  readonly changesPerSecond: number;
  readonly convergenceMs: number;
}

const usual: FaultsOptions = { services: 119, changesPerSecond: 1000, convergenceMs: 15_000 };

/** An agent as a process, an API, and what happens to them: afterwards the rules are right, and connections have lived on. */
export function describeFaults(
  engine: EngineUnderTest,
  { services, changesPerSecond, convergenceMs }: FaultsOptions = usual,
): void {
  const changing = services + 1;
  const timeoutMs = 4 * convergenceMs;
  const folder = mkdtempSync(join(tmpdir(), "sealane-faults-"));
  const socketPath = join(folder, "api.sock");
  const network = new TestNetwork();
  const senders = new Senders(network);
  const twin = new Twin(engine);
  const path = network.path("node-1");
  let server: ApiServer;
  let agent: ChildProcess;

  beforeAll(async () => {
    await startServer();
    const { api } = server;
    await api.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    for (const node of nodes) await api.create(resources.nodes, nodeObject(node));
    for (let number = 1; number <= changing; number++) {
      const spec = { type: "NodePort", ipFamilyPolicy: "RequireDualStack" } as const;
      await api.create(resources.services, serviceOf(nameOf(number), number, { spec }));
      for (const slice of slicesOf(nameOf(number), ["a1", "b1"])) await api.create(resources.endpointSlices, slice);
    }
    // Where a mode has variants, an agent goes on with the one that an earlier agent used.
    const earlier = engine.open(path);
    earlier.setNetwork(networkOf("node-1", {}));
    await earlier.writeAll([]);
    earlier.close();
    agent = await startAgent();
  });
  afterAll(async () => {
    agent.kill("SIGKILL");
    await server.close();
    senders.close();
    network.stop();
    twin.close();
    rmSync(folder, { recursive: true });
  });

  async function startServer(): Promise<void> {
    const persistence = await openLmdb(join(folder, "state"));
    server = await createApiServer({ serviceCidrs, persistence });
    await server.listenUnix(socketPath);
  }

  function startAgent(): Promise<ChildProcess> {
    const args = [socketPath, path, "node-1", engine.mode, JSON.stringify(networkOf("node-1", {}))];
    const child = fork(program, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    return new Promise((resolve, reject) => {
      child.once("message", () => resolve(child));
      child.once("exit", (code) => reject(new Error(`the agent ended with ${code}`)));
    });
  }

  /** Gives one Service other endpoints. */
  async function change(number: number, step: number): Promise<void> {
    const chosen = pods.filter((_, i) => ((number * 7 + step * 3) >> i) % 2 === 1);
    for (const slice of slicesOf(nameOf(number), chosen)) await server.api.update(resources.endpointSlices, slice);
  }

  /** Waits until the kernel has what one full load of the objects gives. */
  async function converged(): Promise<void> {
    const services = (await server.api.list<Service>(resources.services)).items;
    const slices = (await server.api.list<EndpointSlice>(resources.endpointSlices)).items;
    const wanted = await twin.stateOf(services, slices);
    const end = performance.now() + convergenceMs;
    while (performance.now() < end && (await engine.state(path)) !== wanted) {
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
    expect(await engine.state(path)).toBe(wanted);
  }

  /** Calls the steady Service all the time while `run` runs; every call must be answered. */
  async function withoutLoss(run: () => Promise<void>): Promise<void> {
    const { socket } = await senders.connect("a1", clusterIP(1));
    const end = new AbortController();
    const lost: string[] = [];
    const caller = async (): Promise<void> => {
      while (!end.signal.aborted) {
        const answer = await senders.open("client", clusterIP(1), 10_000);
        if (answer.kind !== "answer") lost.push(answer.kind);
        await new Promise((resolve) => void setTimeout(resolve, 5));
      }
    };
    const calls = caller();
    try {
      await run();
    } finally {
      end.abort();
      await calls;
    }
    expect(lost).toEqual([]);
    expect(await echo(socket)).toBe("still there");
    socket.destroy();
  }

  describe("an agent that is killed while it writes", () => {
    it(
      "leaves nothing that its successor does not set right",
      async () => {
        const run = async (): Promise<void> => {
          for (const [round, delayMs] of [0, 3, 8, 15, 30].entries()) {
            const changes = Promise.all(range(2, changing).map((number) => change(number, round)));
            await new Promise((resolve) => void setTimeout(resolve, delayMs));
            agent.removeAllListeners("exit");
            agent.kill("SIGKILL");
            await changes;
            agent = await startAgent();
          }
          await converged();
        };
        // Without a process in the way the rules carry on by themselves.
        await (engine.carriesWithoutAgent ? withoutLoss(run) : run());
      },
      timeoutMs,
    );
  });

  describe("an API that goes away", () => {
    it(
      "leaves traffic alone, and what changes meanwhile is caught up with",
      async () => {
        await withoutLoss(async () => {
          await server.close();
          await new Promise((resolve) => void setTimeout(resolve, 1500));
          expect(await senders.open("client", clusterIP(1), 5000)).toMatchObject({ kind: "answer" });
          await startServer();
          await Promise.all(range(2, changing).map((number) => change(number, 11)));
          await converged();
        });
      },
      timeoutMs,
    );
  });

  describe(`${changesPerSecond} changes a second`, () => {
    it(
      "are all in the kernel soon after the last one",
      async () => {
        await withoutLoss(async () => {
          const seconds = 3;
          const started = performance.now();
          let made = 0;
          while (performance.now() < started + seconds * 1000) {
            // As many as are due by now.
            const due = Math.ceil(((performance.now() - started) * changesPerSecond) / 1000) - made;
            const batch = Array.from({ length: Math.max(0, due) }, (_, i) => made + i);
            await Promise.all(batch.map((n) => change(2 + (n % (changing - 1)), n)));
            made += batch.length;
            await new Promise((resolve) => void setTimeout(resolve, 5));
          }
          expect(made).toBeGreaterThan(seconds * changesPerSecond * 0.9);
          await converged();
        });
      },
      timeoutMs,
    );
  });

  describe("what others do to the rules", () => {
    it.each([...engine.damages, ...(engine.harsherDamages ?? [])])(
      "is undone to the last bit: %s",
      async (_, damage) => {
        await converged();
        const before = await engine.state(path);
        inNamespace(path, () => damage());
        await expect.poll(() => engine.state(path), { timeout: convergenceMs, interval: 50 }).toBe(before);
        expect(await senders.open("client", clusterIP(1), 5000)).toMatchObject({ kind: "answer" });
      },
    );
  });
}

function nameOf(number: number): string {
  return `fault-${number}`;
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
