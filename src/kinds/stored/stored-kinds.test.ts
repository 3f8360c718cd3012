import { describe, expect, it } from "vitest";
import { decodeObject } from "../decode/decode-object.ts";
import { findKindByName } from "../registry.ts";
import type { Kind } from "../kind.ts";
import type { KubeObject } from "../../objects/index.ts";

const now = Date.UTC(2026, 0, 1, 1, 0);
const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "x:1" }] } };

function made(apiVersion: string, name: string, content: object): { readonly kind: Kind; readonly object: KubeObject } {
  const kind = findKindByName(apiVersion, name);
  if (kind === undefined) throw new Error(`no kind ${apiVersion} ${name}`);
  const metadata = {
    name: "a",
    ...(kind.resource.namespaced ? { namespace: "n" } : {}),
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  const decoded = decodeObject(kind, { apiVersion, kind: name, metadata, ...content });
  if (decoded.kind === "failed") throw new Error(decoded.message);
  expect(decoded.unknownFields).toEqual([]);
  return { kind, object: kind.applyDefaults(decoded.object) };
}

describe("row()", () => {
  const cases: readonly (readonly [string, string, object, readonly unknown[]])[] = [
    ["batch/v1", "Job", { spec: { template } }, ["a", "Running", "0/1", "", "60m", "c", "x:1", "<none>"]],
    [
      "batch/v1",
      "Job",
      {
        spec: { completions: 3, template },
        status: {
          succeeded: 3,
          startTime: "2026-01-01T00:00:00Z",
          completionTime: "2026-01-01T00:00:30Z",
          conditions: [{ type: "Complete", status: "True" }],
        },
      },
      ["a", "Complete", "3/3", "30s", "60m", "c", "x:1", "<none>"],
    ],
    [
      "batch/v1",
      "CronJob",
      { spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
      ["a", "* * * * *", "<none>", "False", 0, "<none>", "60m", "c", "x:1"],
    ],
    [
      "v1",
      "PersistentVolumeClaim",
      {
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "fast",
          resources: { requests: { storage: "1024Mi" } },
        },
      },
      ["a", "", "", "", "", "fast", "<unset>", "60m", "Filesystem"],
    ],
    [
      "v1",
      "PersistentVolume",
      {
        spec: {
          capacity: { storage: "5Gi" },
          accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
          claimRef: { namespace: "n", name: "c" },
        },
      },
      ["a", "5Gi", "RWO,ROX", "Retain", "", "n/c", "", "<unset>", "", "60m", "Filesystem"],
    ],
    ["storage.k8s.io/v1", "StorageClass", { provisioner: "p" }, ["a", "p", "Delete", "Immediate", false, "60m"]],
    [
      "autoscaling/v2",
      "HorizontalPodAutoscaler",
      {
        spec: {
          scaleTargetRef: { kind: "Deployment", name: "d" },
          maxReplicas: 5,
          metrics: [
            { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
          ],
        },
      },
      ["a", "Deployment/d", "cpu: <unknown>/80%", "1", 5, 0, "60m"],
    ],
    [
      "autoscaling/v1",
      "HorizontalPodAutoscaler",
      {
        spec: {
          scaleTargetRef: { kind: "Deployment", name: "d" },
          maxReplicas: 5,
          minReplicas: 2,
          targetCPUUtilizationPercentage: 50,
        },
      },
      ["a", "Deployment/d", "cpu: <unknown>/50%", "2", 5, 0, "60m"],
    ],
    ["policy/v1", "PodDisruptionBudget", { spec: { minAvailable: "50%" } }, ["a", "50%", "N/A", 0, "60m"]],
    [
      "networking.k8s.io/v1",
      "NetworkPolicy",
      { spec: { podSelector: { matchLabels: { a: "b" } } } },
      ["a", "a=b", "60m"],
    ],
    ["networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {} } }, ["a", "<none>", "60m"]],
    ["rbac.authorization.k8s.io/v1", "Role", { rules: [] }, ["a", "2026-01-01T00:00:00Z"]],
    [
      "rbac.authorization.k8s.io/v1",
      "ClusterRoleBinding",
      {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "r" },
        subjects: [
          { kind: "ServiceAccount", namespace: "n", name: "s" },
          { kind: "User", name: "u" },
        ],
      },
      ["a", "ClusterRole/r", "60m", "u", "", "n/s"],
    ],
    ["scheduling.k8s.io/v1", "PriorityClass", { value: 7 }, ["a", 7, false, "60m", "PreemptLowerPriority"]],
  ];
  it.each(cases)("of %s %s %j", (apiVersion, name, content, cells) => {
    const { kind, object } = made(apiVersion, name, content);
    expect(kind.validate(object)).toEqual([]);
    expect(kind.row(object, now)).toEqual(cells);
    expect(kind.columns.length).toBe(cells.length);
  });

  it("marks the default StorageClass", () => {
    const { kind, object } = made("storage.k8s.io/v1", "StorageClass", { provisioner: "p" });
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    expect(kind.row({ ...object, metadata: { ...object.metadata, annotations } }, now)[0]).toBe("a (default)");
  });
});

describe("validate()", () => {
  it("wants the pods of Jobs to end", () => {
    const { kind, object } = made("batch/v1", "Job", {
      spec: { template: { spec: { containers: [{ name: "c", image: "x" }] } } },
    });
    expect(kind.validate(object)).toEqual([
      {
        type: "FieldValueRequired",
        field: "spec.template.spec.restartPolicy",
        message: 'Required value: valid values: "OnFailure", "Never"',
      },
    ]);
  });

  it("lets the names of roles have colons", () => {
    const { kind, object } = made("rbac.authorization.k8s.io/v1", "ClusterRole", {});
    expect(kind.validate({ ...object, metadata: { name: "system:node" } })).toEqual([]);
    expect(kind.validate({ ...object, metadata: { name: "a/b" } })).toEqual([
      { type: "FieldValueInvalid", field: "metadata.name", message: `Invalid value: "a/b": may not contain '/'` },
    ]);
  });
});

describe("prepareForCreate()", () => {
  it("leaves a claim pending", () => {
    const { kind, object } = made("v1", "PersistentVolumeClaim", { spec: {}, status: { phase: "Bound" } });
    expect(kind.prepareForCreate(object)).toMatchObject({ status: { phase: "Pending" } });
  });
});
