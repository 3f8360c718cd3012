import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { connectCluster } from "../../src/client/index.ts";
import type { ClusterConnection } from "../../src/client/index.ts";
import { resources } from "../../src/objects/index.ts";
import { example, Sealane, until } from "./sealane.ts";

const sealane = new Sealane();
let api: ClusterConnection;

beforeAll(async () => {
  expect(await sealane.run("up", "-d", "-f", example("tour"))).toMatchObject({ code: 0, stderr: "" });
  api = await connectCluster({ kubeconfig: (await sealane.run("kubeconfig")).stdout.trim() });
});
afterAll(async () => {
  api.close();
  await sealane.cleanUp();
});

/** Opens a forward, lets `use` work with its URL, and ends it as Ctrl-C does. */
async function forwarding<T>(args: readonly string[], use: (url: string) => Promise<T>): Promise<T> {
  const { child, output } = sealane.start("forward", ...args);
  try {
    return await use(await until("the port is open", () => /http:\/\/[^\s/]+/.exec(output())?.[0]));
  } finally {
    child.kill("SIGINT");
    await until("the command has ended", () => child.exitCode !== null);
  }
}

interface Answer {
  readonly pod?: string;
  readonly node?: string;
  readonly clientAddress?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request on a connection of its own, as each visitor has one. */
async function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(`${url}/?format=json`, { headers: { connection: "close", ...headers } });
  return (await response.json()) as Answer;
}

async function askOften(url: string, times: number): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let i = 0; i < times; i++) answers.push(await ask(url));
  return answers;
}

describe("sealane forward", () => {
  it("leads to a Service, balanced over its pods", async () => {
    const answers = await forwarding(["-n", "tour", "svc/back-end"], (url) => askOften(url, 40));
    expect(new Set(answers.map(({ pod }) => pod)).size).toBe(3);
  });

  it("leads to a port by name or number, and enters from where it is told", async () => {
    const byNumber = await forwarding(["-n", "tour", "svc/multi:80", "--from", "pod/db-0"], (url) => ask(url));
    expect(byNumber).toMatchObject({ pod: "multi-0", clientAddress: expect.stringMatching(/^10\.244\./) as string });
    expect(await forwarding(["-n", "tour", "svc/multi:http"], (url) => ask(url))).toMatchObject({ pod: "multi-0" });
  });

  it("leads to a LoadBalancer address as the client outside", async () => {
    const answer = await forwarding(["-n", "tour", "lb/shop"], (url) => ask(url));
    expect(answer).toMatchObject({
      clientAddress: "192.168.100.10",
      pod: expect.stringContaining("back-end-") as string,
    });
  });

  it("leads to the Ingress, where host and path choose", async () => {
    await forwarding(["ingress"], async (url) => {
      expect((await ask(url)).pod).toContain("back-end-");
      const seen = await ask(`${url}/api`);
      expect(seen.headers?.["x-forwarded-for"]).toBe("192.168.100.10");
    });
  });

  it("carries a WebSocket through the Ingress", async () => {
    await forwarding(["ingress"], async (url) => {
      const socket = new WebSocket(url.replace("http", "ws"), { headers: { host: "admin.example.com" } });
      const echoes: string[] = [];
      socket.on("message", (data: Buffer) => echoes.push(data.toString()));
      await new Promise((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      for (const text of ["one", "two", "three"]) socket.send(text);
      await until("the messages have come back", () => echoes.length === 3);
      expect(echoes).toEqual(["one", "two", "three"]);
      socket.close();
      await until("the socket is closed", () => socket.readyState === WebSocket.CLOSED);
    });
  });

  it("goes on working while every pod is replaced", async () => {
    const names = async () =>
      (await api.list(resources.pods, { namespace: "tour", labelSelector: "type=back-end" })).items
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => metadata.name);
    await forwarding(["-n", "tour", "svc/back-end"], async (url) => {
      const old = await names();
      const template = { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } } };
      await api.patch(resources.deployments, "tour", "back-end", { type: "merge", body: { spec: { template } } });
      const failures: unknown[] = [];
      const answered = new Set<string | undefined>();
      const deadline = performance.now() + 30_000;
      const replaced = () => [...answered].filter((pod) => pod !== undefined && !old.includes(pod)).length === 3;
      while (!replaced() && performance.now() < deadline) {
        await ask(url).then(
          ({ pod }) => answered.add(pod),
          (error: unknown) => failures.push(error),
        );
      }
      expect(failures).toEqual([]);
      expect(replaced()).toBe(true);
    });
  });

  it("refuses what is not there, and a local port that is in use", async () => {
    const missing = await sealane.run("forward", "-n", "tour", "svc/nobody");
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('"nobody" not found') as string });
    const port = await forwarding(["-n", "tour", "svc/back-end"], async (url) => {
      const { port: taken } = new URL(url);
      const again = await sealane.run("forward", "-n", "tour", "svc/back-end", taken);
      expect(again).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`Port ${taken} of 127.0.0.1 is in use`) as string,
      });
      return taken;
    });
    // Once the forward has ended, nothing listens there.
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow("fetch failed");
  });

  it("ends when the lab does", async () => {
    expect(await sealane.run("up", "-d", "--name", "short", "-f", example("clusterip"))).toMatchObject({ code: 0 });
    const { child, output } = sealane.start("forward", "--name", "short", "svc/clusterip");
    await until("the port is open", () => output().includes("http://"));
    await sealane.run("down", "--name", "short");
    await until("the command has ended", () => child.exitCode !== null);
    expect(child.exitCode).toBe(1);
    expect(output()).toContain("Lab short is gone");
  });
});
