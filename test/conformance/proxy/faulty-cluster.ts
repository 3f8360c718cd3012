import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { createApiServer, openLmdb } from "../../../src/apiserver/index.ts";
import type { ApiServer } from "../../../src/apiserver/index.ts";
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

/** An agent as a process and an API, both of which may go away and come back. The first Service stays as it is, the others are there to be changed. */
export class FaultyCluster {
  readonly network = new TestNetwork();
  readonly senders = new Senders(this.network);
  /** Numbers of the Services that change. */
  readonly changing: readonly number[];
  readonly #engine: EngineUnderTest;
  readonly #convergenceMs: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "sealane-faults-"));
  readonly #twin: Twin;
  #server: ApiServer | undefined;
  #agent: ChildProcess | undefined;
  /** Whether the agent has begun a write that it has not reported as done. */
  #isWriting = false;

  /** So many Services change; what they became is in the kernel after `convergenceMs` at the latest. */
  constructor(engine: EngineUnderTest, services: number, convergenceMs: number) {
    this.#engine = engine;
    this.#convergenceMs = convergenceMs;
    this.#twin = new Twin(engine);
    this.changing = Array.from({ length: services }, (_, i) => i + 2);
  }

  /** The network namespace of the agent's node. */
  get path(): string {
    return this.network.path("node-1");
  }

  async start(): Promise<void> {
    const { api } = await this.startApi();
    await api.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    for (const node of nodes) await api.create(resources.nodes, nodeObject(node));
    for (const number of [1, ...this.changing]) {
      const spec = { type: "NodePort", ipFamilyPolicy: "RequireDualStack" } as const;
      await api.create(resources.services, serviceOf(nameOf(number), number, { spec }));
      for (const slice of slicesOf(nameOf(number), ["a1", "b1"])) await api.create(resources.endpointSlices, slice);
    }
    // Where a mode has variants, an agent goes on with the one that an earlier agent used.
    const earlier = this.#engine.open(this.path);
    earlier.setNetwork(networkOf("node-1", {}));
    await earlier.writeAll([]);
    earlier.close();
    await this.startAgent();
  }

  async stop(): Promise<void> {
    this.killAgent();
    await this.stopApi();
    this.senders.close();
    this.network.stop();
    this.#twin.close();
    rmSync(this.#folder, { recursive: true });
  }

  /** The state is that in which the API was stopped. */
  async startApi(): Promise<ApiServer> {
    const persistence = await openLmdb(join(this.#folder, "state"));
    this.#server = await createApiServer({ serviceCidrs, persistence });
    await this.#server.listenUnix(this.#socketPath);
    return this.#server;
  }

  async stopApi(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Resolves when its rules are in the kernel. */
  async startAgent(): Promise<void> {
    await this.#said(this.#forkAgent(), "synced");
  }

  killAgent(): void {
    this.#agent?.kill("SIGKILL");
  }

  /** Kills it so long after it begins its next write. Tells whether it died in the middle of that one, or of another. */
  async killWritingAgent(delayMs: number): Promise<boolean> {
    const agent = this.#agent;
    if (agent === undefined) throw new Error("no agent runs");
    await this.#said(agent, "writing");
    return this.#killed(agent, delayMs);
  }

  /** Starts one and kills it as soon as it begins to write everything. Tells whether it died in the middle of that. */
  async startAndKillAgent(): Promise<boolean> {
    const agent = this.#forkAgent();
    await this.#said(agent, "writing");
    return this.#killed(agent, 0);
  }

  async #killed(agent: ChildProcess, delayMs: number): Promise<boolean> {
    // What it said to the last is read before the channel closes.
    const gone = new Promise<void>((resolve) => agent.once("disconnect", resolve));
    if (delayMs > 0) await new Promise((resolve) => void setTimeout(resolve, delayMs));
    agent.kill("SIGKILL");
    await gone;
    return this.#isWriting;
  }

  #forkAgent(): ChildProcess {
    const args = [this.#socketPath, this.path, "node-1", this.#engine.mode, JSON.stringify(networkOf("node-1", {}))];
    const agent = fork(program, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#agent = agent;
    this.#isWriting = false;
    agent.on("message", (word) => {
      if (word === "writing" || word === "written") this.#isWriting = word === "writing";
    });
    return agent;
  }

  #said(agent: ChildProcess, expected: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        agent.off("message", heard);
        agent.off("exit", ended);
      };
      const heard = (word: unknown): void => {
        if (word !== expected) return;
        end();
        resolve();
      };
      const ended = (code: number | null): void => {
        end();
        reject(new Error(`the agent ended with ${code} before it was ${expected}`));
      };
      agent.on("message", heard);
      agent.on("exit", ended);
    });
  }

  /** Gives one Service other endpoints, which `step` chooses. */
  async change(number: number, step: number): Promise<void> {
    const chosen = pods.filter((_, i) => ((number * 7 + step * 3) >> i) % 2 === 1);
    for (const slice of slicesOf(nameOf(number), chosen)) await this.#api.update(resources.endpointSlices, slice);
  }

  async changeAll(step: number): Promise<void> {
    await Promise.all(this.changing.map((number) => this.change(number, step)));
  }

  /** What the kernel has of the engine's. */
  state(): Promise<string> {
    return this.#engine.state(this.path);
  }

  /** Waits until the kernel has what one full load of the objects gives. */
  async converged(): Promise<void> {
    const services = (await this.#api.list<Service>(resources.services)).items;
    const slices = (await this.#api.list<EndpointSlice>(resources.endpointSlices)).items;
    const wanted = await this.#twin.stateOf(services, slices);
    const end = performance.now() + this.#convergenceMs;
    while (performance.now() < end && (await this.state()) !== wanted) {
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
    expect(await this.state()).toBe(wanted);
  }

  /** Calls the steady Service all the time while `run` runs, and keeps a connection to it: every call must be answered, and the connection must live. */
  async withoutLoss(run: () => Promise<void>): Promise<void> {
    const { socket } = await this.senders.connect("a1", clusterIP(1));
    const end = new AbortController();
    const lost: string[] = [];
    const caller = async (): Promise<void> => {
      while (!end.signal.aborted) {
        const answer = await this.senders.open("client", clusterIP(1), 10_000);
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

  /** The API is not there for so long; traffic goes on meanwhile, and what changed then is caught up with. */
  async withoutApiFor(ms: number): Promise<void> {
    await this.withoutLoss(async () => {
      await this.stopApi();
      await new Promise((resolve) => void setTimeout(resolve, ms));
      expect(await this.senders.open("client", clusterIP(1), 5000)).toMatchObject({ kind: "answer" });
      await this.startApi();
      await this.changeAll(11);
      await this.converged();
    });
  }

  get #socketPath(): string {
    return join(this.#folder, "api.sock");
  }

  get #api(): ApiServer["api"] {
    if (this.#server === undefined) throw new Error("the API is away");
    return this.#server.api;
  }
}

function nameOf(number: number): string {
  return `fault-${number}`;
}
