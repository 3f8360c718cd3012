import { describe, expect, it } from "vitest";
import { CodedError, createMetrics, ManualClock, cidr, ip, silentLogger } from "../core/index.ts";
import { endpointSliceIndexers } from "../objects/index.ts";
import type { EndpointSlice, Node, Service, ServiceSpec } from "../objects/index.ts";
import { scriptText } from "../rules/nft/index.ts";
import type { Script } from "../rules/nft/index.ts";
import { FakeCache } from "../../test/support/fake-cache.ts";
import { endpointAt, planWith } from "../../test/support/service-plans.ts";
import type { FlowQuery, HealthCheckAnswer, HealthChecksPort, TrackedFlow } from "./ports.ts";
import type { ProxyEngine } from "./engine.ts";
import { nftablesEngine } from "./engines/nftables.ts";
import { createProxy } from "./proxy.ts";
import type { Proxy, ProxyOptions } from "./proxy.ts";
import type { RulesPort } from "./rules-port.ts";
import { scriptedEngine } from "./scripted-engine.ts";
import { RuleSet } from "../rules/nftables/index.ts";

/** A kernel that keeps what it was told, and can be made to refuse. */
class FakeRules implements RulesPort<Script> {
  readonly scripts: string[] = [];
  refuses: (script: string) => string | undefined = () => undefined;
  /** While set, transactions wait for it. */
  gate: Promise<void> | undefined;
  count = 0;

  async apply(given: Script): Promise<void> {
    await this.gate;
    const script = scriptText(given);
    const code = this.refuses(script);
    if (code !== undefined) throw new CodedError(code, `refused with ${code}`);
    this.count++;
    this.scripts.push(script);
  }

  generation(): number {
    return this.count;
  }

  /** The scripts since the last look. */
  take(): readonly string[] {
    return this.scripts.splice(0);
  }
}

/** Its tool can also tell what the kernel would refuse. */
class CheckedRules extends FakeRules {
  async check(given: Script): Promise<void> {
    const code = this.refuses(scriptText(given));
    if (code !== undefined) throw new CodedError(code, `refused with ${code}`);
  }
}

class FakeHealthChecks implements HealthChecksPort {
  answers: ReadonlyMap<number, () => HealthCheckAnswer> = new Map();
  failed: (port: number, error: Error) => void = () => undefined;

  serve(answers: ReadonlyMap<number, () => HealthCheckAnswer>, failed: (port: number, error: Error) => void): void {
    this.answers = answers;
    this.failed = failed;
  }
}

interface World {
  readonly proxy: Proxy;
  readonly rules: FakeRules;
  readonly clock: ManualClock;
  readonly services: FakeCache<Service>;
  readonly slices: FakeCache<EndpointSlice>;
  readonly nodes: FakeCache<Node>;
  readonly events: string[];
  readonly healthChecks: FakeHealthChecks;
}

function worldWith(more: Partial<ProxyOptions> = {}, rules = new FakeRules()): World {
  const services = new FakeCache<Service>();
  const slices = new FakeCache<EndpointSlice>([], endpointSliceIndexers);
  const nodes = new FakeCache<Node>();
  const clock = new ManualClock();
  const events: string[] = [];
  const healthChecks = new FakeHealthChecks();
  const proxy = createProxy({
    nodeName: "node-1",
    caches: { services, endpointSlices: slices, nodes },
    engine: nftablesEngine({ rules }),
    healthChecks,
    recorder: { record: (object, type, reason) => events.push(`${object.metadata.name} ${type} ${reason}`) },
    clock,
    network: { serviceCidrs: [cidr("10.96.0.0/16")] },
    ...more,
  });
  return { proxy, rules, clock, services, slices, nodes, events, healthChecks };
}

function serviceObject(name: string, last: number, spec: Partial<ServiceSpec> = {}): Service {
  const ports = [{ name: "http", port: 80, protocol: "TCP" as const }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "tour", name },
    spec: { clusterIP: `10.96.0.${last}`, ports, ...spec },
  };
}

function sliceObject(name: string, addresses: readonly string[], protocol: "TCP" | "UDP" = "TCP"): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "tour", name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol }],
    endpoints: addresses.map((address) => ({ addresses: [address], nodeName: "node-1" })),
  };
}

