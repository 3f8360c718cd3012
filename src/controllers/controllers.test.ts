import { afterEach, describe, expect, it } from "vitest";
import { createApiServer } from "../apiserver/index.ts";
import type { ApiServer } from "../apiserver/index.ts";
import { isPodReady, resources } from "../objects/index.ts";
import type {
  ClusterApi,
  DaemonSet,
  Deployment,
  Ingress,
  Pod,
  PodTemplate,
  Service,
  StatefulSet,
} from "../objects/index.ts";
import { addNodes, eventually, quiet, runCluster } from "../../test/cluster/running-cluster.ts";
import type { RunningCluster, RunningClusterOptions } from "../../test/cluster/running-cluster.ts";

let server: ApiServer | undefined;
let cluster: RunningCluster | undefined;

afterEach(async () => {
  cluster?.stop();
  await server?.close();
  [cluster, server] = [undefined, undefined];
});

async function start(options: RunningClusterOptions = {}): Promise<ClusterApi> {
  server = await createApiServer();
  const { api } = server;
  await addNodes(api, ["a", "a", "b"]);
  cluster = await runCluster(api, options);
  await eventually(() => expect(cluster?.caches.serviceAccounts.get("default", "default")).toBeDefined());
  return api;
}

function template(app: string, image = "web:1"): PodTemplate {
  const containers = [{ name: "web", image, ports: [{ name: "http", containerPort: 8080 }] }];
  return { metadata: { labels: { app } }, spec: { containers } };
}

function deployment(name: string, replicas: number, extra: Partial<Deployment["spec"]> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name), ...extra },
  };
}

function service(name: string, extra: Partial<Service["spec"]> = {}): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: "http" }], ...extra },
  };
}

const podsOf = (app: string): readonly Pod[] =>
  (cluster?.caches.pods.list("default") ?? []).filter(({ metadata }) => metadata.labels?.["app"] === app);

const endpointsOf = (name: string) =>
  (cluster?.caches.endpointSlices.indexed("service", `default/${name}`) ?? []).flatMap((slice) => slice.endpoints);

