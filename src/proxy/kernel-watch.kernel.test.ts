import { describe, expect, it } from "vitest";
import { cidr, messageOf } from "../core/index.ts";
import { openIptables, openNft, runProgram } from "../kernel/index.ts";
import { systemClock } from "../net/index.ts";
import { endpointSliceIndexers } from "../objects/index.ts";
import type { EndpointSlice, Node, Service } from "../objects/index.ts";
import { FakeCache } from "../../test/support/fake-cache.ts";
import { testNamespaces } from "../../test/support/test-namespaces.ts";
import type { ProxyEngine } from "./engine.ts";
import { iptablesEngine } from "./engines/iptables.ts";
import { nftablesEngine } from "./engines/nftables.ts";
import { createProxy } from "./proxy.ts";

/** A program with its arguments. */
type Command = readonly [string, ...string[]];

interface Case {
  readonly engine: (namespace: string) => ProxyEngine;
  readonly flush: Command;
  /** Lists what must come back. */
  readonly list: Command;
  /** What others do all the time to something of their own; it leaves nothing. */
  readonly chatter: readonly Command[];
}

function nftables(...what: readonly string[]): Case {
  return {
    engine: (namespace) => nftablesEngine({ rules: openNft({ namespace }) }),
    flush: ["nft", "flush", ...what],
    list: ["nft", "list", "table", "ip", "sealane"],
    chatter: ["add", "delete"].map((action) => ["nft", action, "table", "ip", "theirs"]),
  };
}

const natTable = ["iptables-legacy", "-w", "-t", "nat"] as const;
const legacyTables: Case = {
  engine: (namespace) => iptablesEngine({ rules: openIptables({ namespace, variant: "legacy" }) }),
  flush: [...natTable, "-F"],
  list: [...natTable, "-S"],
  chatter: ["-A", "-D"].map((action) => [...natTable, action, "PREROUTING", "-s", "10.9.0.0/16", "-j", "RETURN"]),
};

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "tour", name: "web" },
  spec: { clusterIP: "10.96.0.1", ports: [{ name: "http", port: 80, protocol: "TCP" }] },
};
const slice: EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { namespace: "tour", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: [{ addresses: ["10.244.1.2"], nodeName: "node-1" }],
};

const newNamespace = testNamespaces();

describe("a flush while others change rules of their own all the time", () => {
  it.each([
    ["nft flush ruleset", nftables("ruleset")],
    ["nft flush chain", nftables("chain", "ip", "sealane", "services")],
    ["nft flush map", nftables("map", "ip", "sealane", "services")],
    ["iptables-legacy -F", legacyTables],
  ])("is repaired at once: %s", { timeout: 60_000 }, async (_, { engine, flush, list, chatter }) => {
    const namespace = newNamespace();
    const run = (command: Command): Promise<string> => runProgram(command, { namespace });
    const listed = (): Promise<string> => run(list).catch(messageOf);
    const proxy = createProxy({
      nodeName: "node-1",
      caches: {
        services: new FakeCache<Service>([service]),
        endpointSlices: new FakeCache<EndpointSlice>([slice], endpointSliceIndexers),
        nodes: new FakeCache<Node>(),
      },
      engine: engine(namespace),
      clock: systemClock,
      network: { serviceCidrs: [cidr("10.96.0.0/16")] },
      watchKernelMs: 20,
    });
    await proxy.whenSynced();
    const before = await listed();
    expect(before).toContain("10.96.0.1");
    let syncs = proxy.stats().fullSyncs;
    // The pauses between the full writes double: after one of this length the next one is longer.
    for (let since = performance.now(), pause = 0; pause < 2000;) {
      for (const command of chatter) {
        await run(command);
        await new Promise((resolve) => void setTimeout(resolve, 25));
      }
      if (proxy.stats().fullSyncs === syncs) continue;
      syncs = proxy.stats().fullSyncs;
      pause = performance.now() - since;
      since = performance.now();
    }
    await run(flush);
    await expect.poll(listed, { timeout: 2500, interval: 20 }).toBe(before);
    await proxy.stop();
  });
});
