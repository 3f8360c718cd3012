import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { objectKey } from "../../../src/objects/index.ts";
import { ClusterUnderTest } from "./cluster.ts";
import type { EngineUnderTest } from "./engines.ts";
import { isFate, observe } from "./judge.ts";
import { describePacket } from "./packet-case.ts";
import type { Fate, Packet, Path } from "./packet-case.ts";
import { addressOf, families, isPod, nodeOf } from "./places.ts";
import type { Place } from "./places.ts";
import { anyBurst, anyChange, make, mostServices } from "./random-changes.ts";
import type { Change } from "./random-changes.ts";
import { SimJudge } from "./sim-judge.ts";
import type { RulesOf } from "./sim-judge.ts";
import { servicePort, virtualAddresses } from "./service-objects.ts";
import { Twin } from "./twin.ts";
import { sequenceSeed } from "../../support/sequence-seed.ts";

/**
 * A number of sequences and not a time: so many are tried however busy the machine is. In a user-mode kernel each listing is a slow process. No
 * shorter sequence is looked for when one fails: the seed, which is printed, gives the same again.
 */
const isSlow = process.env["SEALANE_UML"] !== undefined;
const search = { seed: sequenceSeed(), endOnFailure: true };
const [sequences, fewest, most] = isSlow ? [3, 2, 4] : [15, 4, 10];
const walks = isSlow ? 3 : 8;
const timeoutMs = isSlow ? 240_000 : 180_000;

/** Random changes lead to the kernel's state that one full load of the end gives, and to what the walker says. */
export function describeConvergence(engine: EngineUnderTest, rulesOf?: RulesOf): void {
  const cluster = new ClusterUnderTest(engine);
  const twin = new Twin(engine);
  beforeAll(() => cluster.start());
  afterAll(async () => {
    await cluster.stop();
    twin.close();
  });

  describe("random changes", () => {
    it(
      "lead to the state that a fresh full load gives, after each of them",
      async () => {
        let compared = 0;
        // One node is enough, and twice as fast.
        await cluster.proxy("node-2").stop();
        await fc.assert(
          fc.asyncProperty(fc.array(anyBurst, { minLength: fewest, maxLength: most }), async (bursts) => {
            cluster.clear();
            for (const { changes, meanwhile } of bursts) {
              for (const change of changes) make(change, cluster);
              await new Promise((resolve) => void setImmediate(resolve));
              for (const change of meanwhile) make(change, cluster);
              await cluster.settled();
              const [node, wanted] = await Promise.all([
                engine.state(cluster.network.path("node-1")),
                twin.stateOf(cluster.services.list(), cluster.slices.list()),
              ]);
              expect(node).toBe(wanted);
              compared++;
            }
          }),
          { ...search, numRuns: sequences },
        );
        expect(compared).toBeGreaterThanOrEqual(sequences * fewest);
      },
      timeoutMs,
    );

    it.runIf(rulesOf !== undefined)(
      "do with packets what the walker says",
      async () => {
        if (rulesOf === undefined) return;
        let compared = 0;
        await cluster.startOn("node-2").whenSynced();
        await fc.assert(
          fc.asyncProperty(
            fc.array(anyChange, { minLength: 10, maxLength: 30 }),
            fc.array(anyPacket, { minLength: 8, maxLength: 8 }),
            async (changes, packets) => {
              cluster.clear();
              for (const change of changes) make(withChance(change), cluster);
              await cluster.settled();
              const judge = new SimJudge({ name: "random", network: {}, cases: casesOf(cluster) }, rulesOf);
              const wrong = await Promise.all(
                packets.map(async (packet) => {
                  const fate = judge.fate(packet);
                  const observed = await observe(cluster.network, cluster.senders, packet, fate);
                  return isFate(observed, fate)
                    ? []
                    : [`${describePacket(packet)} is ${observed}; the walker says ${judge.describe(packet)}`];
                }),
              );
              expect(wrong.flat()).toEqual([]);
              compared += packets.length;
            },
          ),
          { ...search, numRuns: walks },
        );
        expect(compared).toBe(walks * 8);
      },
      timeoutMs,
    );
  });
}

/** Clients that stay with one endpoint would show one only, be it by affinity or by the scheduler. */
function withChance(change: Change): Change {
  if (change.kind !== "service") return change;
  const { annotations: _, ...options } = change.options;
  return { ...change, options: { ...options, spec: { ...options.spec, sessionAffinity: "None" } } };
}

function casesOf({ services, slices }: ClusterUnderTest) {
  return services.list().map((service) => ({
    name: objectKey(service),
    service,
    slices: slices.indexed("service", objectKey(service)),
    packets: [],
  }));
}

const anyPacket: fc.Arbitrary<Packet> = fc
  .record({
    from: fc.constantFrom<Place>("a1", "a2", "b1", "node-1", "node-2", "client"),
    to: fc.constantFrom("cluster" as const, "loadBalancer" as const, "external" as const, "nodePort" as const),
    family: fc.constantFrom(...families),
    protocol: fc.constantFrom("TCP" as const, "UDP" as const, "SCTP" as const),
    number: fc.integer({ min: 1, max: mostServices }),
  })
  .map(({ from, to, family, protocol, number }) => {
    const addresses = virtualAddresses(number, family);
    const decidedBy = nodeOf(from);
    const isNodePort = to === "nodePort";
    return {
      packetCase: "random",
      path: pathOf(from, to),
      from,
      family,
      protocol,
      destination: isNodePort ? addressOf(decidedBy, family) : addresses[to],
      port: isNodePort ? addresses.nodePort : servicePort,
      decidedBy,
      fate: { kind: "dropped" } satisfies Fate,
    };
  });

function pathOf(from: Place, to: "cluster" | "loadBalancer" | "external" | "nodePort"): Path {
  if (to === "cluster") return isPod(from) ? "pod to cluster IP" : "outside to cluster IP";
  return to === "nodePort" ? "outside to node port" : "outside to load balancer";
}
