import { describe, expect, it } from "vitest";
import { decodeObject, findKindByName } from "../kinds/index.ts";
import type { Kind } from "../kinds/index.ts";
import { ApiError } from "../objects/index.ts";
import type { ClusterApi, KubeObject } from "../objects/index.ts";
import { createApiServer } from "./index.ts";

const podSpec = {
  containers: [
    {
      name: "c",
      image: "i",
      ports: [{ name: "http", containerPort: 80 }],
      env: [{ name: "A", value: "b" }],
      resources: { requests: { cpu: "1" }, limits: { cpu: "1" } },
      readinessProbe: { httpGet: { port: "http" } },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    },
  ],
  initContainers: [{ name: "i", image: "i", restartPolicy: "Always" }],
  volumes: [{ name: "v", emptyDir: {} }],
  tolerations: [{ key: "a", operator: "Exists" }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }],
      },
    },
  },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: { app: "x" } } },
  ],
};
const template = { metadata: { labels: { app: "x" } }, spec: podSpec };
const workload = { replicas: 1, selector: { matchLabels: { app: "x" }, matchExpressions: [] }, template };
const once = { template: { spec: { ...podSpec, restartPolicy: "Never", initContainers: [] } } };

/** One valid object of each kind that has rules of its own. */
const examples: readonly (readonly [string, string, object])[] = [
  ["v1", "Pod", { spec: podSpec }],
  [
    "v1",
    "Service",
    {
      spec: {
        type: "LoadBalancer",
        selector: { app: "x" },
        ports: [
          { name: "a", port: 80, targetPort: "http" },
          { name: "b", port: 81, protocol: "UDP" },
        ],
        externalTrafficPolicy: "Local",
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
        loadBalancerSourceRanges: ["10.0.0.0/8"],
        externalIPs: ["198.51.100.1"],
        ipFamilies: ["IPv4"],
      },
      status: { loadBalancer: { ingress: [{ ip: "198.51.100.2", ports: [{ port: 80, protocol: "TCP" }] }] } },
    },
  ],
  ["v1", "Endpoints", { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ name: "a", port: 80 }] }] }],
  ["v1", "ReplicationController", { spec: { replicas: 1, selector: { app: "x" }, template } }],
  ["v1", "Namespace", { spec: { finalizers: ["kubernetes"] } }],
  ["v1", "Node", { spec: { taints: [{ key: "a", effect: "NoSchedule" }], podCIDR: "10.244.9.0/24" } }],
  ["v1", "ConfigMap", { data: { a: "b" }, binaryData: { c: "YWI=" } }],
  ["v1", "Secret", { type: "Opaque", data: { a: "YWI=" }, stringData: { b: "c" } }],
  ["v1", "Event", { involvedObject: { kind: "Pod", namespace: "default", name: "p" }, source: { component: "c" } }],
  ["apps/v1", "Deployment", { spec: { ...workload, strategy: { rollingUpdate: { maxSurge: "25%" } } } }],
  ["apps/v1", "ReplicaSet", { spec: workload }],
  [
    "apps/v1",
    "StatefulSet",
    { spec: { ...workload, serviceName: "s", volumeClaimTemplates: [{ metadata: { name: "v" }, spec: {} }] } },
  ],
  ["apps/v1", "DaemonSet", { spec: { selector: workload.selector, template } }],
  ["batch/v1", "Job", { spec: once }],
  ["batch/v1", "CronJob", { spec: { schedule: "* * * * *", jobTemplate: { spec: once } } }],
  [
    "discovery.k8s.io/v1",
    "EndpointSlice",
    {
      addressType: "IPv4",
      endpoints: [
        {
          addresses: ["10.0.0.1"],
          conditions: { ready: true },
          hints: { forZones: [{ name: "a" }], forNodes: [{ name: "n" }] },
          targetRef: { kind: "Pod", name: "p" },
        },
      ],
      ports: [{ name: "a", port: 80, protocol: "TCP" }],
    },
  ],
  [
    "networking.k8s.io/v1",
    "Ingress",
    {
      spec: {
        defaultBackend: { service: { name: "s", port: { number: 80 } } },
        tls: [{ hosts: ["a.b"], secretName: "t" }],
        rules: [
          {
            host: "a.b",
            http: {
              paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { name: "http" } } } }],
            },
          },
        ],
      },
    },
  ],
  ["networking.k8s.io/v1", "IngressClass", { spec: { controller: "a.b/c", parameters: { kind: "K", name: "n" } } }],
  ["networking.k8s.io/v1", "ServiceCIDR", { spec: { cidrs: ["10.97.0.0/16"] } }],
  ["autoscaling/v1", "HorizontalPodAutoscaler", { spec: { maxReplicas: 2, scaleTargetRef: { kind: "D", name: "d" } } }],
  [
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    {
      spec: {
        maxReplicas: 2,
        scaleTargetRef: { kind: "D", name: "d" },
        metrics: [{ type: "Resource", resource: { name: "cpu", target: { averageUtilization: 5 } } }],
      },
    },
  ],
  ["policy/v1", "PodDisruptionBudget", { spec: { minAvailable: 1, selector: { matchLabels: { app: "x" } } } }],
];

