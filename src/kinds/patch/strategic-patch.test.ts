import { describe, expect, it } from "vitest";
import { hasCode } from "../../core/index.ts";
import type { KubeObject } from "../../objects/index.ts";
import { findKindByName } from "../registry.ts";
import type { Fields } from "../fields.ts";
import { structType } from "../schema/schema.ts";
import { applyPatch } from "./apply-patch.ts";
import { mergeRule } from "./merge-keys.ts";
import { applyStrategicPatch } from "./strategic-patch.ts";

interface Case {
  readonly name: string;
  readonly type: string;
  readonly target: Fields;
  readonly patch: Fields;
  readonly result: Fields;
}

const cases: readonly Case[] = [
  {
    name: "changes one container by its name and keeps the others",
    type: "PodSpec",
    target: {
      containers: [
        { name: "a", image: "x:1", env: [{ name: "K", value: "1" }] },
        { name: "b", image: "y" },
      ],
    },
    patch: { containers: [{ name: "a", image: "x:2", env: [{ name: "L", value: "2" }] }] },
    result: {
      containers: [
        {
          name: "a",
          image: "x:2",
          env: [
            { name: "K", value: "1" },
            { name: "L", value: "2" },
          ],
        },
        { name: "b", image: "y" },
      ],
    },
  },
  {
    name: "adds, with nested nulls left out",
    type: "PodSpec",
    target: { containers: [{ name: "a" }] },
    patch: { containers: [{ name: "b", image: "y", command: null }] },
    result: { containers: [{ name: "a" }, { name: "b", image: "y" }] },
  },
  {
    name: "deletes an item",
    type: "PodSpec",
    target: { containers: [{ name: "a" }, { name: "b" }] },
    patch: { containers: [{ name: "a", $patch: "delete" }] },
    result: { containers: [{ name: "b" }] },
  },
  {
    name: "deletes an item that is not there",
    type: "PodSpec",
    target: {},
    patch: { containers: [{ name: "a", $patch: "delete" }, { name: "b" }] },
    result: { containers: [{ name: "b" }] },
  },
  {
    name: "replaces a list",
    type: "PodSpec",
    target: { containers: [{ name: "a" }, { name: "b" }] },
    patch: { containers: [{ $patch: "replace" }, { name: "c" }] },
    result: { containers: [{ name: "c" }] },
  },
  {
    name: "replaces an object",
    type: "PodSpec",
    target: { securityContext: { runAsUser: 1, fsGroup: 2 } },
    patch: { securityContext: { $patch: "replace", runAsUser: 3 } },
    result: { securityContext: { runAsUser: 3 } },
  },
  {
    name: "deletes the content of an object",
    type: "PodSpec",
    target: { nodeSelector: { a: "b" }, hostname: "h" },
    patch: { nodeSelector: { $patch: "delete" } },
    result: { nodeSelector: {}, hostname: "h" },
  },
  {
    name: "removes by null, also a whole list",
    type: "PodSpec",
    target: { hostname: "h", containers: [{ name: "a" }], subdomain: "s" },
    patch: { hostname: null, containers: null },
    result: { subdomain: "s" },
  },
  {
    name: "replaces lists that have no merge key",
    type: "PodSpec",
    target: { tolerations: [{ key: "a" }], containers: [{ name: "a", command: ["x", "y"] }] },
    patch: { tolerations: [{ key: "b" }], containers: [{ name: "a", command: ["z"] }] },
    result: { tolerations: [{ key: "b" }], containers: [{ name: "a", command: ["z"] }] },
  },
  {
    name: "merges maps and sets",
    type: "ObjectMeta",
    target: { labels: { a: "1", b: "2" }, finalizers: ["x", "y"] },
    patch: { labels: { b: null, c: "3" }, finalizers: ["y", "z"] },
    result: { labels: { a: "1", c: "3" }, finalizers: ["x", "y", "z"] },
  },
  {
    name: "deletes from sets",
    type: "ObjectMeta",
    target: { finalizers: ["x", "y", "z"] },
    patch: { "$deleteFromPrimitiveList/finalizers": ["y", "q"] },
    result: { finalizers: ["x", "z"] },
  },
  {
    name: "orders a set",
    type: "ObjectMeta",
    target: { finalizers: ["x", "y"] },
    patch: { "$setElementOrder/finalizers": ["z", "y", "x"], finalizers: ["z"] },
    result: { finalizers: ["z", "y", "x"] },
  },
  {
    name: "orders a list, with items of others staying near their neighbours",
    type: "PodSpec",
    target: { containers: [{ name: "mine-1" }, { name: "sidecar" }, { name: "mine-2" }] },
    patch: {
      "$setElementOrder/containers": [{ name: "mine-2" }, { name: "mine-1" }, { name: "mine-3" }],
      containers: [{ name: "mine-3", image: "x" }],
    },
    result: {
      containers: [{ name: "sidecar" }, { name: "mine-2" }, { name: "mine-1" }, { name: "mine-3", image: "x" }],
    },
  },
  {
    name: "changes only the order",
    type: "PodSpec",
    target: { containers: [{ name: "a" }, { name: "b" }] },
    patch: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] },
    result: { containers: [{ name: "b" }, { name: "a" }] },
  },
  {
    name: "keeps only the keys that are retained (a volume changes its source)",
    type: "PodSpec",
    target: { volumes: [{ name: "v", emptyDir: {} }] },
    patch: { volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }] },
    result: { volumes: [{ name: "v", configMap: { name: "c" } }] },
  },
  {
    name: "keeps only the keys that are retained (a strategy changes its type)",
    type: "DeploymentSpec",
    target: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } }, replicas: 1 },
    patch: { strategy: { $retainKeys: ["type"], type: "Recreate" } },
    result: { strategy: { type: "Recreate" }, replicas: 1 },
  },
  {
    name: "merges Service ports by number",
    type: "ServiceSpec",
    target: { ports: [{ port: 80, protocol: "TCP", nodePort: 30080 }] },
    patch: { ports: [{ port: 80, targetPort: 8080 }, { port: 443 }] },
    result: { ports: [{ port: 80, protocol: "TCP", nodePort: 30080, targetPort: 8080 }, { port: 443 }] },
  },
  {
    name: "tells TCP and UDP of one number apart",
    type: "ServiceSpec",
    target: {
      ports: [
        { name: "dns-tcp", port: 53, protocol: "TCP" },
        { name: "dns", port: 53, protocol: "UDP" },
      ],
    },
    patch: { ports: [{ port: 53, protocol: "UDP", targetPort: 5353 }] },
    result: {
      ports: [
        { name: "dns-tcp", port: 53, protocol: "TCP" },
        { name: "dns", port: 53, protocol: "UDP", targetPort: 5353 },
      ],
    },
  },
  {
    name: "adds UDP beside TCP of the same number when the order has both",
    type: "ServiceSpec",
    target: { ports: [{ name: "dns-tcp", port: 53, protocol: "TCP" }] },
    patch: {
      "$setElementOrder/ports": [{ port: 53 }, { port: 53 }],
      ports: [{ name: "dns", port: 53, protocol: "UDP" }],
    },
    result: {
      ports: [
        { name: "dns-tcp", port: 53, protocol: "TCP" },
        { name: "dns", port: 53, protocol: "UDP" },
      ],
    },
  },
  {
    name: "changes the protocol of a port when that is what is meant",
    type: "ServiceSpec",
    target: { ports: [{ port: 53, protocol: "TCP" }] },
    patch: { "$setElementOrder/ports": [{ port: 53 }], ports: [{ port: 53, protocol: "UDP" }] },
    result: { ports: [{ port: 53, protocol: "UDP" }] },
  },
  {
    name: "creates both protocols of a number at once",
    type: "Container",
    target: {},
    patch: {
      ports: [
        { containerPort: 53, protocol: "TCP" },
        { containerPort: 53, protocol: "UDP" },
      ],
    },
    result: {
      ports: [
        { containerPort: 53, protocol: "TCP" },
        { containerPort: 53, protocol: "UDP" },
      ],
    },
  },
  {
    name: "merges conditions by type and addresses by type",
    type: "NodeStatus",
    target: { conditions: [{ type: "Ready", status: "False" }], addresses: [{ type: "InternalIP", address: "a" }] },
    patch: { conditions: [{ type: "Ready", status: "True" }], addresses: [{ type: "Hostname", address: "n" }] },
    result: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [
        { type: "InternalIP", address: "a" },
        { type: "Hostname", address: "n" },
      ],
    },
  },
];

