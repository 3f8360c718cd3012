import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { zoneLabel } from "../../objects/index.ts";
import type { Endpoint, EndpointSlice, Node, Pod, Service } from "../../objects/index.ts";
import { endpointsOfPods } from "./endpoints-of-pods.ts";
import { hintPolicy, withHints } from "./hints.ts";
import { managedBy, planSlices, sliceLabels } from "./plan.ts";

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", uid: "service-uid", labels: { team: "red" } },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }], ipFamilies: ["IPv4"] },
};

interface PodOptions {
  readonly ready?: boolean;
  readonly node?: string;
  readonly port?: number;
  readonly ip?: string;
  readonly terminating?: boolean;
  readonly phase?: "Running" | "Succeeded" | "Failed" | "Pending";
}

function pod(name: string, options: PodOptions = {}): Pod {
  const { ready = true, node = "node-1", port = 8080, terminating = false, phase = "Running" } = options;
  const ip = options.ip ?? `10.0.0.${Number(name.replace(/\D/g, "")) + 1}`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      ...(terminating ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: { nodeName: node, containers: [{ name: "c", ports: [{ name: "http", containerPort: port }] }] },
    status: {
      phase,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      ...(ip === "" ? {} : { podIP: ip, podIPs: [{ ip }] }),
    },
  };
}

function node(name: string, zone: string, cpu = "2"): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { [zoneLabel]: zone } },
    spec: {},
    status: { conditions: [{ type: "Ready", status: "True" }], allocatable: { cpu } },
  };
}

const nodes = [node("node-1", "a"), node("node-2", "b")];
const nodeNamed = (name: string): Node | undefined => nodes.find(({ metadata }) => metadata.name === name);

/** Plays the API server: what the slices are after a plan was carried out. */
function sync(pods: readonly Pod[], existing: readonly EndpointSlice[], of = service, maxPerSlice = 100) {
  const { groups, weights } = endpointsOfPods(of, "IPv4", pods, nodeNamed);
  const labels = sliceLabels(of, of.metadata.name, managedBy, of.spec.clusterIP === "None");
  const placeholder = true;
  const plan = planSlices({
    owner: of,
    labels,
    family: "IPv4",
    groups,
    weights,
    existing,
    maxPerSlice,
    placeholder,
    triggerTime: undefined,
  });
  const replaced = new Map(plan.update.map((slice) => [slice.metadata.name, slice]));
  const removed = new Set(plan.remove.map(({ metadata }) => metadata.name));
  const kept = existing
    .filter(({ metadata }) => !removed.has(metadata.name))
    .map((slice) => replaced.get(slice.metadata.name) ?? slice);
  const created = plan.create.map((slice, index) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `slice-${existing.length}-${index}-${serial++}` },
  }));
  return { slices: [...kept, ...created], plan, writes: plan.create.length + plan.update.length + plan.remove.length };
}
let serial = 0;

describe("endpointsOfPods()", () => {
  const cases: readonly (readonly [string, PodOptions, Endpoint["conditions"] | undefined])[] = [
    ["a ready pod", {}, { ready: true, serving: true, terminating: false }],
    ["a pod that is not ready", { ready: false }, { ready: false, serving: false, terminating: false }],
    ["a terminating pod that serves", { terminating: true }, { ready: false, serving: true, terminating: true }],
    [
      "a terminating pod that does not",
      { terminating: true, ready: false },
      { ready: false, serving: false, terminating: true },
    ],
    ["a pod that has ended", { phase: "Succeeded" }, undefined],
    ["a pod that has failed", { phase: "Failed" }, undefined],
    ["a pod without an address", { ip: "" }, undefined],
    ["a pod with an address of the other family", { ip: "fd00::1" }, undefined],
    ["a pod on an unknown node", { node: "node-9" }, undefined],
  ];
  it.each(cases)("judges %s", (_what, options, conditions) => {
    const { groups } = endpointsOfPods(service, "IPv4", [pod("p0", options)], nodeNamed);
    const endpoints = [...groups.values()].flatMap((group) => group.endpoints);
    expect(endpoints.map((endpoint) => endpoint.conditions)).toEqual(conditions === undefined ? [] : [conditions]);
  });

  it("publishes pods that are not ready where the Service asks for it, even without a node", () => {
    const early = { ...service, spec: { ...service.spec, publishNotReadyAddresses: true } };
    const { groups } = endpointsOfPods(early, "IPv4", [pod("p0", { ready: false, node: "node-9" })], nodeNamed);
    expect([...groups.values()][0]?.endpoints[0]?.conditions).toEqual({
      ready: true,
      serving: false,
      terminating: false,
    });
  });

  it("groups pods by what a named port means on them, and keeps those without it in a group without ports", () => {
    const bare = { ...pod("p3"), spec: { nodeName: "node-1", containers: [{ name: "c" }] } };
    const pods = [pod("p0"), pod("p1", { port: 9090 }), pod("p2"), bare];
    const { groups } = endpointsOfPods(service, "IPv4", pods, nodeNamed);
    const shape = [...groups.values()].map(({ ports, endpoints }) => [ports.map(({ port }) => port), endpoints.length]);
    expect(shape).toEqual([
      [[8080], 2],
      [[9090], 1],
      [[], 1],
    ]);
  });
});