/** What is put in the place of each part of an object; `undefined` takes it away. */
const odd: readonly unknown[] = [undefined, null, {}, [], [{}], [null], "", "a", 0, -1, false, { a: null }];

/** Every value that differs from `value` in one place. */
function* variants(value: unknown): Iterable<unknown> {
  yield* odd;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) for (const other of variants(item)) yield value.with(i, other);
    yield [...value, ...value];
    yield [...value, {}];
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value))
      for (const other of variants(item)) yield { ...value, [key]: other };
  }
}

async function survives(api: ClusterApi, kind: Kind, object: KubeObject): Promise<void> {
  try {
    const created = await api.create(kind.resource, object);
    const { namespace, name } = created.metadata;
    kind.row(created, 0);
    kind.selectableFields(created);
    await api.update(kind.resource, created);
    await api.updateStatus(kind.resource, object);
    await api.delete(kind.resource, namespace, name, { gracePeriodSeconds: 0 });
  } catch (error) {
    const code = error instanceof ApiError ? error.status.code : 0;
    const isRefusal = code >= 400 && code < 500;
    // Upstream's allocators answer 500, too, when they refuse.
    const ofAllocator = error instanceof Error && /failed to allocate|duplicate nodePort/.test(error.message);
    if (!isRefusal && !ofAllocator)
      throw new Error(`${kind.resource.kind} ${JSON.stringify(object)}`, { cause: error });
  }
}

describe("createApiServer()", () => {
  it.each(examples)("stores or refuses any variant of %s %s", async (apiVersion, name, content) => {
    const kind = findKindByName(apiVersion, name);
    if (kind === undefined) throw new Error(`There is no ${apiVersion} ${name}`);
    const server = await createApiServer();
    const { api } = server;
    const metadata = { labels: { a: "b" }, annotations: { a: "b" }, finalizers: [], ownerReferences: [] };
    const named = (value: unknown, i: number): unknown => {
      const known = typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
      const given = "metadata" in known ? known.metadata : {};
      const kept = typeof given === "object" && given !== null && !Array.isArray(given) ? given : {};
      const namespace = kind.resource.namespaced ? { namespace: "default" } : {};
      return { ...known, metadata: { ...kept, name: `x-${i}`, ...namespace } };
    };
    let decodedCount = 0;
    let i = 0;
    for (const variant of variants({ ...content, metadata })) {
      const decoded = decodeObject(kind, named(variant, i++));
      if (decoded.kind === "failed") continue;
      decodedCount++;
      await survives(api, kind, decoded.object);
    }
    expect(decodedCount).toBeGreaterThan(20);
    const { resource } = kind;
    const valid = decodeObject(kind, named({ ...content, metadata }, i));
    if (valid.kind === "failed") throw new Error(valid.message);
    await expect(api.create(resource, valid.object)).resolves.toMatchObject({ metadata: { name: `x-${i}` } });
    await server.close();
  });
});
