import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apiVersionOf, resources } from "../objects/index.ts";
import type { KubeObject } from "../objects/index.ts";
import { decodeObject } from "./decode/decode-object.ts";
import type { Kind } from "./kind.ts";
import { findKind, findKindByName, kinds, kindsByGroupVersion } from "./registry.ts";
import { goTypeName, structType } from "./schema/schema.ts";
import type { FieldType } from "./schema/schema.ts";
import type { FieldError } from "./validation/field-error.ts";
import { builtinTypes } from "./schema/builtin.generated.ts";

const bare = (kind: Kind): KubeObject => ({
  apiVersion: apiVersionOf(kind.resource),
  kind: kind.resource.kind,
  metadata: { name: "a" },
});

describe("kinds", () => {
  it("has every kind that the program acts on", () => {
    for (const { group, version, plural, kind, namespaced } of Object.values(resources)) {
      expect(findKind(group, version, plural)?.resource).toMatchObject({ kind, namespaced });
      expect(findKind(group, version, plural)?.actedOn).toBe(true);
    }
  });

  it.each([
    ["batch/v1", "Job"],
    ["batch/v1", "CronJob"],
    ["autoscaling/v2", "HorizontalPodAutoscaler"],
    ["autoscaling/v1", "HorizontalPodAutoscaler"],
    ["policy/v1", "PodDisruptionBudget"],
    ["networking.k8s.io/v1", "NetworkPolicy"],
    ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding"],
    ["storage.k8s.io/v1", "StorageClass"],
    ["v1", "PersistentVolumeClaim"],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
  ] as const)("stores %s %s, and says that nothing acts on it", (apiVersion, name) => {
    const kind = findKindByName(apiVersion, name);
    expect(kind?.actedOn).toBe(false);
    expect(kind?.warnings({ apiVersion, kind: name, metadata: { name: "a" } }, undefined)).toEqual([
      `${name} objects are stored and served, but nothing in Sealane acts on them`,
    ]);
  });

  it("has no two kinds with one name, and no unknown ones", () => {
    expect(kindsByGroupVersion.size).toBeGreaterThan(10);
    for (const list of kindsByGroupVersion.values()) {
      expect(new Set(list.map(({ resource }) => resource.plural)).size).toBe(list.length);
      expect(new Set(list.flatMap(({ shortNames }) => shortNames)).size).toBe(list.flatMap((k) => k.shortNames).length);
    }
    expect(findKind("", "v1", "nothing")).toBeUndefined();
    expect(findKindByName("v2", "Pod")).toBeUndefined();
    expect(findKindByName("v1", "constructor")).toBeUndefined();
  });

  it.each(kinds.map((kind) => [`${apiVersionOf(kind.resource)} ${kind.resource.kind}`, kind] as const))(
    "%s has a schema with metadata, and cells for its columns",
    (_name, kind) => {
      expect(structType(kind.schemaType).get("metadata")).toEqual({ kind: "struct", name: "ObjectMeta" });
      expect(kind.selectableFields(bare(kind))).toBeTypeOf("object");
      expect(kind.singular).toBe(kind.resource.kind.toLowerCase());
      if (!kind.actedOn) expect(kind.row(bare(kind), 0).length).toBe(kind.columns.length);
    },
  );

  it("survives whatever decodes, in every step of the pipeline", () => {
    const scalar = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean());
    const value = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        scalar,
        fc.array(tie("node"), { maxLength: 2 }),
        fc.dictionary(fc.string({ maxLength: 5 }), tie("node"), { maxKeys: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.infiniteStream(fc.nat()), value, (kind, choices, filler) => {
        const next = () => Number(choices.next().value);
        const decoded = decodeObject(kind, sample({ kind: "struct", name: kind.schemaType }, next, filler, 0));
        if (decoded.kind === "failed") return;
        const object = kind.prepareForCreate(kind.applyDefaults(decoded.object));
        const errors = kind.validate(object);
        kind.warnings(object, undefined);
        kind.selectableFields(object);
        const old = kind.applyDefaults(bare(kind));
        // What is stored has been valid.
        for (const stored of [old, object].filter((candidate) => onlyNameErrors(kind.validate(candidate)))) {
          for (const subresource of [undefined, "status"] as const) {
            const updated = kind.prepareForUpdate(object, stored, subresource);
            kind.validateUpdate(updated, stored, subresource);
          }
        }
        if (onlyNameErrors(errors)) expect(kind.row(object, 0).length).toBe(kind.columns.length);
      }),
      { numRuns: 600 },
    );
  });

  it("changes nothing when defaults are applied twice", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.infiniteStream(fc.nat()), (kind, choices) => {
        const next = () => Number(choices.next().value);
        const decoded = decodeObject(kind, sample({ kind: "struct", name: kind.schemaType }, next, "a", 0));
        if (decoded.kind === "failed") return;
        const once = kind.applyDefaults(decoded.object);
        expect(kind.applyDefaults(once)).toEqual(once);
      }),
      { numRuns: 300 },
    );
  });
});

