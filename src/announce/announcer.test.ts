import { beforeEach, describe, expect, test } from "vitest";
import { ManualClock, silentLogger } from "../core/index.ts";
import { endpointSliceIndexers } from "../objects/index.ts";
import type { Endpoint, EndpointSlice, LoadBalancerIngress, Node, Service, ServiceSpec } from "../objects/index.ts";
import { FakeCache } from "../../test/support/fake-cache.ts";
import { addressesOf, createAnnouncer } from "./announcer.ts";
import type { Announcer } from "./announcer.ts";

const service = (name: string, ingress: LoadBalancerIngress[], spec: ServiceSpec = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { type: "LoadBalancer", ...spec },
  status: { loadBalancer: { ingress } },
});
const slice = (name: string, ...endpoints: Partial<Endpoint>[]): EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: `${name}-abc`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
  addressType: "IPv4",
  endpoints: endpoints.map((endpoint) => ({ addresses: ["10.244.1.2"], ...endpoint })),
});
const node = (name: string, ready: boolean): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name },
  spec: {},
  status: { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] },
});

const clock = new ManualClock();
let calls: string[];
let services: FakeCache<Service>;
let slices: FakeCache<EndpointSlice>;
let nodes: FakeCache<Node>;

async function start(nodeName: string): Promise<Announcer> {
  const announcer = createAnnouncer({
    nodeName,
    caches: { services, endpointSlices: slices, nodes },
    port: {
      claim: (address) => calls.push(`claim ${address}`),
      release: (address) => calls.push(`release ${address}`),
    },
    recorder: {
      record: (object, type, reason, message) => calls.push(`${type} ${reason} ${object.metadata.name}: ${message}`),
    },
    clock,
    log: silentLogger,
  });
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  return announcer;
}
const seen = () => {
  clock.advance(0);
  return calls.splice(0);
};
const nodeAssigned = (name: string, by: string) =>
  `Normal nodeAssigned ${name}: announcing from node "${by}" with protocol "layer2"`;

beforeEach(() => {
  calls = [];
  services = new FakeCache([service("web", [{ ip: "192.168.100.200" }])]);
  slices = new FakeCache([slice("web", { nodeName: "node-1" })], endpointSliceIndexers);
  nodes = new FakeCache([node("node-1", true)]);
});