describe("planSlices()", () => {
  it("keeps one empty slice for a Service without pods, and turns it into a real one", () => {
    const empty = sync([], []);
    expect(empty.slices).toMatchObject([
      {
        addressType: "IPv4",
        endpoints: [],
        ports: [],
        metadata: {
          generateName: "web-",
          labels: {
            team: "red",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
          },
        },
      },
    ]);
    expect(sync([], empty.slices).writes).toBe(0);
    const filled = sync([pod("p0")], empty.slices);
    expect(filled.plan).toMatchObject({
      create: [],
      remove: [],
      update: [{ endpoints: [{ addresses: ["10.0.0.1"] }] }],
    });
    expect(sync([], filled.slices).slices).toMatchObject([{ endpoints: [], ports: [] }]);
  });

  it("writes one slice when one pod changes", () => {
    const pods = Array.from({ length: 250 }, (_, i) => pod(`p${i}`, { ip: `10.0.${i >> 7}.${(i & 127) + 1}` }));
    const { slices } = sync(pods, []);
    expect(slices.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50]);
    const changed = pods.with(120, pod("p120", { ip: "10.0.0.121", ready: false }));
    expect(sync(changed, slices).plan).toMatchObject({ create: [], remove: [], update: [{}] });
    expect(sync(pods.slice(1), slices).writes).toBe(1);
    expect(sync([...pods, pod("p300", { ip: "10.0.9.9" })], slices).writes).toBe(1);
  });

  it("marks slices of headless Services, and follows the Service's labels", () => {
    const { slices } = sync([pod("p0")], []);
    const headless = {
      ...service,
      spec: { ...service.spec, clusterIP: "None" },
      metadata: { ...service.metadata, labels: {} },
    };
    const { plan } = sync([pod("p0")], slices, headless);
    expect(plan.update[0]?.metadata.labels).toEqual({
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": managedBy,
      "service.kubernetes.io/headless": "",
    });
  });

  it("replaces slices of an earlier Service of the same name", () => {
    const { slices } = sync([pod("p0")], []);
    const next = { ...service, metadata: { ...service.metadata, uid: "another" } };
    const { plan } = sync([pod("p0")], slices, next);
    expect(plan).toMatchObject({ create: [{ endpoints: [{}] }], update: [], remove: [{}] });
  });

  it("says after any sequence of changes what it would say from scratch, in no slice more than allowed", () => {
    const step = fc.array(
      fc.record({ id: fc.nat(30), ready: fc.boolean(), port: fc.constantFrom(8080, 9090), terminating: fc.boolean() }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 7 }), (steps, maxPerSlice) => {
        let slices: readonly EndpointSlice[] = [];
        for (const changes of steps) {
          const pods = [...new Map(changes.map((one) => [one.id, one])).values()].map((one) => pod(`p${one.id}`, one));
          slices = sync(pods, slices, service, maxPerSlice).slices;
          const scratch = sync(pods, [], service, maxPerSlice).slices;
          expect(content(slices)).toEqual(content(scratch));
          expect(slices.every(({ endpoints }) => endpoints.length <= maxPerSlice)).toBe(true);
          expect(sync(pods, slices, service, maxPerSlice).writes).toBe(0);
        }
      }),
    );
  });
});

