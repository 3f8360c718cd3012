import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNamespace } from "../../../src/kernel/index.ts";
import { until } from "../../lab/own-namespaces.ts";
import { ClusterUnderTest } from "./cluster.ts";
import { nftables } from "./engines.ts";
import { serviceOf, slicesOf } from "./service-objects.ts";
import { clusterIP } from "./targets.ts";

const cluster = new ClusterUnderTest(nftables);
beforeAll(() => cluster.start());
afterAll(() => cluster.stop());

function nft(...args: readonly string[]): string {
  return inNamespace(cluster.network.path("node-1"), () => execFileSync("nft", args, { encoding: "utf8" }));
}

describe("the nftables engine's rules", () => {
  it("name the Service in each element", async () => {
    await cluster.serve("named", 1, ["b1"]);
    const elements = nft("list", "map", "ip", "sealane", "services");
    expect(elements).toContain('comment "suite/named:tcp"');
    expect(elements).toContain('comment "suite/named:udp"');
    await cluster.remove("named");
    expect(nft("list", "table", "ip", "sealane")).not.toContain("suite/named");
  });

  it("leave the tables of others alone, also when all of them are written again", async () => {
    nft("add", "table", "ip", "somebody-else");
    nft("add", "chain", "ip", "somebody-else", "theirs");
    const { fullSyncs } = cluster.proxy("node-1").stats();
    await until("a full sync", () => cluster.proxy("node-1").stats().fullSyncs > fullSyncs || undefined);
    expect(nft("list", "table", "ip", "somebody-else")).toContain("theirs");
    nft("delete", "table", "ip", "somebody-else");
  });

  it("keep clients with their endpoints when all of them are written again", async () => {
    await cluster.serve("sticky", 2, ["a1", "a2", "b1"], { spec: { sessionAffinity: "ClientIP" } });
    const before = await cluster.answering("a1", clusterIP(2), 1);
    const { fullSyncs } = cluster.proxy("node-1").stats();
    nft("add", "table", "ip", "somebody-else");
    await until("a full sync", () => cluster.proxy("node-1").stats().fullSyncs > fullSyncs || undefined);
    expect(await cluster.answering("a1", clusterIP(2), 24)).toEqual(before);
  });

  it("of a Service that the kernel refuses stay as they were, and others go on", async () => {
    await cluster.serve("bad", 3, ["b1"]);
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: -1 } };
    cluster.services.set(serviceOf("bad", 3, { spec: { sessionAffinity: "ClientIP", sessionAffinityConfig } }));
    await cluster.serve("good", 4, ["b1"]);
    expect(
      cluster
        .proxy("node-1")
        .stats()
        .setAside.map(({ service }) => service),
    ).toEqual(["suite/bad"]);
    expect(cluster.events).toContainEqual({ object: "bad", reason: "FailedToProgramService" });
    expect(await cluster.answering("a1", clusterIP(4), 1)).toEqual(["b1"]);
    expect(await cluster.answering("a1", clusterIP(3), 1)).toEqual(["b1"]);
    cluster.services.set(serviceOf("bad", 3));
    await cluster.settled();
    expect(cluster.proxy("node-1").stats().setAside).toEqual([]);
  });

  it("are repaired at once when a change meets a missing table", async () => {
    nft("delete", "table", "ip", "sealane");
    await cluster.serve("after", 5, ["b1"]);
    expect(await cluster.answering("a1", clusterIP(5), 1)).toEqual(["b1"]);
    expect(await cluster.answering("a1", clusterIP(4), 1)).toEqual(["b1"]);
  });

  it("forget a client after its time", async () => {
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 1 } };
    const spec = { sessionAffinity: "ClientIP", sessionAffinityConfig } as const;
    cluster.add({ service: serviceOf("brief", 6, { spec }), slices: slicesOf("brief", ["a1", "a2", "b1"]) });
    await cluster.settled();
    await cluster.answering("a2", clusterIP(6), 1);
    const remembered = () => affinities().includes("10.244.1.3") || undefined;
    expect(remembered()).toBe(true);
    await until("the client is forgotten", () => !remembered() || undefined);
    await cluster.answering("a2", clusterIP(6), 1);
    expect(remembered()).toBe(true);
  });
});

/** Every element that packets have written, whatever the maps are called. */
function affinities(): string {
  const text = nft("list", "table", "ip", "sealane");
  return text
    .split(/(?=\n\t(?:map|set|chain) )/)
    .filter((part) => /flags .*dynamic/.test(part))
    .join("\n");
}
