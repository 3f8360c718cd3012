import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { schedulerAnnotation, weightsAnnotation } from "../../../src/model/index.ts";
import type { Scheduler } from "../../../src/model/index.ts";
import type { IpFamily } from "../../../src/core/index.ts";
import type { EndpointSlice } from "../../../src/objects/index.ts";
import { chiSquareChance } from "../../support/chi-square.ts";
import { until } from "../../lab/own-namespaces.ts";
import { ClusterUnderTest } from "./cluster.ts";
import type { EngineUnderTest } from "./engines.ts";
import { crowdAddress } from "./network.ts";
import { namespace, podPort, serviceOf } from "./service-objects.ts";
import { clusterIP } from "./targets.ts";

/** A fair engine fails once in a million runs; one that favours an endpoint by a fifth fails nearly always. */
const leastChance = 1e-6;
const patienceMs = 10_000;
const atOnce = 16;
const crowd = 400;

/** Counts where new connections go. */
export function describeDistribution(engine: EngineUnderTest): void {
  const cluster = new ClusterUnderTest(engine);
  beforeAll(async () => {
    cluster.network.addCrowd(crowd);
    await cluster.start();
  });
  afterAll(() => cluster.stop());
  let number = 0;

  /** Serves a new Service with so many members of the crowd, by weights if there are any. */
  async function serve(family: IpFamily, members: readonly number[], more: Options = {}): Promise<number> {
    const own = ++number;
    const annotations = more.scheduler === undefined ? undefined : { [schedulerAnnotation]: more.scheduler };
    cluster.slices.set(slice(own, family, members, more.weights));
    const options = { protocols: ["TCP"] as const, ...(annotations === undefined ? {} : { annotations }) };
    cluster.services.set(serviceOf(`crowd-${own}`, own, options));
    await cluster.settled();
    return own;
  }

  /** Opens connections to a Service, and says which endpoint each reached. */
  async function places(own: number, family: IpFamily, times: number): Promise<readonly string[]> {
    const found: string[] = [];
    let left = times;
    const caller = async (): Promise<void> => {
      while (left > 0) {
        left--;
        const answer = await cluster.senders.open("a1", clusterIP(own, family), patienceMs);
        found.push(answer.kind === "answer" ? (answer.at ?? "?") : answer.kind);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, caller));
    return found;
  }

  describe("new connections", () => {
    it.each([
      [3, 900, "IPv4"],
      [7, 1400, "IPv4"],
      [7, 1400, "IPv6"],
      [100, 4000, "IPv4"],
    ] as const)("are spread evenly over %i endpoints: %i of them, %s", async (size, times, family) => {
      const members = range(size);
      const own = await serve(family, members);
      const counts = countsOf(await places(own, family, times), family, members);
      const shares = counts.map(() => 1);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(times);
      expect(chiSquareChance(counts, shares), `counts: ${counts.join(" ")}`).toBeGreaterThan(leastChance);
    });

    it.each(["IPv4", "IPv6"] as const)("go by weights 1:2:5, %s", async (family) => {
      const weights = [1, 2, 5];
      const members = range(3);
      const own = await serve(family, members, { weights });
      const counts = countsOf(await places(own, family, 1600), family, members);
      expect(chiSquareChance(counts, weights), `counts: ${counts.join(" ")}`).toBeGreaterThan(leastChance);
    });
  });

  describe.runIf(engine.schedulers.includes("lc"))("least connection", () => {
    it("goes where the fewest connections are, when some of them stay long", async () => {
      const own = await serve("IPv4", range(3), { scheduler: "lc" });
      const open: { readonly at: string; readonly socket: Socket }[] = [];
      const connect = async (): Promise<string> => {
        const { socket, greeting } = await cluster.senders.connect("a1", clusterIP(own));
        open.push({ at: greeting.at ?? "?", socket });
        return greeting.at ?? "?";
      };
      for (let i = 0; i < 12; i++) await connect();
      expect(
        countsOf(
          open.map(({ at }) => at),
          "IPv4",
          range(3),
        ),
      ).toEqual([4, 4, 4]);
      const first = crowdAddress("b1", "IPv4", 0);
      const ended = open.filter(({ at }) => at === first);
      for (const { socket } of ended) socket.destroy();
      await until(
        "the ends have reached the endpoint",
        () => cluster.network.connections("b1", first) === 0 || undefined,
      );
      const next = [await connect(), await connect(), await connect(), await connect()];
      for (const { socket } of open) socket.destroy();
      expect(next).toEqual([first, first, first, first]);
    });
  });

  describe.runIf(engine.schedulers.includes("mh"))("Maglev", () => {
    it.each(["IPv4", "IPv6"] as const)("keeps clients where they are when an endpoint goes, %s", async (family) => {
      const members = range(7);
      const own = await serve(family, members, { scheduler: "mh" });
      const before = await homes(own, family);
      expect(await homes(own, family), "the same client goes to the same endpoint").toEqual(before);
      const counts = countsOf(before, family, members);
      // A table of some hundred slots is even to a few percent, and 400 clients are what they are.
      expect(Math.min(...counts), `counts: ${counts.join(" ")}`).toBeGreaterThan(crowd / 7 / 3);
      cluster.slices.set(slice(own, family, members.slice(1)));
      await cluster.settled();
      const after = await homes(own, family);
      const gone = crowdAddress("b1", family, 0);
      const stayed = before.filter((at) => at !== gone).length;
      const moved = before.filter((at, i) => at !== gone && after[i] !== at).length;
      expect(after).not.toContain(gone);
      expect(moved / stayed, `${moved} of ${stayed} moved`).toBeLessThan(0.06);
    });
  });

  /** Where each client of the crowd goes. */
  async function homes(own: number, family: IpFamily): Promise<readonly string[]> {
    const found: string[] = [];
    const clients = range(crowd);
    const caller = async (): Promise<void> => {
      for (let client = clients.pop(); client !== undefined; client = clients.pop()) {
        const source = crowdAddress("client", family, client);
        const answer = await cluster.senders.open("client", { ...clusterIP(own, family), source }, patienceMs);
        found[client] = answer.kind === "answer" ? (answer.at ?? "?") : answer.kind;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, caller));
    return found;
  }
}

interface Options {
  readonly scheduler?: Scheduler;
  readonly weights?: readonly number[];
}

function range(size: number): number[] {
  return Array.from({ length: size }, (_, i) => i);
}

function countsOf(found: readonly string[], family: IpFamily, members: readonly number[]): readonly number[] {
  const counts = new Map<string, number>();
  for (const at of found) counts.set(at, (counts.get(at) ?? 0) + 1);
  return members.map((member) => counts.get(crowdAddress("b1", family, member)) ?? 0);
}

function slice(
  number: number,
  family: IpFamily,
  members: readonly number[],
  weights: readonly number[] = [],
): EndpointSlice {
  const name = `crowd-${number}`;
  const addresses = members.map((member) => crowdAddress("b1", family, member));
  const annotation = Object.fromEntries(weights.map((weight, i) => [addresses[i] ?? "", weight]));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name,
      namespace,
      labels: { "kubernetes.io/service-name": name },
      ...(weights.length === 0 ? {} : { annotations: { [weightsAnnotation]: JSON.stringify(annotation) } }),
    },
    addressType: family,
    ports: [{ name: "tcp", protocol: "TCP", port: podPort }],
    endpoints: addresses.map((address) => ({ addresses: [address], nodeName: "node-2" })),
  };
}