describe("createAnnouncer()", () => {
  test("claims the address and tells so once", async () => {
    const announcer = await start("node-1");
    expect(seen()).toEqual(["claim 192.168.100.200", nodeAssigned("web", "node-1")]);
    services.set(service("web", [{ ip: "192.168.100.200" }], { sessionAffinity: "ClientIP" }));
    slices.set(slice("web", { nodeName: "node-1" }, { nodeName: "node-2" }));
    expect(seen()).toEqual([]);
    expect(announcer.announced()).toEqual(["192.168.100.200"]);
    announcer.stop();
    expect(seen()).toEqual(["release 192.168.100.200"]);
    services.set(service("web", [{ ip: "192.168.100.201" }]));
    expect(seen()).toEqual([]);
  });

  test("waits for all caches before it decides", async () => {
    let synced: () => void = () => undefined;
    nodes.whenSynced = () => new Promise<void>((resolve) => (synced = resolve));
    await start("node-1");
    expect(seen()).toEqual([]);
    synced();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(seen()).toEqual(["claim 192.168.100.200", nodeAssigned("web", "node-1")]);
  });

  test("takes over at once when the announcing node is no longer ready, and gives back", async () => {
    nodes.set(node("node-2", true));
    const leader = await start("node-1");
    const first = leader.announced().length === 1 ? "node-1" : "node-2";
    const other = first === "node-1" ? "node-2" : "node-1";
    leader.stop();
    calls = [];
    const follower = await start(other);
    expect(follower.announced()).toEqual([]);
    nodes.set(node(first, false));
    expect(seen()).toEqual(["claim 192.168.100.200", nodeAssigned("web", other)]);
    nodes.set(node(first, true));
    expect(seen()).toEqual(["release 192.168.100.200"]);
    nodes.delete(undefined, first);
    expect(seen()).toEqual(["claim 192.168.100.200", nodeAssigned("web", other)]);
    follower.stop();
  });

  test.each<[string, () => void, string[]]>([
    [
      "its endpoints stop serving",
      () => slices.set(slice("web", { conditions: { ready: false } })),
      ["release 192.168.100.200"],
    ],
    ["its slice goes", () => slices.delete("default", "web-abc"), ["release 192.168.100.200"]],
    [
      "its slice changes hands",
      () => slices.set({ ...slice("other", {}), metadata: { ...slice("web").metadata, labels: {} } }),
      ["release 192.168.100.200"],
    ],
    ["the Service goes", () => services.delete("default", "web"), ["release 192.168.100.200"]],
    [
      "the Service is no LoadBalancer any more",
      () => services.set(service("web", [], { type: "ClusterIP" })),
      ["release 192.168.100.200"],
    ],
    [
      "it moves to Local and the endpoint is elsewhere",
      () => {
        slices.set(slice("web", { nodeName: "node-2" }));
        services.set(service("web", [{ ip: "192.168.100.200" }], { externalTrafficPolicy: "Local" }));
      },
      ["release 192.168.100.200"],
    ],
    [
      "it gets another address",
      () => services.set(service("web", [{ ip: "192.168.100.201" }])),
      ["claim 192.168.100.201", "release 192.168.100.200", nodeAssigned("web", "node-1")],
    ],
    [
      "its node is excluded",
      () =>
        nodes.set({
          ...node("node-1", true),
          metadata: { name: "node-1", labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } },
        }),
      ["release 192.168.100.200"],
    ],
  ])("follows when %s", async (_, change, expected) => {
    const announcer = await start("node-1");
    seen();
    change();
    expect(
      seen()
        .filter((call) => !call.startsWith("Normal") || expected.includes(call))
        .sort(),
    ).toEqual([...expected].sort());
    announcer.stop();
  });

  test("keeps a shared address until the last of its Services leaves", async () => {
    services.set(service("mail", [{ ip: "192.168.100.200" }]));
    slices.set(slice("mail", {}));
    const announcer = await start("node-1");
    expect(seen().filter((call) => call.startsWith("claim"))).toEqual(["claim 192.168.100.200"]);
    services.delete("default", "web");
    expect(seen()).toEqual([]);
    services.delete("default", "mail");
    expect(seen()).toEqual(["release 192.168.100.200"]);
    announcer.stop();
  });

  test("looks at no other Service when one changes", async () => {
    for (let i = 0; i < 50; i++) {
      services.set(service(`s${i}`, [{ ip: `192.168.101.${i}` }]));
      slices.set(slice(`s${i}`, {}));
    }
    const announcer = await start("node-1");
    const asked: string[] = [];
    const indexed = slices.indexed.bind(slices);
    slices.indexed = (index, value) => {
      asked.push(value);
      return indexed(index, value);
    };
    slices.set(slice("s7", { nodeName: "node-9" }));
    slices.set(slice("nobody", {}));
    seen();
    expect(asked).toEqual(["default/s7"]);
    announcer.stop();
  });
});

describe("addressesOf()", () => {
  test.each<[string, Service, string[]]>([
    [
      "virtual addresses of both families",
      service("a", [{ ip: "192.168.100.200" }, { ip: "FD00::1", ipMode: "VIP" }]),
      ["192.168.100.200", "fd00::1"],
    ],
    [
      "no host names, no proxies, no nonsense",
      service("a", [{ hostname: "lb.example.com" }, { ip: "192.168.100.1", ipMode: "Proxy" }, { ip: "x" }]),
      [],
    ],
    ["none of another type", service("a", [{ ip: "192.168.100.200" }], { type: "NodePort" }), []],
    ["none of another class", service("a", [{ ip: "192.168.100.200" }], { loadBalancerClass: "example.com/lb" }), []],
    [
      "those of the own class",
      service("a", [{ ip: "192.168.100.200" }], { loadBalancerClass: "sealane.dev/layer2" }),
      ["192.168.100.200"],
    ],
  ])("gives %s", (_, object, expected) => expect(addressesOf(object, "sealane.dev/layer2")).toEqual(expected));
});
