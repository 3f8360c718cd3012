import { afterEach, describe, expect, it } from "vitest";
import { addressesOf, serviceObject, sliceObject, startBenchCluster } from "../../bench/dns/cluster.ts";
import { SoakClient } from "../../bench/dns/soak-client.ts";
import { SoakStates } from "../../bench/dns/soak-states.ts";
import { seededRandom } from "../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../src/dns/index.ts";
import type { Answer } from "../../src/dns/index.ts";
import { listenDns, systemClock } from "../../src/net/index.ts";
import { Sealane } from "./sealane.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const size = { services: 300, endpointsPerService: 5 };

describe("sealane bench dns soak", () => {
  it("finds no wrong and no lost answer while 100 Services a second change", async () => {
    const sealane = new Sealane();
    cleanups.push(() => sealane.cleanUp());
    const { code, stdout, stderr } = await sealane.run("bench", "dns", "soak", "0.05", "300");
    expect(`${stdout}${stderr}`).toContain("\ngood\n");
    expect(code).toBe(0);
    const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, number>;
    expect(result).toMatchObject({ wrong: 0, lost: 0 });
    expect(result["changes"]).toBeGreaterThan(200);
    expect(result["answered"]).toBeGreaterThan(3000);
  });

  it.each([
    ["an address that nobody has", (answer: Buffer) => answer.writeUInt8(99, answer.length - 1), "never had together"],
    ["a name that is there", (answer: Buffer) => answer.writeUInt8(3, 3), "was not true lately"],
    ["a server that failed", (answer: Buffer) => answer.writeUInt8(2, 3), "response code 2"],
    ["another name", (answer: Buffer) => answer.writeUInt8(0x78, 15), "another question"],
  ])("notices lies about %s", async (_, lie, complaint) => {
    const client = await clientOf(lie);
    await client.ask(1000, 0.2);
    const { sent, wrong, lost, complaints } = client.counts();
    expect(sent).toBeGreaterThan(0);
    expect(wrong).toBeGreaterThan(0);
    expect(lost).toBe(0);
    expect(complaints.join("\n")).toContain(complaint);
  });

  it("notices a server that does not follow changes", async () => {
    const client = await clientOf(() => undefined, 20);
    await client.ask(1000, 0.4);
    const { wrong, lost, complaints } = client.counts();
    expect(wrong).toBeGreaterThan(0);
    expect(lost).toBe(0);
    expect(complaints.join("\n")).toMatch(/round 0 ended \d{3,} ms before the question/);
  });

  it("takes the same answers for good without the lie", async () => {
    const client = await clientOf(() => undefined);
    await client.ask(1000, 0.2);
    expect(client.counts()).toMatchObject({ wrong: 0, lost: 0 });
  });
});

/** A client of a server that knows a cluster as it was before so many `changes`, and changes what it answers with `lie`. */
async function clientOf(lie: (answer: Buffer) => unknown, changes = 0): Promise<SoakClient> {
  const all = Array.from({ length: size.services }, (_, i) => i);
  const endpointSlices = all.map((i) => sliceObject(i, addressesOf(i, size.endpointsPerService)));
  const dns = createClusterDns({
    caches: { services: new MemoryCache(all.map(serviceObject)), endpointSlices: new MemoryCache(endpointSlices) },
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: systemClock,
    random: seededRandom(1),
  });
  const answer: Answer = (query, transport) => {
    const bytes = dns.answer(query, transport);
    if (bytes === undefined || bytes instanceof Promise)
      throw new TypeError("Names of the cluster are answered at once");
    const changed = Buffer.from(bytes);
    lie(changed);
    return changed;
  };
  const listener = listenDns({ addresses: ["127.0.0.1"], port: 0, answer });
  const cluster = await startBenchCluster({ ...size, services: changes === 0 ? 0 : size.services });
  const states = new SoakStates(cluster.api, size, seededRandom(1));
  const client = new SoakClient(states, size, seededRandom(2));
  await client.open(await listener.ready);
  cleanups.push(
    () => dns.stop(),
    () => listener.close(0),
    () => cluster.close(),
    () => client.close(),
  );
  while (states.changes < changes) await states.change();
  return client;
}
