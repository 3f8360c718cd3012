import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceSpec } from "../../../src/objects/index.ts";
import { ClusterUnderTest } from "./cluster.ts";
import { echo } from "./echo.ts";
import { iptablesLegacy, iptablesNft, nftables, userspace } from "./engines.ts";
import type { EngineUnderTest } from "./engines.ts";
import type { Place } from "./places.ts";
import type { Target } from "./senders.ts";
import { serviceOf, slicesOf } from "./service-objects.ts";
import { clusterIP, nodePort } from "./targets.ts";

const many = 100;
const bad = 105;

/** No API server takes it, and no kernel. The relay of the userspace mode keeps affinity itself: its rules have only the port. */
const refusedSpec: Partial<ServiceSpec> = {
  sessionAffinity: "ClientIP",
  sessionAffinityConfig: { clientIP: { timeoutSeconds: -1 } },
};
const refusedPort: Partial<ServiceSpec> = { ports: [{ name: "tcp", protocol: "TCP", port: 70_000 }] };

describe.each([
  ["nftables", nftables, refusedSpec],
  ["iptables legacy", iptablesLegacy, refusedSpec],
  ["iptables nft", iptablesNft, refusedSpec],
  ["userspace", userspace, refusedPort],
] as const)("an agent of mode %s that starts again with a Service that the kernel refuses", (_, engine, spec) => {
  const cluster = new ClusterUnderTest(engine);
  const path = cluster.network.path("node-1");

  beforeAll(async () => {
    for (let number = 1; number <= many; number++) {
      const name = `good-${number}`;
      cluster.add({
        service: serviceOf(name, number, { spec: { type: "NodePort" } }),
        slices: slicesOf(name, ["a1", "b1"]),
      });
    }
    await cluster.start();
  }, 120_000);
  afterAll(() => cluster.stop());

  it("loses no connection to the others, and says which one it set aside", async () => {
    const before = await engine.state(path);
    const { socket } = await cluster.senders.connect("a1", clusterIP(7));
    cluster.add({ service: serviceOf("bad", bad, { spec }), slices: slicesOf("bad", ["a1", "b1"]) });
    const lost = await lostWhile(cluster, async () => {
      await cluster.settled();
      await cluster.proxy("node-1").stop();
      const again = cluster.startOn("node-1");
      await again.whenSynced();
      await again.whenIdle();
    });
    expect(cluster.proxy("node-1").stats().setAside).toEqual([
      { service: "suite/bad", reason: expect.stringMatching(/./) as string },
    ]);
    expect(cluster.events).toContainEqual({ object: "bad", reason: "FailedToProgramService" });
    expect(await engine.state(path)).toBe(before);
    expectNothingLost(engine, lost);
    if (engine.carriesWithoutAgent) expect(await echo(socket)).toBe("still there");
    socket.destroy();
  });
});

/** Where rules alone carry nothing, the restart itself is felt, whatever is refused. */
function expectNothingLost(engine: EngineUnderTest, lost: readonly string[]): void {
  if (engine.carriesWithoutAgent) expect(lost).toEqual([]);
}

/** Calls good Services all the time while `run` runs, and says which calls nobody answered. */
async function lostWhile(cluster: ClusterUnderTest, run: () => Promise<void>): Promise<readonly string[]> {
  const calls: readonly (readonly [Place, Target])[] = [
    ["client", clusterIP(1)],
    ["client", clusterIP(many, "IPv6")],
    ["client", nodePort("node-1", 25)],
    ["client", clusterIP(30, "IPv4", "UDP")],
    ["node-1", clusterIP(60)],
    ["a1", clusterIP(80)],
  ];
  const end = new AbortController();
  const lost: string[] = [];
  const callers = calls.map(async ([place, target]) => {
    while (!end.signal.aborted) {
      const answer = await cluster.senders.open(place, target, 10_000);
      if (answer.kind !== "answer") lost.push(`${place} to ${target.destination} ${target.protocol}: ${answer.kind}`);
    }
  });
  try {
    await run();
  } finally {
    end.abort();
    await Promise.all(callers);
  }
  return lost;
}
