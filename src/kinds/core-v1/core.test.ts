import { describe, expect, it } from "vitest";
import type { AnyObject, KubeObject } from "../../objects/index.ts";
import type { Kind } from "../kind.ts";
import { formatAge } from "../printing/duration.ts";
import { eventKinds, leaseKind } from "../stored/event-kinds.ts";
import { asCoreEvent, asNewEvent } from "../stored/event-views.ts";
import { configMapKind, secretKind, serviceAccountKind } from "./config.ts";
import { namespaceKind } from "./namespace.ts";
import { nodeKind } from "./node.ts";

function made(kind: Kind, content: object, metadata: object = {}): KubeObject {
  const namespace = kind.resource.namespaced ? { namespace: "n" } : {};
  return kind.applyDefaults({
    apiVersion: "v1",
    kind: kind.resource.kind,
    metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z", ...namespace, ...metadata },
    ...content,
  });
}

const now = Date.UTC(2026, 0, 11);
const ready = { conditions: [{ type: "Ready", status: "True" }] };

describe("row()", () => {
  const cases: readonly (readonly [Kind, object, object, readonly unknown[]])[] = [
    [namespaceKind, { status: { phase: "Active" } }, {}, ["a", "Active", "10d"]],
    [
      nodeKind,
      {
        status: {
          ...ready,
          nodeInfo: { kubeletVersion: "v1.36.2+sealane" },
          addresses: [{ type: "InternalIP", address: "192.168.100.11" }],
        },
      },
      { labels: { "node-role.kubernetes.io/worker": "" } },
      [
        "a",
        "Ready",
        "worker",
        "10d",
        "v1.36.2+sealane",
        "192.168.100.11",
        "<none>",
        "<unknown>",
        "<unknown>",
        "<unknown>",
      ],
    ],
    [configMapKind, { data: { a: "1" }, binaryData: { b: "" } }, {}, ["a", "2", "10d"]],
    [secretKind, { data: { a: "" } }, {}, ["a", "Opaque", "1", "10d"]],
    [serviceAccountKind, {}, {}, ["a", "0", "10d"]],
    [leaseKind, { spec: { holderIdentity: "me" } }, {}, ["a", "me", "10d"]],
  ];
  it.each(
    cases.map(([kind, content, metadata, cells]) => ({ kind, name: kind.resource.kind, content, metadata, cells })),
  )("of $name $content", ({ kind, content, metadata, cells }) =>
    expect(kind.row(made(kind, content, metadata), now)).toEqual(cells),
  );

  it.each([
    [{}, {}, "Unknown"],
    [{}, { conditions: [{ type: "Ready", status: "False" }] }, "NotReady"],
    [{ unschedulable: true }, ready, "Ready,SchedulingDisabled"],
  ])("of a Node with %j and %j says %s", (spec, status, expected) =>
    expect(nodeKind.row(made(nodeKind, { spec, status }), now)[1]).toBe(expected),
  );

  it("of an Event, whatever the group", () => {
    const [core, newer] = eventKinds;
    const event: AnyObject = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "e", namespace: "n" },
      involvedObject: { kind: "Pod", name: "p", namespace: "n", fieldPath: "spec.containers{c}" },
      reason: "Started",
      message: "Started container c\n",
      type: "Normal",
      count: 3,
      source: { component: "agent", host: "node-1" },
      firstTimestamp: "2026-01-10T23:50:00Z",
      lastTimestamp: "2026-01-10T23:59:00Z",
    };
    const cells = [
      "60s",
      "Normal",
      "Started",
      "pod/p",
      "spec.containers{c}",
      "agent, node-1",
      "Started container c",
      "10m",
      "3",
      "e",
    ];
    expect(core?.row(event, now)).toEqual(cells);
    expect(newer?.row(asNewEvent(event), now)).toEqual(cells);
    expect(asCoreEvent(asNewEvent(event))).toEqual(event);
    expect(asNewEvent(event)).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      note: "Started container c\n",
      deprecatedCount: 3,
    });
    expect(core?.selectableFields(event)).toMatchObject({
      "involvedObject.name": "p",
      reason: "Started",
      type: "Normal",
    });
    expect(core?.validate({ ...event, metadata: { name: "e", namespace: "other" } })).toEqual([
      expect.objectContaining({
        field: "involvedObject.namespace",
        message: 'Invalid value: "n": does not match event.namespace',
      }),
    ]);
  });
});

