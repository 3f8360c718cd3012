import { execFileSync } from "node:child_process";
import { get } from "node:http";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNamespace } from "../../../src/kernel/index.ts";
import { until } from "../../lab/own-namespaces.ts";
import { ClusterUnderTest } from "./cluster.ts";
import { describePeculiarities } from "./describe-peculiarities.ts";
import { echo } from "./echo.ts";
import type { EngineUnderTest } from "./engines.ts";
import { addressOf, families } from "./places.ts";
import type { NodeName, PodName } from "./places.ts";
import { clusterIP, externalIP, loadBalancerIP, nodePort } from "./targets.ts";
import { serviceOf } from "./service-objects.ts";

const everyone: readonly PodName[] = ["a1", "a2", "b1"];
const balanced = { type: "LoadBalancer" } as const;

/** What one packet cannot show: what changes do to clients, and what the engine does when others get in its way. */
export function describeSequences(engine: EngineUnderTest): void {
  const cluster = new ClusterUnderTest(engine);
  beforeAll(() => cluster.start());
  afterAll(() => cluster.stop());
  const { senders } = cluster;

  describe("a client that comes too early", () => {
    it("is served as soon as its Service appears", async () => {
      const early = senders.open("a1", clusterIP(901), 8000);
      expect(await senders.open("a2", clusterIP(901), 100)).toEqual({ kind: "silence" });
      await cluster.serve("late", 901, ["b1"]);
      // Its first SYN left no trace: the next one, a second later, is redirected.
      expect(await early).toMatchObject({ kind: "answer", pod: "b1" });
    });

    it.each(
      families.flatMap((family) => [
        ["an external IP", family, externalIP] as const,
        ["a load balancer's address", family, loadBalancerIP] as const,
      ]),
    )("is served as soon as its Service appears at %s, %s", async (_what, family, target) => {
      const number = 980 + families.indexOf(family) + (target === externalIP ? 0 : 2);
      const early = senders.open("a1", target(number, family), 8000);
      // It went out into the world, and is tracked.
      expect(await senders.open("a2", target(number, family), 100)).toEqual({ kind: "silence" });
      await cluster.serve(`late-${number}`, number, ["b1"], { spec: balanced });
      expect(await early).toMatchObject({ kind: "answer", pod: "b1" });
    });

    it("is served as soon as a Service without endpoints has one", async () => {
      await cluster.serve("empty", 902, []);
      expect(await senders.open("a1", clusterIP(902), 1000)).toMatchObject({ kind: "refused" });
      await cluster.endpoints("empty", ["b1"]);
      expect(await cluster.answering("a1", clusterIP(902), 1)).toEqual(["b1"]);
    });
  });

  describe("an address in the Services' range that the node itself has", () => {
    it("is left alone", async () => {
      inNamespace(cluster.network.path("node-1"), () =>
        execFileSync("ip", ["address", "add", "10.96.99.99/32", "dev", "lo"]),
      );
      // Nothing listens there: the node's own kernel refuses.
      const there = { family: "IPv4", protocol: "TCP", destination: "10.96.99.99", port: 53 } as const;
      expect(await senders.open("a1", there, 5000)).toMatchObject({ kind: "refused" });
    });
  });

  describe("a change", () => {
    it("reaches new connections, and leaves those that are open alone", async () => {
      await cluster.serve("rolling", 903, ["a1"]);
      const open = await senders.connect("client", clusterIP(903));
      expect(open.greeting.pod).toBe("a1");
      await cluster.endpoints("rolling", ["b1"]);
      expect(await cluster.answering("client", clusterIP(903), 8)).toEqual(["b1"]);
      expect(await echo(open.socket)).toBe("still there");
      await cluster.remove("rolling");
      expect(await echo(open.socket)).toBe("still there");
      open.socket.destroy();
    });

    it("that takes source ranges away opens the load balancer to all", async () => {
      const closed = { spec: { ...balanced, loadBalancerSourceRanges: ["192.168.100.10/32"] } };
      await cluster.serve("ranges", 904, ["b1"], closed);
      expect(await senders.open("a1", loadBalancerIP(904), 300)).toEqual({ kind: "silence" });
      cluster.services.set(serviceOf("ranges", 904, { spec: balanced }));
      await cluster.settled();
      expect(await cluster.answering("a1", loadBalancerIP(904), 2)).toEqual(["b1"]);
    });

    it("that takes a Service away closes its addresses", async () => {
      await cluster.serve("gone", 905, ["b1"]);
      expect(await cluster.answering("a1", clusterIP(905), 1)).toEqual(["b1"]);
      await cluster.remove("gone");
      expect(await senders.open("a1", clusterIP(905), 300)).toEqual({ kind: "silence" });
    });
  });

  describe.each(families)("session affinity, %s", (family) => {
    const number = family === "IPv4" ? 910 : 911;
    const name = `sticky-${family.toLowerCase()}`;
    const spec = { ...balanced, sessionAffinity: "ClientIP" } as const;
    const target = clusterIP(number, family);

    it("holds until the endpoint goes, then to another one", async () => {
      await cluster.serve(name, number, everyone, { spec });
      const [first = ""] = await cluster.answering("a1", target, 1);
      expect(everyone).toContain(first);
      expect(await cluster.answering("a1", target, 24)).toEqual([first]);
      const others = everyone.filter((pod) => pod !== first);
      await cluster.endpoints(name, others);
      const [second = ""] = await cluster.answering("a1", target, 1);
      expect(others).toContain(second);
      expect(await cluster.answering("a1", target, 24)).toEqual([second]);
    });

    it("survives that the agent starts anew", async () => {
      await cluster.endpoints(name, everyone);
      const before = await cluster.answering("a2", target, 1);
      expect(everyone).toContain(before[0]);
      await cluster.proxy("node-1").stop();
      await cluster.startOn("node-1").whenSynced();
      expect(await cluster.answering("a2", target, 24)).toEqual(before);
    });
  });

  describe("session affinity", () => {
    it("does not move anybody when an endpoint comes back", async () => {
      const spec = { sessionAffinity: "ClientIP" } as const;
      await cluster.serve("steady", 912, ["a1", "a2"], { spec });
      const before = await cluster.answering("a1", clusterIP(912), 1);
      expect(["a1", "a2"]).toContain(before[0]);
      await cluster.endpoints("steady", everyone);
      expect(await cluster.answering("a1", clusterIP(912), 24)).toEqual(before);
    });
  });

  describePeculiarities(cluster);

  describe("UDP", () => {
    it("leaves an endpoint that is gone", async () => {
      await cluster.serve("dns", 920, ["b1"]);
      const flow = senders.udpFlow("a1", clusterIP(920, "IPv4", "UDP"));
      expect(await flow.ask(5000)).toMatchObject({ pod: "b1" });
      await cluster.endpoints("dns", ["a2"]);
      expect(await flow.ask(5000)).toMatchObject({ pod: "a2" });
      flow.close();
    });

    it("reaches a node port that appears while the client sends", async () => {
      const flow = senders.udpFlow("client", nodePort("node-1", 921, "IPv4", "UDP"));
      expect(await flow.ask(50)).toEqual({ kind: "silence" });
      await cluster.serve("dns-node-port", 921, ["b1"], { spec: { type: "NodePort" } });
      expect(await flow.ask(5000)).toMatchObject({ pod: "b1" });
      flow.close();
    });
  });

  describe("a connection, where those of what is removed are to end", () => {
    beforeAll(() => restart({ resetRemoved: true }));
    afterAll(() => restart({}));

    it.each([
      ["others", ["a2"] as const],
      ["no others", []],
    ])("is reset when its endpoint goes and %s are left", async (_, left) => {
      const number = 970 + left.length;
      await cluster.serve(`reset-${number}`, number, ["b1"]);
      const { socket, greeting } = await senders.connect("a1", clusterIP(number));
      expect(greeting.pod).toBe("b1");
      expect(await echo(socket)).toBe("still there");
      const ended = endOf(socket);
      await cluster.endpoints(`reset-${number}`, left);
      // After many changes conntrack is asked a moment later.
      const writing = setInterval(() => void socket.write("more"), 50);
      expect(await ended).toMatch(/^(reset|end)$/);
      clearInterval(writing);
      socket.destroy();
    });

    it(`${engine.carriesWithoutAgent ? "goes on" : "ends"} when its Service goes`, async () => {
      await cluster.serve("removed", 972, ["b1"]);
      const { socket } = await senders.connect("a1", clusterIP(972));
      expect(await echo(socket)).toBe("still there");
      const ended = endOf(socket);
      await cluster.remove("removed");
      if (engine.carriesWithoutAgent) expect(await echo(socket)).toBe("still there");
      else expect(await ended).toMatch(/^(reset|end)$/);
      socket.destroy();
    });

    async function restart(options: { readonly resetRemoved?: boolean }): Promise<void> {
      await cluster.proxy("node-1").stop();
      await cluster.startOn("node-1", {}, options).whenSynced();
    }
  });

  describe("a load balancer's health check", () => {
    const check = async (node: NodeName): Promise<{ readonly status: number; readonly body: string }> =>
      new Promise((resolve, reject) => {
        const host = addressOf(node, "IPv4");
        const request = inNamespace(cluster.network.path("client"), () =>
          get({
            host: "node",
            port: 32_001,
            path: "/any",
            agent: false,
            family: 4,
            lookup: (_name, _options, found) => found(null, host, 4),
          }),
        );
        request.once("error", reject);
        request.once("response", (response) => {
          let body = "";
          response.setEncoding("utf8").on("data", (text: string) => (body += text));
          response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
        });
      });

    it("counts the ready pods of the node, and fails without any", async () => {
      const spec = { ...balanced, externalTrafficPolicy: "Local", healthCheckNodePort: 32_001 } as const;
      await cluster.serve("checked", 930, ["a1", "a2"], { spec });
      const here = await until("the health check", () => check("node-1"));
      expect(here.status).toBe(200);
      expect(JSON.parse(here.body)).toEqual({
        service: { namespace: "suite", name: "checked" },
        localEndpoints: 2,
        serviceProxyHealthy: true,
      });
      expect((await until("the other health check", () => check("node-2"))).status).toBe(503);
      const leaving = { conditions: { ready: false, serving: true, terminating: true } };
      await cluster.endpoints("checked", [{ pod: "a1", more: leaving }]);
      // The load balancer is told to go elsewhere, while those who come are still served.
      expect((await check("node-1")).status).toBe(503);
      expect(await cluster.answering("client", nodePort("node-1", 930), 2)).toEqual(["a1"]);
    });
  });

  describe("no new connection is lost", () => {
    it("when the agent starts anew", async () => {
      await cluster.serve("switched", 940, ["a1", "b1"]);
      const lost: string[] = [];
      const stop = new AbortController();
      const caller = async (): Promise<void> => {
        while (!stop.signal.aborted) {
          const answer = await senders.open("client", clusterIP(940), 5000);
          if (answer.kind !== "answer") lost.push(answer.kind);
        }
      };
      const callers = [caller(), caller()];
      await cluster.proxy("node-1").stop();
      await cluster.startOn("node-1").whenSynced();
      stop.abort();
      await Promise.all(callers);
      expect(lost).toEqual([]);
    });
  });

  describe("what others do to the rules", () => {
    it.each(engine.damages)("is repaired: %s", async (_, damage) => {
      const target = clusterIP(950);
      await cluster.serve("repaired", 950, ["b1"]);
      const open = await senders.connect("a1", target);
      inNamespace(cluster.network.path("node-1"), () => damage());
      await until("the rules are back", async () => {
        const answer = await senders.open("a1", target, 300);
        return answer.kind === "answer" ? answer : undefined;
      });
      expect(await echo(open.socket)).toBe("still there");
      open.socket.destroy();
    });
  });
}

/** How a connection is ended by the other side. */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on("error", ({ message }) => resolve(message.includes("ECONNRESET") ? "reset" : message));
    socket.once("end", () => resolve("end"));
  });
}