/** Lets everything happen that waits for nothing but its turn. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

describe("createProxy()", () => {
  it("writes everything once the caches are full, then single changes", async () => {
    const { proxy, rules, services, slices } = worldWith();
    services.set(serviceObject("web", 1));
    slices.set(sliceObject("web", ["10.244.1.2"]));
    await proxy.whenSynced();
    const [first = "", ...rest] = rules.take();
    // This cluster has no IPv6: what an earlier agent may have had of it goes.
    expect(rest).toEqual(["add table ip6 sealane\ndelete table ip6 sealane\n"]);
    expect(first).toContain("add table ip sealane");
    expect(first).toContain("10.96.0.1 . tcp . 80 . 1:0");
    slices.set(sliceObject("web", ["10.244.1.3"]));
    await proxy.whenIdle();
    expect(rules.take().join("")).toMatch(/^delete element[^]*add element ip sealane endpoints/);
    expect(proxy.stats()).toMatchObject({ services: 1, fullSyncs: 1, failures: 0, latency: { samples: 1 } });
  });

  it("makes one transaction of what comes in one go or while another one runs", async () => {
    const { proxy, rules, services } = worldWith();
    await proxy.whenSynced();
    rules.take();
    let open: () => void = () => undefined;
    rules.gate = new Promise((resolve) => (open = resolve));
    services.set(serviceObject("a", 1));
    services.set(serviceObject("b", 2));
    await turns();
    services.set(serviceObject("c", 3));
    await turns();
    services.set(serviceObject("d", 4));
    rules.gate = undefined;
    open();
    await proxy.whenIdle();
    const scripts = rules.take();
    expect(scripts.map((script) => [...script.matchAll(/tour\/([a-d]):/g)].map(([, name]) => name))).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("writes nothing for changes that mean nothing to this node", async () => {
    const { proxy, rules, services, nodes } = worldWith();
    services.set(serviceObject("web", 1));
    await proxy.whenSynced();
    rules.take();
    services.set({ ...serviceObject("web", 1), metadata: { namespace: "tour", name: "web", labels: { a: "b" } } });
    nodes.set({ apiVersion: "v1", kind: "Node", metadata: { name: "node-2" }, spec: {} });
    await proxy.whenIdle();
    expect(rules.take()).toEqual([]);
  });

  it("writes everything again when the node's pod network becomes known", async () => {
    const { proxy, rules, nodes } = worldWith();
    await proxy.whenSynced();
    expect(rules.take().join("")).not.toContain("10.244.1.0/24");
    nodes.set({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec: { podCIDR: "10.244.1.0/24" } });
    await proxy.whenIdle();
    expect(rules.take().join("")).toContain("ip saddr != { 10.244.1.0/24 }");
  });

  it("sets a refused Service aside, applies the rest, and tries again later", async () => {
    const { proxy, rules, services, slices, clock, events } = worldWith();
    await proxy.whenSynced();
    services.set(serviceObject("bad", 66));
    slices.set(sliceObject("bad", ["10.244.1.2"]));
    await proxy.whenIdle();
    rules.take();
    rules.refuses = (script) => (script.includes("10.244.6.6") ? "NftRefused" : undefined);
    for (let i = 1; i <= 5; i++) services.set(serviceObject(`good-${i}`, i));
    slices.set(sliceObject("bad", ["10.244.6.6"]));
    await proxy.whenIdle();
    const written = rules.take().join("");
    for (let i = 1; i <= 5; i++) expect(written).toContain(`10.96.0.${i} . tcp . 80 `);
    expect(proxy.stats().setAside).toEqual([{ service: "tour/bad", reason: "refused with NftRefused" }]);
    expect(events).toEqual(["bad Warning FailedToProgramService"]);

    clock.advance(500);
    await proxy.whenIdle();
    expect(events).toHaveLength(1);
    rules.refuses = () => undefined;
    clock.advance(1000);
    await proxy.whenIdle();
    expect(rules.take().join("")).toContain("10.244.6.6");
    expect(proxy.stats().setAside).toEqual([]);
  });

  it("finds the refused Service in the first sync too", async () => {
    const rules = new FakeRules();
    rules.refuses = (script) => (script.includes("10.96.0.66") ? "NftRefused" : undefined);
    const { proxy, services } = worldWith({}, rules);
    services.set(serviceObject("bad", 66));
    services.set(serviceObject("good", 1));
    await proxy.whenSynced();
    expect(rules.take().join("")).toContain("10.96.0.1 . tcp");
    expect(proxy.stats().setAside.map(({ service }) => service)).toEqual(["tour/bad"]);
  });

  it("finds refused Services without writing where the kernel's tool can tell, and writes once", async () => {
    const rules = new CheckedRules();
    rules.refuses = (script) => (/10\.96\.0\.(66|77)/.test(script) ? "NftRefused" : undefined);
    const { proxy, services } = worldWith({}, rules);
    for (const number of [66, 77]) services.set(serviceObject(`bad-${number}`, number));
    for (let i = 1; i <= 9; i++) services.set(serviceObject(`good-${i}`, i));
    await proxy.whenSynced();
    const [script = "", ...rest] = rules.take().filter((text) => text.includes("table ip sealane"));
    expect(rest).toEqual([]);
    for (let i = 1; i <= 9; i++) expect(script).toContain(`10.96.0.${i} . tcp . 80 `);
    expect(proxy.stats().setAside.map(({ service }) => service)).toEqual(["tour/bad-66", "tour/bad-77"]);
    expect(proxy.stats().services).toBe(9);
  });

  it("writes the former rules of a refused Service together with everything else", async () => {
    const rules = new CheckedRules();
    const engine = nftablesEngine({ rules });
    const planAt = (address: string) => [planWith({ cluster: [endpointAt(address, "node-1")] })];
    engine.want("tour/web", planAt("10.244.1.2"));
    await engine.writeAll(["tour/web"]);
    rules.refuses = (script) => (script.includes("10.244.6.6") ? "NftRefused" : undefined);
    engine.want("tour/web", planAt("10.244.6.6"));
    engine.want("tour/api", [planWith({ service: "tour/api", clusterIP: "10.96.0.21" })]);
    rules.take();
    const refused = [{ service: "tour/web", reason: "refused with NftRefused" }];
    expect(await engine.writeAll(["tour/web", "tour/api"])).toEqual({ kind: "written", refused });
    const scripts = rules.take();
    expect(scripts).toHaveLength(1);
    expect(scripts[0]).toContain("10.244.1.2 . 8080");
    expect(scripts[0]).toContain("10.96.0.21");
  });

  it("writes in parts what is too big for one transaction", async () => {
    const rules = new FakeRules();
    rules.refuses = (script) => ((script.match(/goto refuse/g)?.length ?? 0) > 12 ? "EMSGSIZE" : undefined);
    const { proxy, services } = worldWith({}, rules);
    for (let i = 1; i <= 100; i++) services.set(serviceObject(`svc-${i}`, i));
    await proxy.whenSynced();
    expect(proxy.stats()).toMatchObject({ services: 100, setAside: [], failures: 0 });
    const scripts = rules.take();
    expect(scripts.length).toBeGreaterThan(8);
    const written = scripts.join("");
    for (let i = 1; i <= 100; i++) expect(written).toContain(`10.96.0.${i} . tcp . 80 `);
  });

  it("keeps trying with growing delays while nftables does not work, and blames no Service", async () => {
    const { proxy, rules, services, clock, events } = worldWith();
    await proxy.whenSynced();
    rules.take();
    rules.refuses = () => "EPERM";
    services.set(serviceObject("web", 1));
    await turns();
    clock.advance(500);
    await turns();
    expect(proxy.stats()).toMatchObject({ failures: 2, setAside: [] });
    rules.refuses = () => undefined;
    clock.advance(999);
    await turns();
    expect(rules.take()).toEqual([]);
    clock.advance(1);
    await proxy.whenIdle();
    expect(rules.take().join("")).toContain("10.96.0.1 . tcp");
    expect(events).toEqual([]);
  });

  it.each(["ENOENT", "EEXIST"])(
    "writes everything when the kernel has something else than it should (%s)",
    async (code) => {
      const { proxy, rules, services } = worldWith();
      services.set(serviceObject("web", 1));
      await proxy.whenSynced();
      rules.take();
      rules.refuses = (script) => (script.includes("element") && !script.includes("add set") ? code : undefined);
      services.set(serviceObject("api", 2));
      await proxy.whenIdle();
      const [script = ""] = rules.take().filter((text) => text.includes("element"));
      expect(script).toContain("add map ip sealane services");
      expect(script).toContain("10.96.0.1 . tcp");
      expect(script).toContain("10.96.0.2 . tcp");
      expect(proxy.stats()).toMatchObject({ fullSyncs: 2, setAside: [] });
    },
  );

  it("writes everything when somebody else changed nftables, but not all the time", async () => {
    const { proxy, rules, clock } = worldWith();
    await proxy.whenSynced();
    let syncs = 0;
    for (let second = 0; second < 60; second++) {
      rules.count++;
      clock.advance(1000);
      await turns();
      syncs = proxy.stats().fullSyncs;
    }
    expect(syncs).toBeGreaterThan(3);
    expect(syncs).toBeLessThan(9);
    rules.take();
    clock.advance(600_000);
    await turns();
    rules.take();
    clock.advance(600_000);
    await turns();
    expect(rules.take()).toEqual([]);
  });

  it("forgets UDP flows that nobody answers any more", async () => {
    const flow = (destination: string, port: number, by: string): TrackedFlow => ({
      family: "IPv4",
      protocol: "UDP",
      destination: ip(destination),
      destinationPort: port,
      answeredBy: ip(by),
      answeredFrom: 8080,
      isReplied: false,
    });
    const flows = [
      flow("10.96.0.5", 80, "10.244.1.2"),
      flow("10.96.0.5", 80, "10.244.1.3"),
      flow("192.168.100.11", 30053, "192.168.100.11"),
      flow("10.96.0.6", 80, "10.244.1.2"),
    ];
    const deleted: TrackedFlow[] = [];
    const port = {
      flows: ({ family, protocol }: FlowQuery) => (family === "IPv4" && protocol === "UDP" ? flows : []),
      deleteFlow: (one: TrackedFlow) => void deleted.push(one),
    };
    const { proxy, services, slices } = worldWith({ flows: port });
    await proxy.whenSynced();
    const ports = [{ name: "http", port: 80, protocol: "UDP" as const, nodePort: 30053 }];
    slices.set(sliceObject("dns", ["10.244.1.3"], "UDP"));
    services.set(serviceObject("dns", 5, { type: "NodePort", ports }));
    await proxy.whenIdle();
    expect(deleted).toEqual([flows[0], flows[2]]);
    services.delete("tour", "dns");
    await proxy.whenIdle();
    expect(deleted.slice(2)).toEqual([flows[0], flows[1], flows[2]]);
  });

  it("lists flows only for changes that may have left some, and once for those of an earlier agent", async () => {
    let listed = 0;
    const port = {
      flows: () => {
        listed++;
        return [];
      },
      deleteFlow: () => undefined,
    };
    const { proxy, services, slices, clock } = worldWith({ flows: port });
    const ports = [{ name: "http", port: 80, protocol: "UDP" as const }];
    services.set(serviceObject("dns", 5, { ports }));
    await proxy.whenSynced();
    expect(listed).toBe(0);
    clock.advance(1000);
    expect(listed).toBe(1);
    const steps: readonly (readonly [readonly string[], number])[] = [
      [["10.244.1.3"], 0],
      [["10.244.1.3", "10.244.1.4"], 0],
      [["10.244.1.4"], 1],
      [[], 1],
    ];
    for (const [addresses, more] of steps) {
      const before = listed;
      slices.set(sliceObject("dns", addresses, "UDP"));
      await proxy.whenIdle();
      expect([addresses, listed - before]).toEqual([addresses, more]);
    }
    services.set(serviceObject("dns", 5, { ports, externalIPs: ["192.168.100.60"] }));
    await proxy.whenIdle();
    expect(listed).toBe(4);
  });

  it("answers health checks of Services with external policy Local", async () => {
    const { proxy, services, slices, healthChecks, events } = worldWith();
    const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 32000 } as const;
    services.set(serviceObject("web", 1, spec));
    await proxy.whenSynced();
    expect(healthChecks.answers.get(32000)?.().status).toBe(503);
    slices.set(sliceObject("web", ["10.244.1.2", "10.244.1.3"]));
    await proxy.whenIdle();
    expect(healthChecks.answers.get(32000)?.()).toEqual({
      status: 200,
      headers: {
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "X-Load-Balancing-Endpoint-Weight": "2",
      },
      body: '{"service":{"namespace":"tour","name":"web"},"localEndpoints":2,"serviceProxyHealthy":true}',
    });
    healthChecks.failed(32000, new Error("address in use"));
    expect(events).toEqual(["web Warning FailedToStartServiceHealthcheck"]);
    services.delete("tour", "web");
    await proxy.whenIdle();
    expect(healthChecks.answers.size).toBe(0);
  });
});

describe("createProxy() with options", () => {
  it("waits between two writes when asked to", async () => {
    const { proxy, rules, services, clock } = worldWith({ minSyncMs: 1000 });
    await proxy.whenSynced();
    rules.take();
    services.set(serviceObject("a", 1));
    await turns();
    clock.advance(999);
    services.set(serviceObject("b", 2));
    await turns();
    expect(rules.take()).toEqual([]);
    clock.advance(1);
    await proxy.whenIdle();
    expect(rules.take()).toHaveLength(1);
  });

  it("writes everything once an hour", async () => {
    const { proxy, rules, clock } = worldWith();
    await proxy.whenSynced();
    rules.take();
    for (let minute = 0; minute < 59; minute++) clock.advance(60_000);
    await turns();
    expect(rules.take()).toEqual([]);
    clock.advance(60_000);
    await proxy.whenIdle();
    expect(rules.take().join("")).toContain("add table ip sealane");
  });

  it("becomes unhealthy when rules cannot be written for a minute", async () => {
    const { proxy, rules, services, clock } = worldWith();
    await proxy.whenSynced();
    rules.refuses = () => "EPERM";
    services.set(serviceObject("web", 1));
    for (let second = 0; second < 61; second++) {
      await turns();
      clock.advance(1000);
    }
    expect(proxy.health.answer("/healthz").status).toBe(503);
    rules.refuses = () => undefined;
    clock.advance(60_000);
    await proxy.whenIdle();
    expect(proxy.health.answer("/healthz").status).toBe(200);
  });

  it("counts under kube-proxy's names", async () => {
    const metrics = createMetrics();
    const { proxy, services, slices, clock } = worldWith({ metrics });
    services.set(serviceObject("web", 1, { internalTrafficPolicy: "Local" }));
    await proxy.whenSynced();
    clock.advance(5000);
    const slice = sliceObject("web", ["10.244.2.2"]);
    const [endpoint] = slice.endpoints;
    const annotations = { "endpoints.kubernetes.io/last-change-trigger-time": "1970-01-01T00:00:03.000Z" };
    slices.set({
      ...slice,
      metadata: { ...slice.metadata, annotations },
      endpoints: endpoint === undefined ? [] : [{ ...endpoint, nodeName: "node-2" }],
    });
    await proxy.whenIdle();
    const text = metrics.expose();
    for (const line of [
      'kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
      'kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1',
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 5',
      'kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 2',
      "kubeproxy_sync_proxy_rules_service_changes_total 1",
      "kubeproxy_sync_proxy_rules_endpoint_changes_total 1",
      "kubeproxy_sync_proxy_rules_endpoint_changes_pending 0",
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });
});

/** An engine of another mode, as far as the loop can tell. */
function otherEngine(port: FakeRules, shortcomings: ProxyEngine["shortcomings"] = () => []): ProxyEngine {
  return scriptedEngine({ mode: "iptables", book: new RuleSet(), port, shortcomings, log: silentLogger });
}

