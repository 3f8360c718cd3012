import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createApiServer } from "../apiserver/index.ts";
import { isNotFound, matchesLabels, resources } from "../objects/index.ts";
import type { ClusterApi, Deployment, Pod, Service } from "../objects/index.ts";
import { FakeApi } from "../../test/cluster/fake-api.ts";
import { addNodes, eventually, quiet, readyNode, runCluster, runningPod } from "../../test/cluster/running-cluster.ts";
import type { RunningCluster } from "../../test/cluster/running-cluster.ts";

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const service = (name: string, selector: Record<string, string>, extra: Partial<Service["spec"]> = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { selector, ports: [{ port: 80, targetPort: 8080 }], ...extra },
});

const pod = (name: string, labels: Record<string, string>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", labels },
  spec: { nodeName: "node-1", containers: [{ name: "c", image: "i" }] },
});

const deployment = (name: string, replicas: number): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
});

type Step =
  | { readonly kind: "ready"; readonly id: number; readonly ready: boolean }
  | { readonly kind: "label"; readonly id: number; readonly app: string }
  | { readonly kind: "delete"; readonly id: number }
  | { readonly kind: "select"; readonly service: string; readonly app: string };

const app = fc.constantFrom("a", "b");
const id = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("ready" as const), id, ready: fc.boolean() }),
  fc.record({ kind: fc.constant("label" as const), id, app }),
  fc.record({ kind: fc.constant("delete" as const), id }),
  fc.record({ kind: fc.constant("select" as const), service: fc.constantFrom("s", "t"), app }),
);

/** Does one thing to the cluster as users and agents do. */
async function perform(api: ClusterApi, one: Step): Promise<void> {
  if (one.kind === "select") {
    const body = { spec: { selector: { app: one.app } } };
    await api.patch(resources.services, "default", one.service, { type: "merge", body });
    return;
  }
  const name = `p${one.id}`;
  if (one.kind === "delete") {
    await api.delete(resources.pods, "default", name, { gracePeriodSeconds: 0 }).catch(unlessMissing);
    return;
  }
  const present = await api.get(resources.pods, "default", name).catch(unlessMissing);
  const found = present ?? (await api.create(resources.pods, pod(name, { app: "a" })));
  if (one.kind === "ready") {
    await api.updateStatus(resources.pods, runningPod(found, `10.244.0.${one.id + 1}`, one.ready, 0));
  } else {
    const body = { metadata: { labels: { app: one.app } } };
    await api.patch(resources.pods, "default", name, { type: "merge", body });
  }
}

function unlessMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** Address and readiness of every endpoint, computed from the pods alone. */
async function expected(api: ClusterApi, name: string): Promise<readonly string[]> {
  const { spec } = await api.get(resources.services, "default", name);
  const { items } = await api.list(resources.pods, { namespace: "default" });
  return items
    .filter(
      ({ metadata, status }) => status?.podIP !== undefined && matchesLabels(spec.selector ?? {}, metadata.labels),
    )
    .map(({ status }) => {
      const ready = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
      return `${status?.podIP} ${ready}`;
    })
    .sort();
}

async function sliced(api: ClusterApi, name: string): Promise<readonly string[]> {
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const { items } = await api.list(resources.endpointSlices, { namespace: "default", labelSelector });
  return items
    .flatMap(({ endpoints }) => endpoints.map((one) => `${one.addresses[0]} ${one.conditions?.ready}`))
    .sort();
}

async function inEndpoints(api: ClusterApi, name: string): Promise<readonly string[]> {
  const { subsets = [] } = await api.get(resources.endpoints, "default", name);
  return subsets
    .flatMap(({ addresses = [], notReadyAddresses = [] }) => [
      ...addresses.map(({ ip }) => `${ip} true`),
      ...notReadyAddresses.map(({ ip }) => `${ip} false`),
    ])
    .sort();
}