describe("startControllers()", () => {
  it("brings a Deployment up, spread over the nodes, with endpoints", async () => {
    const api = await start();
    await api.create(resources.services, service("web"));
    await api.create(resources.deployments, deployment("web", 3));
    await eventually(async () => {
      const { status } = await api.get(resources.deployments, "default", "web");
      expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 });
      expect(endpointsOf("web").filter(({ conditions }) => conditions?.ready)).toHaveLength(3);
    });
    expect(new Set(podsOf("web").map(({ spec }) => spec.nodeName)).size).toBe(3);
    const [slice] = cluster?.caches.endpointSlices.indexed("service", "default/web") ?? [];
    expect(slice?.ports).toMatchObject([{ port: 8080, protocol: "TCP" }]);
    expect(new Set(endpointsOf("web").map(({ zone }) => zone))).toEqual(new Set(["a", "b"]));
    await eventually(() =>
      expect(cluster?.caches.endpoints.get("default", "web")?.subsets?.[0]?.addresses).toHaveLength(3),
    );
    const { status } = await api.get(resources.deployments, "default", "web");
    expect(status?.conditions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: "Available", status: "True" }),
        expect.objectContaining({ type: "Progressing", reason: "NewReplicaSetAvailable" }),
      ]),
    );
    expect(cluster?.warnings).toEqual([]);
  });

  it("rolls a Deployment without falling below what must be available", async () => {
    const api = await start();
    await api.create(resources.deployments, deployment("web", 4));
    await eventually(() => expect(podsOf("web").filter(isPodReady)).toHaveLength(4));
    let least = Infinity;
    let most = 0;
    const stop = cluster?.caches.pods.subscribe(() => {
      const live = podsOf("web").filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      least = Math.min(least, live.filter(isPodReady).length);
      most = Math.max(most, live.length);
    });
    const body = { spec: { template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now" } } } } };
    await api.patch(resources.deployments, "default", "web", { type: "merge", body });
    await eventually(async () => {
      const { status, metadata } = await api.get(resources.deployments, "default", "web");
      expect(status).toMatchObject({ replicas: 4, updatedReplicas: 4, availableReplicas: 4 });
      expect(status?.observedGeneration).toBe(metadata.generation);
      expect(metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "2" });
    });
    stop?.();
    expect(least).toBeGreaterThanOrEqual(3);
    expect(most).toBeLessThanOrEqual(5);
    expect(
      cluster?.caches.replicaSets
        .list("default")
        .map(({ spec }) => spec.replicas)
        .sort(),
    ).toEqual([0, 4]);
  });

  it("keeps the old pods when the new ones never become ready, and returns by rollback", async () => {
    const api = await start();
    await api.create(resources.deployments, deployment("web", 4));
    await eventually(() => expect(podsOf("web").filter(isPodReady)).toHaveLength(4));
    const firstHash = podsOf("web")[0]?.metadata.labels?.["pod-template-hash"];
    cluster?.sick.add("web-");
    const change = (image: string) =>
      api.patch(resources.deployments, "default", "web", {
        type: "strategic",
        body: { spec: { template: { spec: { containers: [{ name: "web", image }] } } } },
      });
    await change("web:broken");
    await eventually(() => expect(podsOf("web")).toHaveLength(5));
    await eventually(() => expect(podsOf("web").filter(isPodReady)).toHaveLength(3));
    cluster?.sick.clear();
    await change("web:1");
    await eventually(() => {
      expect(podsOf("web").filter(isPodReady)).toHaveLength(4);
      expect(new Set(podsOf("web").map(({ metadata }) => metadata.labels?.["pod-template-hash"]))).toEqual(
        new Set([firstHash]),
      );
    });
    const { metadata } = await api.get(resources.deployments, "default", "web");
    expect(metadata.annotations).toMatchObject({ "deployment.kubernetes.io/revision": "3" });
  });

  it("replaces all pods at once with Recreate: never two templates at a time", async () => {
    const api = await start();
    await api.create(resources.deployments, deployment("web", 3, { strategy: { type: "Recreate" } }));
    await eventually(() => expect(podsOf("web").filter(isPodReady)).toHaveLength(3));
    let mixed = 0;
    const stop = cluster?.caches.pods.subscribe(() => {
      const hashes = new Set(podsOf("web").map(({ metadata }) => metadata.labels?.["pod-template-hash"]));
      if (hashes.size > 1) mixed++;
    });
    const body = { spec: { template: { spec: { containers: [{ name: "web", image: "web:2" }] } } } };
    await api.patch(resources.deployments, "default", "web", { type: "strategic", body });
    await eventually(() => {
      expect(podsOf("web").filter(isPodReady)).toHaveLength(3);
      expect(podsOf("web").every(({ spec }) => spec.containers[0]?.image === "web:2")).toBe(true);
    });
    stop?.();
    expect(mixed).toBe(0);
  });

  it("deletes what a Deployment owned, in the background, the foreground, or not at all", async () => {
    const api = await start();
    for (const policy of ["Background", "Foreground", "Orphan"] as const) {
      await api.create(resources.deployments, deployment("web", 2));
      await eventually(() => expect(podsOf("web").filter(isPodReady)).toHaveLength(2));
      await api.delete(resources.deployments, "default", "web", { propagationPolicy: policy });
      await eventually(() => {
        expect(cluster?.caches.deployments.get("default", "web")).toBeUndefined();
        expect(podsOf("web")).toHaveLength(policy === "Orphan" ? 2 : 0);
      });
      await eventually(() => {
        const sets = cluster?.caches.replicaSets.list("default") ?? [];
        expect(sets).toHaveLength(policy === "Orphan" ? 1 : 0);
        expect(sets.flatMap(({ metadata }) => metadata.ownerReferences ?? [])).toEqual([]);
      });
    }
    // The next Deployment of the name adopts the orphans.
    const before = podsOf("web").map(({ metadata }) => metadata.uid);
    await api.create(resources.deployments, deployment("web", 2));
    await eventually(async () => {
      const { status } = await api.get(resources.deployments, "default", "web");
      expect(status?.availableReplicas).toBe(2);
    });
    expect(podsOf("web").map(({ metadata }) => metadata.uid)).toEqual(before);
  });

  it("starts and stops the pods of a StatefulSet in order", async () => {
    const api = await start();
    const set: StatefulSet = {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "db", namespace: "default" },
      spec: {
        replicas: 3,
        serviceName: "db",
        selector: { matchLabels: { app: "db" } },
        template: template("db"),
        volumeClaimTemplates: [{ metadata: { name: "data" } }],
      },
    };
    await api.create(resources.services, service("db", { clusterIP: "None", ports: [{ name: "sql", port: 8080 }] }));
    const order: string[] = [];
    cluster?.caches.pods.subscribe((now, before) => {
      if (now?.metadata.labels?.["app"] === "db" && before === undefined) order.push(`+${now.metadata.name}`);
      if (now === undefined && before !== undefined) order.push(`-${before.metadata.name}`);
    });
    cluster?.sick.add("db-1");
    await api.create(resources.statefulSets, set);
    await eventually(() => expect(order).toEqual(["+db-0", "+db-1"]));
    cluster?.sick.clear();
    const waiting = await api.get(resources.pods, "default", "db-1");
    const ready = (waiting.status?.conditions ?? []).map((one) => ({ ...one, status: "True" as const }));
    await api.updateStatus(resources.pods, { ...waiting, status: { ...waiting.status, conditions: ready } });
    await eventually(async () => {
      const { status } = await api.get(resources.statefulSets, "default", "db");
      expect(status).toMatchObject({ replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3 });
    });
    expect(podsOf("db")[2]).toMatchObject({
      metadata: { labels: { "statefulset.kubernetes.io/pod-name": "db-2", "apps.kubernetes.io/pod-index": "2" } },
      spec: {
        hostname: "db-2",
        subdomain: "db",
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data-db-2" } }],
      },
    });
    await eventually(() =>
      expect(
        endpointsOf("db")
          .map(({ hostname }) => hostname)
          .sort(),
      ).toEqual(["db-0", "db-1", "db-2"]),
    );
    await api.patch(resources.statefulSets, "default", "db", { type: "merge", body: { spec: { replicas: 1 } } });
    await eventually(() => expect(podsOf("db")).toHaveLength(1));
    expect(order).toEqual(["+db-0", "+db-1", "+db-2", "-db-2", "-db-1"]);
    // A new template: the highest ordinal first; the revision is remembered.
    await api.patch(resources.statefulSets, "default", "db", {
      type: "strategic",
      body: { spec: { replicas: 2, template: { spec: { containers: [{ name: "web", image: "db:2" }] } } } },
    });
    await eventually(async () => {
      const { status } = await api.get(resources.statefulSets, "default", "db");
      expect(status).toMatchObject({ replicas: 2, readyReplicas: 2, updatedReplicas: 2 });
      expect(status?.currentRevision).toBe(status?.updateRevision);
    });
    expect(podsOf("db").every(({ spec }) => spec.containers[0]?.image === "db:2")).toBe(true);
    expect(cluster?.caches.controllerRevisions.list("default")).toHaveLength(2);
  });

  it("runs one pod of a DaemonSet on every node and follows new templates and nodes", async () => {
    const api = await start();
    const set: DaemonSet = {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "agent", namespace: "default" },
      spec: { selector: { matchLabels: { app: "agent" } }, template: template("agent") },
    };
    await api.create(resources.daemonSets, set);
    const nodesOf = () =>
      podsOf("agent")
        .map(({ spec }) => spec.nodeName)
        .sort();
    await eventually(async () => {
      expect(nodesOf()).toEqual(["node-1", "node-2", "node-3"]);
      const { status } = await api.get(resources.daemonSets, "default", "agent");
      expect(status).toMatchObject({ desiredNumberScheduled: 3, numberReady: 3, numberAvailable: 3 });
    });
    await api.patch(resources.daemonSets, "default", "agent", {
      type: "strategic",
      body: { spec: { template: { spec: { containers: [{ name: "web", image: "agent:2" }] } } } },
    });
    await eventually(async () => {
      expect(podsOf("agent").every(({ spec }) => spec.containers[0]?.image === "agent:2")).toBe(true);
      const { status } = await api.get(resources.daemonSets, "default", "agent");
      expect(status).toMatchObject({ updatedNumberScheduled: 3, numberAvailable: 3 });
    });
    await api.patch(resources.nodes, undefined, "node-2", {
      type: "merge",
      body: { spec: { taints: [{ key: "gone", effect: "NoExecute" }] } },
    });
    await eventually(() => expect(nodesOf()).toEqual(["node-1", "node-3"]));
  });

  it("gives LoadBalancer Services addresses, and Ingresses that of the router", async () => {
    const api = await start({
      loadBalancerPools: ["192.168.100.200-192.168.100.201"],
      ingressService: { namespace: "default", name: "ingress" },
    });
    const address = (name: string) =>
      cluster?.caches.services.get("default", name)?.status?.loadBalancer?.ingress?.[0]?.ip;
    await api.create(resources.services, service("ingress", { type: "LoadBalancer" }));
    await api.create(resources.ingressClasses, {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: { name: "sealane" },
      spec: { controller: "sealane.dev/ingress" },
    });
    const ingress: Ingress = {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "front", namespace: "default" },
      spec: { ingressClassName: "sealane", defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    };
    await api.create(resources.ingresses, ingress);
    await eventually(() =>
      expect(cluster?.caches.ingresses.get("default", "front")?.status?.loadBalancer?.ingress).toEqual([
        { ip: "192.168.100.200" },
      ]),
    );
    await api.create(resources.services, service("b", { type: "LoadBalancer" }));
    await eventually(() => expect(address("b")).toBe("192.168.100.201"));
    await api.create(resources.services, service("c", { type: "LoadBalancer" }));
    await eventually(() => expect(cluster?.events.join("\n")).toContain("Warning AllocationFailed"));
    expect(address("c")).toBeUndefined();
    await api.patch(resources.services, "default", "b", { type: "merge", body: { spec: { type: "ClusterIP" } } });
    await eventually(() => expect(address("c")).toBe("192.168.100.201"));
    await eventually(() => expect(address("b")).toBeUndefined());
    await api.delete(resources.services, "default", "c");
    await api.create(
      resources.services,
      service("d", { type: "LoadBalancer", loadBalancerIP: "192.168.100.201", loadBalancerClass: "other/class" }),
    );
    await api.create(resources.services, service("e", { type: "LoadBalancer", loadBalancerIP: "192.168.100.201" }));
    await eventually(() => expect(address("e")).toBe("192.168.100.201"));
    expect(address("d")).toBeUndefined();
  });

  it("empties a namespace that is deleted, and all that is in it", async () => {
    const api = await start();
    const namespace = "shop";
    await api.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const inShop = <T extends { metadata: object }>(object: T): T => ({
      ...object,
      metadata: { ...object.metadata, namespace },
    });
    await api.create(resources.deployments, inShop(deployment("web", 3)));
    await api.create(resources.services, inShop(service("web")));
    await eventually(() => {
      expect(cluster?.caches.pods.list(namespace).filter(isPodReady)).toHaveLength(3);
      expect(cluster?.caches.serviceAccounts.get(namespace, "default")).toBeDefined();
    });
    await api.delete(resources.namespaces, undefined, namespace);
    await eventually(() => expect(cluster?.caches.namespaces.get(undefined, namespace)).toBeUndefined());
    for (const cache of Object.values(cluster?.caches ?? {})) {
      await eventually(() => expect(cache.list(namespace)).toEqual([]));
    }
    expect(cluster?.warnings).toEqual([]);
  });

  it("scales to 1,000 pods in 10 slices, and writes nothing when started again", { timeout: 60_000 }, async () => {
    const api = await start();
    await api.create(resources.services, service("web"));
    await api.create(resources.deployments, deployment("web", 1_000));
    await eventually(() => {
      expect(endpointsOf("web").filter(({ conditions }) => conditions?.ready)).toHaveLength(1_000);
    }, 50_000);
    await eventually(async () =>
      expect((await api.get(resources.deployments, "default", "web")).status?.availableReplicas).toBe(1_000),
    );
    expect(podsOf("web")).toHaveLength(1_000);
    const sizes = () =>
      (cluster?.caches.endpointSlices.indexed("service", "default/web") ?? []).map(({ endpoints }) => endpoints.length);
    const version = async () => (await api.list(resources.pods)).resourceVersion;
    await quiet(version);
    expect(sizes()).toEqual(Array.from({ length: 10 }, () => 100));
    const before = await version();
    cluster?.stop();
    cluster = await runCluster(api);
    expect(await quiet(version, 200)).toBe(before);
  });
});