/** Switches to another engine, and lets something happen before its first rules are in the kernel. */
async function switchWhile(proxy: Proxy, change: () => void): Promise<FakeRules> {
  const next = new FakeRules();
  let open: () => void = () => undefined;
  next.gate = new Promise((resolve) => (open = resolve));
  const switched = proxy.setEngine(otherEngine(next));
  await turns();
  change();
  await turns();
  next.gate = undefined;
  open();
  await switched;
  return next;
}

describe("Proxy.setEngine()", () => {
  it("refuses another engine of the same mode, which would remove what it shares", async () => {
    const { proxy, rules } = worldWith();
    await proxy.whenSynced();
    rules.take();
    await expect(proxy.setEngine(nftablesEngine({ rules }))).rejects.toThrow("works in mode nftables already");
    expect(rules.take()).toEqual([]);
  });

  it("completes the new rules before it takes the old ones out", async () => {
    const { proxy, rules, services } = worldWith();
    services.set(serviceObject("web", 1));
    await proxy.whenSynced();
    rules.take();
    const next = new FakeRules();
    const order: string[] = [];
    rules.refuses = (script) => void order.push(script.includes("delete table") ? "old removed" : "old written");
    next.refuses = (script) => void order.push(script.includes("10.96.0.1 . tcp") ? "new complete" : "new swept");
    await proxy.setEngine(otherEngine(next));
    expect(order).toEqual(["new complete", "new swept", "old removed"]);
    services.set(serviceObject("api", 2));
    await proxy.whenIdle();
    expect(next.scripts.at(-1)).toContain("10.96.0.2");
    expect(rules.scripts.at(-1)).not.toContain("10.96.0.2");
  });

  it("stays with the old rules when the new engine does not work", async () => {
    const { proxy, rules, services } = worldWith();
    services.set(serviceObject("web", 1));
    await proxy.whenSynced();
    rules.take();
    const broken = new FakeRules();
    broken.refuses = () => "EPERM";
    await expect(proxy.setEngine(otherEngine(broken))).rejects.toThrow("refused with EPERM");
    services.set(serviceObject("api", 2));
    await proxy.whenIdle();
    expect(rules.take().join("")).toContain("10.96.0.2");
  });

  it("lets connections through the old engine come to their end where they end with it", async () => {
    const rules = new FakeRules();
    let isRetired = false;
    const retire = async (): Promise<void> => void (isRetired = true);
    const { proxy, services, clock } = worldWith({ engine: { ...nftablesEngine({ rules }), retire } });
    services.set(serviceObject("web", 1));
    await proxy.whenSynced();
    rules.take();
    const next = new FakeRules();
    const switched = proxy.setEngine(otherEngine(next));
    await turns();
    clock.advance(999);
    await turns();
    expect(next.scripts.join("")).toContain("10.96.0.1");
    expect(isRetired).toBe(true);
    expect(rules.take()).toEqual([]);
    clock.advance(1);
    await switched;
    expect(rules.take().join("")).toContain("delete table");
  });

  it("leaves an engine that has never worked", async () => {
    const rules = new FakeRules();
    rules.refuses = () => "EPERM";
    const { proxy, services } = worldWith({}, rules);
    services.set(serviceObject("web", 1));
    await turns();
    expect(proxy.stats()).toMatchObject({ fullSyncs: 0, failures: 1 });
    const next = new FakeRules();
    await proxy.setEngine(otherEngine(next));
    await proxy.whenSynced();
    expect(next.scripts.join("")).toContain("10.96.0.1");
    expect(proxy.stats()).toMatchObject({ mode: "iptables", services: 1 });
  });

  it("knows the limits of the new mode, and asks no more than once for them", async () => {
    const { proxy, services, events } = worldWith();
    services.set(serviceObject("web", 1));
    await proxy.whenSynced();
    const asked: string[] = [];
    await proxy.setEngine(
      otherEngine(new FakeRules(), ({ service }) => {
        asked.push(service);
        return ["it is slow"];
      }),
    );
    expect(asked).toEqual(["tour/web"]);
    expect(events).toEqual(["web Warning ServiceLimited"]);
    expect(proxy.stats().limitations).toEqual([{ service: "tour/web", reason: "it is slow" }]);
  });

  it("gives the new engine the network of a node that changed while it switched", async () => {
    const { proxy, nodes } = worldWith();
    await proxy.whenSynced();
    const next = await switchWhile(proxy, () => {
      nodes.set({
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: "node-1" },
        spec: { podCIDRs: ["10.244.7.0/24"] },
      });
    });
    expect(next.scripts.at(-1)).toContain("10.244.7.0/24");
  });

  it("looks again at what changed while it switched", async () => {
    const { proxy, services } = worldWith();
    await proxy.whenSynced();
    const next = await switchWhile(proxy, () => services.set(serviceObject("late", 7)));
    expect(next.scripts.join("")).toContain("10.96.0.7");
  });
});

describe("Proxy.stop()", () => {
  it("leaves the rules, and writes nothing more", async () => {
    const { proxy, rules, services } = worldWith();
    await proxy.whenSynced();
    rules.take();
    await proxy.stop();
    services.set(serviceObject("web", 1));
    await turns();
    expect(rules.take()).toEqual([]);
  });

  it("removes the tables when asked to", async () => {
    const { proxy, rules } = worldWith();
    await proxy.whenSynced();
    rules.take();
    await proxy.stop({ cleanup: true });
    expect(rules.take().join("")).toContain("delete table ip sealane");
  });
});