describe("applyStrategicPatch()", () => {
  it.each(cases)("$name", ({ type, target, patch, result }) => {
    const before = JSON.stringify([target, patch]);
    expect(applyStrategicPatch(type, target, patch)).toEqual(result);
    expect(JSON.stringify([target, patch])).toBe(before);
  });

  const failures: readonly (readonly [string, string, Fields])[] = [
    ["an unknown directive", "PodSpec", { securityContext: { $patch: "frobnicate" } }],
    ["an item without its merge key", "PodSpec", { containers: [{ image: "x" }] }],
    ["a deletion without the merge key", "PodSpec", { containers: [{ $patch: "delete" }] }],
    ["an item that is no object", "PodSpec", { containers: ["a"] }],
    ["an order that is no list", "PodSpec", { "$setElementOrder/containers": 1, containers: [{ name: "a" }] }],
    ["a deletion that is no list", "ObjectMeta", { "$deleteFromPrimitiveList/finalizers": "x" }],
    ["keys outside of the retained ones", "DeploymentSpec", { strategy: { $retainKeys: ["type"], rollingUpdate: {} } }],
  ];
  it.each(failures)("refuses %s", (_name, type, patch) => {
    try {
      applyStrategicPatch(type, { finalizers: ["x"] }, patch);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, "BadRequest")).toBe(true);
    }
  });
});

