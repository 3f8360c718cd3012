import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterUnderTest } from "./cluster.ts";
import { echo } from "./echo.ts";
import type { EngineUnderTest } from "./engines.ts";
import { isPeculiar } from "./peculiarities.ts";
import type { Place } from "./places.ts";
import type { Target } from "./senders.ts";
import { serviceOf, slicesOf } from "./service-objects.ts";
import { clusterIP, nodePort } from "./targets.ts";

/** Each step takes node-1 from one engine to another; the first starts where the node does, the others where the one before ended. */
export function describeSwitching(steps: readonly (readonly [EngineUnderTest, EngineUnderTest])[]): void {
  const [[start] = []] = steps;
  if (start === undefined) throw new Error("no steps");
  const cluster = new ClusterUnderTest(start);
  const path = cluster.network.path("node-1");
  const calls: readonly (readonly [Place, Target])[] = [
    ["client", clusterIP(1)],
    ["client", clusterIP(50, "IPv6")],
    ["client", nodePort("node-1", 25)],
    ["client", clusterIP(30, "IPv4", "UDP")],
    ["node-1", clusterIP(2)],
    ["node-1", clusterIP(49, "IPv6")],
    ["a1", clusterIP(3)],
  ];
  /** What an engine's state says where it has nothing. */
  const nothing = new Map<EngineUnderTest, string>();

  beforeAll(async () => {
    for (const engine of new Set(steps.flat())) nothing.set(engine, await engine.state(path));
    await cluster.start();
    for (let number = 1; number <= 50; number++) {
      const name = `switched-${number}`;
      cluster.add({
        service: serviceOf(name, number, { spec: { type: "LoadBalancer" } }),
        slices: slicesOf(name, ["a1", "b1"]),
      });
    }
    await cluster.settled();
  });
  afterAll(() => cluster.stop());

  describe("switching a running node to another mode", () => {
    it.each(steps.map(([former, next]) => [former.name, next.name, former, next] as const))(
      "from %s to %s loses no new connection and leaves nothing behind",
      async (_from, _to, former, next) => {
        const { socket } = await cluster.senders.connect("client", clusterIP(7));
        const end = new AbortController();
        const lost: string[] = [];
        const callers = calls.map(async ([place, target]) => {
          while (!end.signal.aborted) {
            const answer = await cluster.senders.open(place, target, 5000);
            if (answer.kind === "answer") continue;
            lost.push(`${place} to ${target.destination} ${target.protocol}: ${answer.kind}`);
          }
        });
        await cluster.proxy("node-1").setEngine(next.open(path));
        end.abort();
        await Promise.all(callers);
        expect(lost).toEqual([]);
        expect(cluster.proxy("node-1").stats().mode).toBe(next.mode);
        expect(await former.state(path)).toBe(nothing.get(former));
        // A connection through IPVS ends with its virtual server.
        if (!isPeculiar("switching", former.mode)) expect(await echo(socket)).toBe("still there");
        socket.destroy();
      },
    );
  });
}
