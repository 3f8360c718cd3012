import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNamespace } from "../../src/kernel/index.ts";
import { until } from "../lab/own-namespaces.ts";
import { addresses, ProxyNetwork } from "./proxy-network.ts";
import type { Place } from "./proxy-network.ts";
import { serve, serviceObject, sliceObject } from "./proxy-objects.ts";

const network = new ProxyNetwork();

beforeAll(() => network.start());
afterAll(() => network.stop());

/** Asks several times, one after another, and says which pods answered. */
async function answering(from: Place, address: string, port: number, times: number): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < times; i++) {
    const answer = await network.tcp(from, address, port);
    seen.add(typeof answer === "string" ? answer : answer.pod);
  }
  return [...seen].sort();
}

function nft(node: string, ...args: readonly string[]): string {
  return inNamespace(network.path(node), () => execFileSync("nft", args, { encoding: "utf8" }));
}

describe("a cluster IP", () => {
  beforeAll(() => serve(network, "web", "10.96.0.20", ["a1", "a2", "b1"]));

  it.each(["a1", "b1", "node-1", "node-2"] as const)("is answered by all pods when %s calls", async (from) => {
    expect(await answering(from, "10.96.0.20", 80, 24)).toEqual(["a1", "a2", "b1"]);
  });

  it("shows the pods the calling pod's own address", async () => {
    await serve(network, "one", "10.96.0.21", ["b1"]);
    expect(await network.tcp("a1", "10.96.0.21", 80)).toEqual({ pod: "b1", client: addresses.a1 });
  });

  it("lets a pod reach itself, seen as the node", async () => {
    await serve(network, "self", "10.96.0.22", ["a1"]);
    expect(await network.tcp("a1", "10.96.0.22", 80)).toEqual({ pod: "a1", client: "10.244.1.1" });
  });

  it("masquerades callers that are not pods of the node", async () => {
    await serve(network, "outside", "10.96.0.23", ["b1"]);
    expect(await network.tcp("client", "10.96.0.23", 80)).toEqual({ pod: "b1", client: addresses["node-1"] });
  });

  it("refuses at once what it has no endpoints for, and other ports", async () => {
    await serve(network, "empty", "10.96.0.24", []);
    for (const from of ["a1", "node-1", "client"] as const) {
      expect(await network.tcp(from, "10.96.0.24", 80)).toBe("refused");
      expect(await network.tcp(from, "10.96.0.20", 81)).toBe("refused");
    }
  });

  it("keeps to the pods of the node with internal policy Local, and drops without any", async () => {
    await serve(network, "local", "10.96.0.25", ["a1", "a2"], { spec: { internalTrafficPolicy: "Local" } });
    expect(await answering("node-1", "10.96.0.25", 80, 12)).toEqual(["a1", "a2"]);
    expect(await network.tcp("node-2", "10.96.0.25", 80, 200)).toBe("silence");
  });

  it("follows topology hints", async () => {
    const zoneOf = (pod: string) => (pod.startsWith("a") ? "a" : "b");
    const more = (pod: string) => ({ hints: { forZones: [{ name: zoneOf(pod) }] } });
    await serve(network, "zones", "10.96.0.26", ["a1", "a2", "b1"], { more });
    expect(await answering("a1", "10.96.0.26", 80, 12)).toEqual(["a1", "a2"]);
    expect(await answering("b1", "10.96.0.26", 80, 8)).toEqual(["b1"]);
  });

  it("is served by terminating pods when no other is left", async () => {
    const more = () => ({ conditions: { ready: false, serving: true, terminating: true } });
    await serve(network, "leaving", "10.96.0.27", ["b1"], { more });
    expect(await network.tcp("a1", "10.96.0.27", 80)).toMatchObject({ pod: "b1" });
  });
});

describe("addresses that no Service has", () => {
  it("are dropped, and a Service that appears there serves the client that came too early", async () => {
    const early = network.tcp("a1", "10.96.7.7", 80, 8000);
    expect(await network.tcp("a2", "10.96.7.7", 80, 100)).toBe("silence");
    await serve(network, "late", "10.96.7.7", ["b1"]);
    // The client's first SYN left no trace: its next one, a second later, is redirected.
    expect(await early).toEqual({ pod: "b1", client: addresses.a1 });
  });

  it("are left alone when the node itself has them", async () => {
    execInNode("node-1", ["ip", "address", "add", "10.96.9.9/32", "dev", "lo"]);
    // Nothing listens there: the node's own kernel refuses, where a foreign address would be dropped.
    expect(await network.tcp("a1", "10.96.9.9", 53)).toBe("refused");
  });
});

function execInNode(node: string, [program = "", ...args]: readonly string[]): string {
  return inNamespace(network.path(node), () => execFileSync(program, args, { encoding: "utf8" }));
}