describe("mergeRule()", () => {
  it("names fields that exist", () => {
    for (const [type, field] of [
      ["PodSpec", "containers"],
      ["ServiceSpec", "ports"],
      ["NodeStatus", "addresses"],
    ] as const) {
      expect(structType(type).has(field)).toBe(true);
      expect(mergeRule(type, field)?.kind).toBe("mergeByKey");
    }
    expect(mergeRule("PodSpec", "tolerations")).toBeUndefined();
    expect(mergeRule("Object", "constructor")).toBeUndefined();
  });
});

describe("applyPatch()", () => {
  const kind = findKindByName("v1", "Service") ?? { schemaType: "none" };
  const service: KubeObject & Fields = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "a", labels: { x: "1" } },
    spec: { ports: [{ port: 80 }] },
  };

  it("applies each type of patch", () => {
    const merge = applyPatch(kind, service, { type: "merge", body: { spec: { ports: [{ port: 81 }] } } });
    expect(merge).toMatchObject({ kind: "patched", value: { spec: { ports: [{ port: 81 }] } } });
    const strategic = applyPatch(kind, service, { type: "strategic", body: { spec: { ports: [{ port: 81 }] } } });
    expect(strategic).toMatchObject({ kind: "patched", value: { spec: { ports: [{ port: 80 }, { port: 81 }] } } });
    const json = applyPatch(kind, service, { type: "json", body: [{ op: "remove", path: "/metadata/labels/x" }] });
    expect(json).toMatchObject({ kind: "patched", value: { metadata: { name: "a", labels: {} } } });
  });

  it("says whether the patch or the object is to blame", () => {
    expect(applyPatch(kind, service, { type: "merge", body: [] })).toMatchObject({ code: 400, reason: "BadRequest" });
    expect(applyPatch(kind, service, { type: "json", body: {} })).toMatchObject({ code: 400, reason: "BadRequest" });
    const missing = applyPatch(kind, service, { type: "json", body: [{ op: "remove", path: "/spec/x" }] });
    expect(missing).toMatchObject({ kind: "failed", code: 422, reason: "Invalid" });
  });
});
