import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../objects/index.ts";
import { replicationControllerKind } from "../core-v1/replication-controller.ts";
import { asFields, fieldsOf } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { scaleOf, withReplicas } from "../scale.ts";
import { daemonSetKind } from "./daemon-set.ts";
import { deploymentKind } from "./deployment.ts";
import { replicaSetKind } from "./replica-set.ts";
import { statefulSetKind } from "./stateful-set.ts";

const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c", image: "x:1" }] } };
const plain = { selector: { matchLabels: { app: "a" } }, template };

function made(kind: Kind, spec: object): KubeObject {
  const object: KubeObject & Fields = {
    apiVersion: kind.resource.group === "" ? "v1" : "apps/v1",
    kind: kind.resource.kind,
    metadata: { name: "w", namespace: "n", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec,
  };
  return kind.applyDefaults(object);
}

function specOf(object: KubeObject): Fields {
  return fieldsOf(asFields(object).spec);
}

describe("applyDefaults()", () => {
  const cases: readonly (readonly [Kind, object])[] = [
    [
      deploymentKind,
      {
        replicas: 1,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      },
    ],
    [replicaSetKind, { replicas: 1 }],
    [
      statefulSetKind,
      {
        replicas: 1,
        podManagementPolicy: "OrderedReady",
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
        revisionHistoryLimit: 10,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      },
    ],
    [
      daemonSetKind,
      {
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        revisionHistoryLimit: 10,
      },
    ],
  ];
  it.each(cases.map(([kind, expected]) => ({ kind, name: kind.resource.kind, expected })))(
    "of $name",
    ({ kind, expected }) => {
      const { template: given, ...rest } = specOf(made(kind, plain));
      expect(rest).toEqual({ selector: plain.selector, ...expected });
      expect(given).toMatchObject({ spec: { restartPolicy: "Always", dnsPolicy: "ClusterFirst" } });
    },
  );

  it("leaves a Recreate strategy alone", () => {
    expect(specOf(made(deploymentKind, { ...plain, strategy: { type: "Recreate" } })).strategy).toEqual({
      type: "Recreate",
    });
  });

  it("keeps zero replicas", () => expect(specOf(made(deploymentKind, { ...plain, replicas: 0 })).replicas).toBe(0));

  it("takes selector and labels of a ReplicationController from its template", () => {
    const controller = made(replicationControllerKind, { template });
    expect(specOf(controller)).toMatchObject({ replicas: 1, selector: { app: "a" } });
    expect(controller.metadata.labels).toEqual({ app: "a" });
    expect(replicationControllerKind.validate(controller)).toEqual([]);
  });
});

describe("validate()", () => {
  const bad: readonly (readonly [Kind, object, string, string])[] = [
    [deploymentKind, { template }, "spec.selector", "Required value"],
    [
      deploymentKind,
      { selector: {}, template },
      "spec.selector",
      "Invalid value: {}: empty selector is invalid for deployment",
    ],
    [
      deploymentKind,
      { selector: { matchLabels: { app: "b" } }, template },
      "spec.template.metadata.labels",
      'Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
    [
      deploymentKind,
      { selector: { matchExpressions: [{ key: "app", operator: "In" }] }, template },
      "spec.selector.matchExpressions[0].values",
      "Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
    [
      deploymentKind,
      { ...plain, replicas: -1 },
      "spec.replicas",
      "Invalid value: -1: must be greater than or equal to 0",
    ],
    [
      deploymentKind,
      { ...plain, strategy: { type: "Canary" } },
      "spec.strategy.type",
      'Unsupported value: "Canary": supported values: "Recreate", "RollingUpdate"',
    ],
    [
      deploymentKind,
      { ...plain, strategy: { type: "Recreate", rollingUpdate: {} } },
      "spec.strategy.rollingUpdate",
      "Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      deploymentKind,
      { ...plain, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } } },
      "spec.strategy.rollingUpdate.maxUnavailable",
      "Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ],
    [
      deploymentKind,
      { ...plain, strategy: { rollingUpdate: { maxUnavailable: "101%" } } },
      "spec.strategy.rollingUpdate.maxUnavailable",
      'Invalid value: "101%": must not be greater than 100%',
    ],
    [
      deploymentKind,
      { ...plain, minReadySeconds: 600 },
      "spec.progressDeadlineSeconds",
      "Invalid value: 600: must be greater than minReadySeconds",
    ],
    [
      deploymentKind,
      { ...plain, template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } },
      "spec.template.spec.restartPolicy",
      'Unsupported value: "Never": supported values: "Always"',
    ],
    [
      deploymentKind,
      { ...plain, template: { ...template, spec: { containers: [] } } },
      "spec.template.spec.containers",
      "Required value",
    ],
    [replicaSetKind, { selector: plain.selector }, "spec.template", "Required value"],
    [
      statefulSetKind,
      { ...plain, podManagementPolicy: "Random" },
      "spec.podManagementPolicy",
      'Unsupported value: "Random": supported values: "OrderedReady", "Parallel"',
    ],
    [
      statefulSetKind,
      { ...plain, updateStrategy: { type: "OnDelete", rollingUpdate: {} } },
      "spec.updateStrategy.rollingUpdate",
      "Invalid value: {}: only allowed for updateStrategy 'RollingUpdate'",
    ],
    [
      daemonSetKind,
      { ...plain, updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
      "spec.updateStrategy.rollingUpdate.maxSurge",
      "Invalid value: 1: may not be set when maxUnavailable is non-zero",
    ],
    [replicationControllerKind, { replicas: 1 }, "spec.selector", "Required value"],
    [
      replicationControllerKind,
      { selector: { app: "b" }, template },
      "spec.template.metadata.labels",
      'Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
  ];
  it.each(bad.map(([kind, spec, field, message]) => ({ kind, name: kind.resource.kind, spec, field, message })))(
    "refuses $name: $field: $message",
    ({ kind, spec, field, message }) => {
      expect(kind.validate(made(kind, spec))).toContainEqual(expect.objectContaining({ field, message }));
    },
  );

  it("lets the pods of a StatefulSet mount its claims", () => {
    const spec = { containers: [{ name: "c", image: "x", volumeMounts: [{ name: "data", mountPath: "/data" }] }] };
    const set = made(statefulSetKind, {
      ...plain,
      template: { ...template, spec },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: {} }],
    });
    expect(statefulSetKind.validate(set)).toEqual([]);
    expect(specOf(set).volumeClaimTemplates).toMatchObject([
      { kind: "PersistentVolumeClaim", spec: { volumeMode: "Filesystem" } },
    ]);
  });
});

describe("validateUpdate()", () => {
  const other = {
    selector: { matchLabels: { app: "a", tier: "b" } },
    template: { ...template, metadata: { labels: { app: "a", tier: "b" } } },
  };
  it.each([deploymentKind, replicaSetKind, daemonSetKind].map((kind) => ({ kind, name: kind.resource.kind })))(
    "refuses another selector of a $name",
    ({ kind }) => {
      expect(kind.validateUpdate(made(kind, other), made(kind, plain), undefined)).toEqual([
        {
          type: "FieldValueInvalid",
          field: "spec.selector",
          message: 'Invalid value: {"matchLabels":{"app":"a","tier":"b"}}: field is immutable',
        },
      ]);
      expect(kind.validateUpdate(made(kind, plain), made(kind, plain), undefined)).toEqual([]);
    },
  );

  it("refuses to change what a StatefulSet is", () => {
    const old = made(statefulSetKind, plain);
    const [error] = statefulSetKind.validateUpdate(
      made(statefulSetKind, { ...plain, serviceName: "x" }),
      old,
      undefined,
    );
    expect(error?.message).toMatch(/^Forbidden: updates to statefulset spec for fields other than 'replicas'/);
    expect(statefulSetKind.validateUpdate(made(statefulSetKind, { ...plain, replicas: 5 }), old, undefined)).toEqual(
      [],
    );
  });
});

describe("row()", () => {
  const now = Date.UTC(2026, 0, 1, 3, 0);
  const wide = ["c", "x:1", "app=a"];
  const cases: readonly (readonly [Kind, object, object, readonly unknown[]])[] = [
    [
      deploymentKind,
      { ...plain, replicas: 3 },
      { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
      ["w", "2/3", 1, 2, "3h", ...wide],
    ],
    [replicaSetKind, plain, { replicas: 1, readyReplicas: 1 }, ["w", 1, 1, 1, "3h", ...wide]],
    [statefulSetKind, { ...plain, replicas: 2 }, { replicas: 1, readyReplicas: 1 }, ["w", "1/2", "3h", "c", "x:1"]],
    [
      daemonSetKind,
      plain,
      {
        desiredNumberScheduled: 3,
        currentNumberScheduled: 3,
        numberReady: 2,
        updatedNumberScheduled: 3,
        numberAvailable: 2,
      },
      ["w", 3, 3, 2, 3, 2, "<none>", "3h", ...wide],
    ],
    [replicationControllerKind, { template }, { replicas: 1, readyReplicas: 0 }, ["w", 1, 1, 0, "3h", ...wide]],
  ];
  it.each(cases.map(([kind, spec, status, cells]) => ({ kind, name: kind.resource.kind, spec, status, cells })))(
    "of a $name",
    ({ kind, spec, status, cells }) => {
      const object: KubeObject & Fields = { ...made(kind, spec), status };
      expect(kind.row(object, now)).toEqual(cells);
    },
  );
});

describe("scaleOf()", () => {
  it("shows replicas and the selector as text", () => {
    const deployment: KubeObject & Fields = {
      ...made(deploymentKind, { ...plain, replicas: 3 }),
      status: { replicas: 2 },
    };
    expect(scaleOf(deployment)).toEqual({
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "w", namespace: "n", creationTimestamp: "2026-01-01T00:00:00Z" },
      spec: { replicas: 3 },
      status: { replicas: 2, selector: "app=a" },
    });
    expect(scaleOf(made(replicationControllerKind, { template })).status).toEqual({ replicas: 0, selector: "app=a" });
  });

  it("is changed by withReplicas()", () => {
    const deployment = made(deploymentKind, plain);
    expect(scaleOf(withReplicas(deployment, 7)).spec.replicas).toBe(7);
    expect(withReplicas(deployment, 1)).toBe(deployment);
    expect(() => withReplicas(deployment, -1)).toThrow("spec.replicas: Invalid value: -1");
  });
});

describe("prepareForUpdate()", () => {
  const old: KubeObject & Fields = {
    ...made(deploymentKind, plain),
    metadata: { name: "w", namespace: "n", labels: { a: "1" }, annotations: { x: "1" }, finalizers: ["f/g"] },
    status: { replicas: 1 },
  };
  it("keeps the status for an update of the object", () => {
    const wanted: KubeObject & Fields = { ...old, spec: { ...specOf(old), replicas: 5 }, status: { replicas: 9 } };
    expect(deploymentKind.prepareForUpdate(wanted, old, undefined)).toEqual({ ...wanted, status: { replicas: 1 } });
  });

  it("takes only status, annotations and finalizers for an update of the status", () => {
    const wanted: KubeObject & Fields = {
      ...old,
      metadata: { name: "w", namespace: "n", labels: { a: "2" }, annotations: { x: "2" } },
      spec: { replicas: 5 },
      status: { replicas: 9 },
    };
    expect(deploymentKind.prepareForUpdate(wanted, old, "status")).toEqual({
      ...old,
      metadata: { name: "w", namespace: "n", labels: { a: "1" }, annotations: { x: "2" } },
      status: { replicas: 9 },
    });
  });
});