function onlyNameErrors(errors: readonly FieldError[]): boolean {
  return errors.every(({ field }) => field === "metadata.name" || field === "metadata.namespace");
}

/** A value of the type, made of choices; now and then something else, to see what happens. */
function sample(type: FieldType, next: () => number, filler: unknown, depth: number): unknown {
  if (depth > 0 && next() % 40 === 0) return filler;
  switch (type.kind) {
    case "struct": {
      const fields = [...structType(type.name)].filter(() => next() % (depth < 2 ? 2 : 4) !== 0 && depth < 7);
      return Object.fromEntries(fields.map(([name, field]) => [name, sample(field, next, filler, depth + 1)]));
    }
    case "list":
      return Array.from({ length: next() % 3 }, () => sample(type.item, next, filler, depth + 1));
    case "map":
      return { [String.fromCodePoint(97 + (next() % 26))]: sample(type.value, next, filler, depth + 1) };
    case "string":
      return ["", "a", "IPv4", "TCP", "ClusterIP", "10.0.0.1"][next() % 6];
    case "int32":
    case "int64":
    case "float64":
      return next() % 3;
    case "bool":
      return next() % 2 === 0;
    case "intOrString":
      return next() % 2 === 0 ? 80 : "25%";
    case "quantity":
      return "1Gi";
    case "time":
    case "microTime":
      return "2026-01-01T00:00:00Z";
    case "bytes":
      return "YQ==";
    case "any":
      return filler;
  }
}

describe("structType()", () => {
  it("reads every type of the table, and every type that they refer to", () => {
    const names = Object.keys(builtinTypes);
    expect(names.length).toBeGreaterThan(400);
    for (const name of names) for (const field of structType(name).values()) checkReferences(field);
  });

  it("throws for a type that there is none of", () => {
    expect(() => structType("Nothing")).toThrow(TypeError);
    expect(() => structType("constructor")).toThrow(TypeError);
  });

  it("names types as Go does", () => {
    expect(goTypeName({ kind: "struct", name: "V2MetricSpec" })).toBe("v2.MetricSpec");
    expect(goTypeName({ kind: "list", item: { kind: "struct", name: "CoreV1EndpointPort" } })).toBe(
      "[]v1.EndpointPort",
    );
  });
});

function checkReferences(type: FieldType): void {
  if (type.kind === "list") checkReferences(type.item);
  else if (type.kind === "map") checkReferences(type.value);
  else if (type.kind === "struct") expect(structType(type.name)).toBeDefined();
}

describe("Kind.applyDefaults()", () => {
  const pod = {
    containers: [
      {
        name: "c",
        image: "i",
        ports: [{ containerPort: 80 }],
        readinessProbe: { httpGet: { port: 80 } },
        resources: { limits: { cpu: "1" } },
      },
    ],
    volumes: [{ name: "v", configMap: { name: "m" } }],
  };
  it.each([
    ["v1", "Pod", { spec: pod }],
    ["apps/v1", "Deployment", { spec: { selector: { matchLabels: { a: "b" } }, template: { spec: pod } } }],
    ["discovery.k8s.io/v1", "EndpointSlice", { addressType: "IPv4", ports: [{ port: 80 }] }],
  ])(
    "gives back the very same %s %s when it lacks nothing, so that comparing it costs nothing",
    (version, name, content) => {
      const kind = findKindByName(version, name);
      const object = { apiVersion: version, kind: name, metadata: { name: "a" }, ...content };
      const complete = kind?.applyDefaults(object);
      expect(complete).not.toEqual(object);
      expect(complete === undefined ? undefined : kind?.applyDefaults(complete)).toBe(complete);
    },
  );
});