describe("namespaceKind", () => {
  it("labels and activates a new namespace", () => {
    const created = namespaceKind.prepareForCreate(made(namespaceKind, { status: { phase: "Terminating" } }));
    expect(created).toMatchObject({
      metadata: { labels: { "kubernetes.io/metadata.name": "a" } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    });
  });

  it("has labels as names", () => {
    const [error] = namespaceKind.validate(made(namespaceKind, {}, { name: "a.b" }));
    expect(error?.message).toMatch(/^Invalid value: "a.b": a lowercase RFC 1123 label must consist of/);
  });
});

describe("nodeKind", () => {
  it("is created with its status", () => {
    const node = made(nodeKind, { status: { ...ready, capacity: { cpu: "1" } } });
    expect(nodeKind.prepareForCreate(node)).toMatchObject({ status: { ...ready, allocatable: { cpu: "1" } } });
  });

  it("keeps its pod range", () => {
    const old = made(nodeKind, { spec: { podCIDRs: ["10.244.1.0/24"] } });
    const changed = made(nodeKind, { spec: { podCIDRs: ["10.244.2.0/24"] } });
    expect(nodeKind.validateUpdate(changed, old, undefined)[0]).toMatchObject({ field: "spec.podCIDRs" });
    expect(nodeKind.validateUpdate(changed, made(nodeKind, {}), undefined)).toEqual([]);
  });
});

describe("secretKind", () => {
  it("writes stringData into data", () => {
    const secret = made(secretKind, { data: { a: "YQ==" }, stringData: { b: "grüße", c: "" } });
    expect(secret).toMatchObject({ type: "Opaque", data: { a: "YQ==", b: "Z3LDvMOfZQ==", c: "" } });
    expect(secret).not.toHaveProperty("stringData");
    expect(secretKind.applyDefaults(secret)).toEqual(secret);
  });

  it.each([
    [{ data: { "a b": "" } }, "data[a b]", /a valid config key must consist of/],
    [{ type: "kubernetes.io/tls", data: { "tls.crt": "" } }, "data[tls.key]", /^Required value$/],
  ])("refuses %j", (content, field, message) =>
    expect(secretKind.validate(made(secretKind, content))).toEqual([
      expect.objectContaining({ field, message: expect.stringMatching(message) as unknown }),
    ]),
  );

  it("refuses another type, and changes of an immutable one", () => {
    const old = made(secretKind, { immutable: true, data: { a: "YQ==" } });
    expect(secretKind.validateUpdate(made(secretKind, { immutable: true, data: {} }), old, undefined)).toEqual([
      { type: "FieldValueForbidden", field: "data", message: "Forbidden: field is immutable when `immutable` is set" },
    ]);
    const typed = made(secretKind, { type: "a/b" });
    expect(secretKind.validateUpdate(typed, made(secretKind, {}), undefined)[0]).toMatchObject({ field: "type" });
  });
});

describe("configMapKind", () => {
  it("refuses keys that are in both lists", () => {
    expect(configMapKind.validate(made(configMapKind, { data: { a: "" }, binaryData: { a: "" } }))[0]).toMatchObject({
      field: "data[a]",
      message: 'Invalid value: "a": duplicate of key present in binaryData',
    });
  });
});

describe("metadata of every kind", () => {
  const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true };
  const bad: readonly (readonly [object, string, RegExp])[] = [
    [{ name: "A" }, "metadata.name", /a lowercase RFC 1123 subdomain must consist of/],
    [{ name: "" }, "metadata.name", /^Required value: name or generateName is required$/],
    [{ name: "a".repeat(254) }, "metadata.name", /must be no more than 253 characters/],
    [{ namespace: "" }, "metadata.namespace", /^Required value$/],
    [{ generateName: "A-" }, "metadata.generateName", /a lowercase RFC 1123 subdomain/],
    [{ labels: { "a/b/c": "x" } }, "metadata.labels", /a qualified name must consist of/],
    [{ labels: { a: "-x" } }, "metadata.labels", /a valid label must be an empty string or consist of/],
    [{ labels: { "/a": "" } }, "metadata.labels", /prefix part must be non-empty/],
    [{ annotations: { "a b": "" } }, "metadata.annotations", /name part must consist of/],
    [
      { annotations: { a: "x".repeat(262_145) } },
      "metadata.annotations",
      /^Too long: may not be more than 262144 bytes$/,
    ],
    [{ ownerReferences: [{ ...owner, uid: "" }] }, "metadata.ownerReferences[0].uid", /uid must not be empty/],
    [
      { ownerReferences: [owner, { ...owner, name: "q" }] },
      "metadata.ownerReferences",
      /Only one reference can have Controller set to true/,
    ],
    [
      { finalizers: ["x"] },
      "metadata.finalizers[0]",
      /name is neither a standard finalizer name nor is it fully qualified/,
    ],
    [{ finalizers: ["orphan", "foregroundDeletion"] }, "metadata.finalizers", /cannot be both set/],
  ];
  it.each(bad)("refuses %j", (metadata, field, message) => {
    const found = { field, message: expect.stringMatching(message) as unknown };
    expect(configMapKind.validate(made(configMapKind, {}, metadata))).toContainEqual(expect.objectContaining(found));
  });

  it("accepts what is usual", () => {
    const metadata = {
      generateName: "a-",
      labels: { "app.kubernetes.io/name": "x", empty: "" },
      annotations: { "Kubectl.kubernetes.io/last-applied-configuration": "{}" },
      finalizers: ["example.com/f", "foregroundDeletion"],
      ownerReferences: [owner],
    };
    expect(configMapKind.validate(made(configMapKind, {}, metadata))).toEqual([]);
  });

  it("refuses to change identity, and new finalizers on the way out", () => {
    const old = made(
      configMapKind,
      {},
      { uid: "1", deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.io/b"] },
    );
    const changed = made(configMapKind, {}, { name: "b", uid: "2", finalizers: ["a.io/b", "a.io/c"] });
    expect(
      configMapKind.validateUpdate(changed, old, undefined).map(({ field, message }) => `${field}: ${message}`),
    ).toEqual([
      'metadata.name: Invalid value: "b": field is immutable',
      'metadata.uid: Invalid value: "2": field is immutable',
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.io/c"}',
    ]);
  });

  it("has no namespace in cluster-wide kinds", () => {
    expect(nodeKind.validate(made(nodeKind, {}, { namespace: "n" }))).toEqual([
      { type: "FieldValueForbidden", field: "metadata.namespace", message: "Forbidden: not allowed on this type" },
    ]);
  });
});

describe("formatAge()", () => {
  const second = 1000;
  const minute = 60 * second;
  const hour = 60 * minute;
  const day = 24 * hour;
  it.each([
    [-5 * second, "<invalid>"],
    [-second / 2, "0s"],
    [119 * second, "119s"],
    [2 * minute, "2m"],
    [9 * minute + 5 * second, "9m5s"],
    [10 * minute + 5 * second, "10m"],
    [179 * minute, "179m"],
    [3 * hour, "3h"],
    [7 * hour + 30 * minute, "7h30m"],
    [47 * hour, "47h"],
    [3 * day + 4 * hour, "3d4h"],
    [8 * day + 4 * hour, "8d"],
    [729 * day, "729d"],
    [730 * day + day, "2y1d"],
    [9 * 365 * day, "9y"],
  ])("shows %d ms as %s", (ms, expected) => expect(formatAge(ms)).toBe(expected));
});