/** Every endpoint with its ports, whichever slice it is in. */
function content(slices: readonly EndpointSlice[]): readonly string[] {
  return slices.flatMap(({ endpoints, ports }) => endpoints.map((one) => JSON.stringify([one, ports]))).sort();
}

describe("withHints()", () => {
  const groupsOf = (zones: readonly string[]) =>
    endpointsOfPods(
      service,
      "IPv4",
      zones.map((zone, i) => pod(`p${i}`, { node: zone === "a" ? "node-1" : "node-2" })),
      nodeNamed,
    ).groups;
  const hintsOf = (groups: ReturnType<typeof groupsOf>) =>
    [...groups.values()].flatMap(({ endpoints }) => endpoints.map(({ hints }) => hints));

  const policies: readonly (readonly [Partial<Service["spec"]>, Record<string, string>, string])[] = [
    [{}, {}, "none"],
    [{ trafficDistribution: "PreferClose" }, {}, "same-zone"],
    [{ trafficDistribution: "PreferSameZone" }, {}, "same-zone"],
    [{ trafficDistribution: "PreferSameNode" }, {}, "same-node"],
    [{ trafficDistribution: "PreferSameNode" }, { "service.kubernetes.io/topology-mode": "Auto" }, "auto"],
    [
      {},
      { "service.kubernetes.io/topology-aware-hints": "disabled", "service.kubernetes.io/topology-mode": "Auto" },
      "none",
    ],
  ];
  it.each(policies)("reads the policy of %j with annotations %j as %s", (spec, annotations, policy) => {
    expect(
      hintPolicy({ ...service, spec: { ...service.spec, ...spec }, metadata: { ...service.metadata, annotations } }),
    ).toBe(policy);
  });

  it("hints at the own zone, and the own node where that is asked for, of ready endpoints", () => {
    expect(hintsOf(withHints(groupsOf(["a", "b"]), "same-zone", () => nodes).groups)).toEqual([
      { forZones: [{ name: "a" }] },
      { forZones: [{ name: "b" }] },
    ]);
    expect(hintsOf(withHints(groupsOf(["b"]), "same-node", () => nodes).groups)).toEqual([
      { forZones: [{ name: "b" }], forNodes: [{ name: "node-2" }] },
    ]);
    const { groups } = endpointsOfPods(service, "IPv4", [pod("p0", { ready: false })], nodeNamed);
    expect(hintsOf(withHints(groups, "same-zone", () => nodes).groups)).toEqual([undefined]);
  });

  it("deals endpoints out by the CPUs of the zones in mode Auto", () => {
    const { groups, disabled } = withHints(groupsOf(["a", "a", "a", "a", "b", "a"]), "auto", () => nodes);
    expect(disabled).toBeUndefined();
    const zones = hintsOf(groups).map((hints) => hints?.forZones?.[0]?.name);
    expect(zones.filter((zone) => zone === "b")).toHaveLength(3);
  });

  const impossible: readonly (readonly [string, readonly string[], readonly Node[], string])[] = [
    ["one zone", ["a", "b"], [node("node-1", "a")], "Nodes only ready in one zone"],
    ["no CPU", ["a", "b"], [node("node-1", "a", ""), node("node-2", "b")], "Insufficient Node information"],
    ["too few endpoints", ["a"], nodes, "Insufficient number of endpoints (1)"],
    [
      "too uneven a load",
      ["a", "a", "b", "b"],
      [node("n1", "a"), node("n2", "b"), node("n3", "c")],
      "Unable to allocate",
    ],
  ];
  it.each(impossible)("says why there are no hints: %s", (_what, zones, present, reason) => {
    const { groups, disabled } = withHints(groupsOf(zones), "auto", () => present);
    expect(disabled).toContain(reason);
    expect(hintsOf(groups).every((hints) => hints === undefined)).toBe(true);
  });
});