describe("endpoint controllers", () => {
  it("end with the endpoints that the pods say, after any sequence of changes", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const server = await createApiServer();
        const { api } = server;
        await addNodes(api, ["a"]);
        const cluster = await runCluster(api, { agents: false });
        try {
          for (const name of ["s", "t"]) await api.create(resources.services, service(name, { app: "a" }));
          for (const one of steps) await perform(api, one);
          for (const name of ["s", "t"]) {
            const wanted = await expected(api, name);
            await eventually(async () => expect(await sliced(api, name)).toEqual(wanted), 2_000);
            await eventually(async () => expect(await inEndpoints(api, name)).toEqual(wanted), 2_000);
          }
        } finally {
          cluster.stop();
          await server.close();
        }
      }),
      { numRuns: 25 },
    );
  });

  it("carry a pod that becomes ready into its slice, among 2,000 Services", { timeout: 60_000 }, async () => {
    const server = await createApiServer();
    const { api } = server;
    await addNodes(api, ["a"]);
    for (let i = 0; i < 2_000; i++) {
      await api.create(resources.services, service(`s${i}`, { "part-of": "shop", app: `app-${i}` }));
    }
    const cluster = await runCluster(api, { agents: false });
    cleanUps.push(
      () => cluster.stop(),
      () => server.close(),
    );
    await eventually(() => expect(cluster.caches.endpointSlices.list()).toHaveLength(2_000), 30_000);
    await eventually(() => expect(cluster.caches.endpoints.list()).toHaveLength(2_000), 30_000);
    for (let i = 0; i < 20; i++) {
      const created = await api.create(resources.pods, pod(`p${i}`, { "part-of": "shop", app: `app-${i}` }));
      const seen = new Promise<void>((resolve) => {
        const stop = cluster.caches.endpointSlices.subscribe((now) => {
          if (now?.endpoints[0]?.conditions?.ready !== true || now.endpoints[0].targetRef?.name !== `p${i}`) return;
          resolve();
          queueMicrotask(() => stop());
        });
      });
      await api.updateStatus(resources.pods, runningPod(created, `10.244.0.${i + 1}`, true, Date.now()));
      await seen;
    }
  });

  it("mirror Endpoints written by hand, and stop when the Service gets a selector", async () => {
    const server = await createApiServer();
    const { api } = server;
    const cluster = await runCluster(api, { agents: false });
    cleanUps.push(
      () => cluster.stop(),
      () => server.close(),
    );
    const { selector: _none, ...spec } = service("legacy", {}).spec;
    const created = await api.create(resources.services, { ...service("legacy", {}), spec });
    await api.create(resources.endpoints, {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "legacy", namespace: "default", annotations: { note: "kept" } },
      subsets: [
        {
          addresses: [{ ip: "192.168.100.50" }],
          notReadyAddresses: [{ ip: "192.168.100.51" }],
          ports: [{ port: 9000 }],
        },
      ],
    });
    await eventually(() =>
      expect(cluster.caches.endpointSlices.indexed("service", "default/legacy")).toMatchObject([
        {
          metadata: {
            annotations: { note: "kept" },
            labels: { "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io" },
          },
          ports: [{ port: 9000, protocol: "TCP" }],
        },
      ]),
    );
    await eventually(async () =>
      expect(await sliced(api, "legacy")).toEqual(["192.168.100.50 true", "192.168.100.51 false"]),
    );
    await api.update(resources.services, { ...created, spec: { ...created.spec, selector: { app: "x" } } });
    await eventually(async () => expect(await sliced(api, "legacy")).toEqual([]));
  });
});

describe("replica controllers", () => {
  it("never make a pod too many or too few while their caches are behind", { timeout: 30_000 }, async () => {
    // Events come late and in lumps, as over a slow connection.
    let late: (() => void)[] = [];
    const timer = setInterval(() => {
      const now = late;
      late = [];
      for (const run of now) run();
    }, 15);
    const api = new FakeApi({ deliver: (run) => late.push(run) });
    await api.create(resources.nodes, readyNode("node-1"));
    const cluster: RunningCluster = await runCluster(api);
    cleanUps.push(
      () => clearInterval(timer),
      () => cluster.stop(),
    );
    let most = 0;
    api.beforeWrite = (verb, plural) => {
      if (verb === "create" && plural === "pods") {
        const live = api.all(resources.pods).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
        most = Math.max(most, live.length + 1);
      }
    };
    const deployed = await api.create(resources.deployments, deployment("web", 40));
    const live = () => api.all(resources.pods).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    await eventually(() => expect(live()).toHaveLength(40));
    await quiet(async () => String(api.writes.length), 100);
    expect(most).toBe(40);
    for (const replicas of [3, 25, 25, 10]) {
      const body = { spec: { replicas } };
      await api.patch(resources.deployments, "default", deployed.metadata.name, { type: "merge", body });
      await eventually(() => expect(live()).toHaveLength(replicas));
      await quiet(async () => String(api.writes.length), 100);
      expect(live()).toHaveLength(replicas);
    }
  });

  it("put back what disappears, and only that", async () => {
    const server = await createApiServer();
    const { api } = server;
    await addNodes(api, ["a", "b"]);
    const cluster = await runCluster(api);
    cleanUps.push(
      () => cluster.stop(),
      () => server.close(),
    );
    await api.create(resources.deployments, deployment("web", 5));
    const names = () => cluster.caches.pods.list("default").map(({ metadata }) => metadata.name);
    await eventually(() => expect(names()).toHaveLength(5));
    const [first = "", ...others] = names();
    await api.delete(resources.pods, "default", first);
    await eventually(() => {
      expect(names()).toHaveLength(5);
      expect(names()).not.toContain(first);
    });
    expect(names()).toEqual(expect.arrayContaining(others));
  });
});