describe("a node port", () => {
  const nodePort = (port: number) => [{ name: "main", protocol: "TCP" as const, port: 80, nodePort: port }];

  it("is served by every node with policy Cluster, which hides the client", async () => {
    await serve(network, "np", "10.96.1.1", ["b1"], { spec: { type: "NodePort", ports: nodePort(30081) } });
    expect(await network.tcp("client", addresses["node-1"], 30081)).toEqual({ pod: "b1", client: addresses["node-1"] });
    expect(await network.tcp("client", addresses["node-2"], 30081)).toEqual({ pod: "b1", client: "10.244.2.1" });
    expect(await network.tcp("a1", addresses["node-1"], 30081)).toMatchObject({ pod: "b1" });
    expect(await network.tcp("node-1", "127.0.0.1", 30081)).toMatchObject({ pod: "b1" });
  });

  it("keeps the client's address with policy Local, and drops on nodes without pods", async () => {
    const spec = { type: "NodePort", externalTrafficPolicy: "Local", ports: nodePort(30082) } as const;
    await serve(network, "np-local", "10.96.1.2", ["b1"], { spec });
    expect(await network.tcp("client", addresses["node-2"], 30082)).toEqual({ pod: "b1", client: addresses.client });
    expect(await network.tcp("client", addresses["node-1"], 30082, 200)).toBe("silence");
    // The node's own pods and processes reach all endpoints all the same.
    expect(await network.tcp("a1", addresses["node-1"], 30082)).toEqual({ pod: "b1", client: addresses.a1 });
    expect(await network.tcp("node-1", addresses["node-1"], 30082)).toMatchObject({ pod: "b1" });
  });

  it("is refused without any endpoint", async () => {
    await serve(network, "np-empty", "10.96.1.3", [], { spec: { type: "NodePort", ports: nodePort(30083) } });
    expect(await network.tcp("client", addresses["node-1"], 30083)).toBe("refused");
  });
});

describe("a load balancer's address", () => {
  const type = "LoadBalancer";
  const vip = "192.168.100.200";

  it("serves sources inside the ranges only", async () => {
    const spec = { type, loadBalancerSourceRanges: ["192.168.100.10/32", "10.244.1.2/32"] } as const;
    await serve(network, "lb", "10.96.2.1", ["b1"], { spec, loadBalancerIP: vip });
    expect(await network.tcp("client", vip, 80)).toEqual({ pod: "b1", client: addresses["node-1"] });
    expect(await network.tcp("a1", vip, 80)).toMatchObject({ pod: "b1" });
    expect(await network.tcp("a2", vip, 80, 200)).toBe("silence");
    expect(await network.tcp("a2", "10.96.2.1", 80)).toMatchObject({ pod: "b1" });
    network.services.set(serviceObject("lb", "10.96.2.1", { spec: { type }, loadBalancerIP: vip }));
    await network.settled();
    expect(await network.tcp("a2", vip, 80)).toMatchObject({ pod: "b1" });
  });

  it("keeps the client's address with policy Local", async () => {
    const spec = { type, externalTrafficPolicy: "Local" } as const;
    await serve(network, "lb", "10.96.2.1", ["a2", "b1"], { spec, loadBalancerIP: vip });
    expect(await network.tcp("client", vip, 80)).toEqual({ pod: "a2", client: addresses.client });
  });

  it("is served at external IPs too", async () => {
    await serve(network, "ext", "10.96.2.2", ["b1"], { spec: { externalIPs: ["203.0.113.5"] } });
    expect(await network.tcp("client", "203.0.113.5", 80)).toEqual({ pod: "b1", client: addresses["node-1"] });
    expect(await network.tcp("a1", "203.0.113.5", 80)).toMatchObject({ pod: "b1" });
  });
});

describe("session affinity", () => {
  it("holds until the endpoint goes, then holds to another one", async () => {
    const spec = { sessionAffinity: "ClientIP" } as const;
    await serve(network, "sticky", "10.96.3.1", ["a1", "a2", "b1"], { spec });
    const [first = ""] = await answering("a1", "10.96.3.1", 80, 1);
    expect(await answering("a1", "10.96.3.1", 80, 12)).toEqual([first]);
    const others = (["a1", "a2", "b1"] as const).filter((pod) => pod !== first);
    network.slices.set(sliceObject("sticky", others));
    await network.settled();
    const [second = ""] = await answering("a1", "10.96.3.1", 80, 1);
    expect(others).toContain(second);
    expect(await answering("a1", "10.96.3.1", 80, 12)).toEqual([second]);
    // The first comes back: nobody moves.
    network.slices.set(sliceObject("sticky", ["a1", "a2", "b1"]));
    await network.settled();
    expect(await answering("a1", "10.96.3.1", 80, 12)).toEqual([second]);
  });

  it("holds over all addresses of a port", async () => {
    const ports = [{ name: "main", protocol: "TCP", port: 80, nodePort: 30_077 }] as const;
    const spec = { type: "NodePort", sessionAffinity: "ClientIP", externalIPs: ["203.0.113.9"], ports } as const;
    await serve(network, "ways", "10.96.3.3", ["a1", "a2", "b1"], { spec });
    const first = await answering("client", "203.0.113.9", 80, 1);
    expect(await answering("client", "203.0.113.9", 80, 9)).toEqual(first);
    expect(await answering("client", addresses["node-1"], 30_077, 9)).toEqual(first);
    expect(await answering("client", "10.96.3.3", 80, 9)).toEqual(first);
  });

  it("survives that all rules are written again", async () => {
    const before = await answering("a1", "10.96.3.1", 80, 1);
    nft("node-1", "add", "table", "ip", "somebody-else");
    const { fullSyncs } = network.proxies[0]?.stats() ?? { fullSyncs: 0 };
    await until("a full sync", () => (network.proxies[0]?.stats().fullSyncs ?? 0) > fullSyncs || undefined);
    expect(await answering("a1", "10.96.3.1", 80, 12)).toEqual(before);
  });

  it("ends after its timeout", async () => {
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 1 } };
    const spec = { sessionAffinity: "ClientIP", sessionAffinityConfig } as const;
    await serve(network, "brief", "10.96.3.2", ["a1", "a2", "b1"], { spec });
    const remembered = () =>
      nft("node-1", "list", "map", "ip", "sealane", "affinity").includes(`. ${addresses.a2} `) || undefined;
    await answering("a2", "10.96.3.2", 80, 1);
    expect(remembered()).toBe(true);
    await until("the client is forgotten", () => !remembered() || undefined);
    await answering("a2", "10.96.3.2", 80, 1);
    expect(remembered()).toBe(true);
  });
});

describe("UDP", () => {
  it("is balanced, and a flow leaves an endpoint that is gone", async () => {
    await serve(network, "dns", "10.96.4.1", ["b1"], { protocol: "UDP" });
    const client = network.udpClient("a1");
    expect(await client.ask("10.96.4.1", 53)).toEqual({ pod: "b1", client: addresses.a1 });
    network.slices.set(sliceObject("dns", ["a2"], "UDP"));
    await network.settled();
    expect(await client.ask("10.96.4.1", 53)).toEqual({ pod: "a2", client: addresses.a1 });
  });

  it("reaches a node port that appears while the client sends", async () => {
    const client = network.udpClient("client");
    expect(await client.ask(addresses["node-1"], 30053, 50)).toBe("silence");
    const ports = [{ name: "main", protocol: "UDP" as const, port: 53, nodePort: 30053 }];
    await serve(network, "dns-np", "10.96.4.2", ["b1"], { protocol: "UDP", spec: { type: "NodePort", ports } });
    expect(await client.ask(addresses["node-1"], 30053)).toMatchObject({ pod: "b1" });
  });
});

describe("the rules", () => {
  it("are written again when somebody takes them away", async () => {
    expect(await network.tcp("a1", "10.96.0.21", 80)).toMatchObject({ pod: "b1" });
    nft("node-1", "flush", "ruleset");
    await until("the rules are back", () => nft("node-1", "list", "tables").includes("sealane") || undefined);
    await network.settled();
    expect(await network.tcp("a1", "10.96.0.21", 80)).toMatchObject({ pod: "b1" });
  });

  it("are repaired at once when a change meets a missing table", async () => {
    nft("node-1", "delete", "table", "ip", "sealane");
    await serve(network, "repair", "10.96.5.1", ["b1"]);
    expect(await network.tcp("a1", "10.96.5.1", 80)).toMatchObject({ pod: "b1" });
    expect(await network.tcp("a1", "10.96.0.21", 80)).toMatchObject({ pod: "b1" });
  });

  it("go with their Service, and keep established connections' chains few", async () => {
    network.services.delete("tour", "repair");
    await network.settled();
    expect(nft("node-1", "list", "table", "ip", "sealane")).not.toContain("tour/repair");
    expect(await network.tcp("a1", "10.96.5.1", 80, 150)).toBe("silence");
  });

  it("of a Service that the kernel refuses stay as they were, and others go on", async () => {
    const bad = serviceObject("bad", "10.96.6.1", {
      spec: { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: -1 } } },
    });
    network.slices.set(sliceObject("bad", ["b1"]));
    network.services.set(serviceObject("bad", "10.96.6.1"));
    await network.settled();
    network.services.set(bad);
    await serve(network, "good", "10.96.6.2", ["b1"]);
    expect(network.proxies[0]?.stats().setAside.map(({ service }) => service)).toEqual(["tour/bad"]);
    expect(network.events).toContainEqual({ object: "bad", reason: "FailedToProgramService" });
    expect(await network.tcp("a1", "10.96.6.2", 80)).toMatchObject({ pod: "b1" });
    expect(await network.tcp("a1", "10.96.6.1", 80)).toMatchObject({ pod: "b1" });
    network.services.set(serviceObject("bad", "10.96.6.1"));
    await network.settled();
    expect(network.proxies[0]?.stats().setAside).toEqual([]);
  });

  it("name the Service in each element", () => {
    expect(nft("node-1", "list", "map", "ip", "sealane", "services")).toContain(
      'comment "tour/web:main" : goto pick-3',
    );
  });
});
