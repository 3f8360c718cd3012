import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodedError } from "../core/index.ts";
import type { KubeObject, WatchEvent } from "../objects/index.ts";
import { memoryPersistence, ObjectStore } from "./index.ts";
import type { PersistedBatch, Persistence, Write } from "./index.ts";

function object(namespace: string, name: string, labels: Readonly<Record<string, string>> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name, labels } };
}

function put(namespace: string, name: string, labels?: Readonly<Record<string, string>>): Write {
  return { kind: "put", table: "configmaps", object: object(namespace, name, labels), expect: { kind: "any" } };
}

function remove(namespace: string, name: string): Write {
  return { kind: "delete", table: "configmaps", namespace, name, expect: { kind: "any" } };
}

/** A watch, with what it reports as `TYPE name@version`. `ends` holds what `closed` was called with. */
function watch(store: ObjectStore, query: Parameters<ObjectStore["watch"]>[1] = {}) {
  const seen: string[] = [];
  const ends: (Error | undefined)[] = [];
  const event = ({ type, object: { metadata } }: WatchEvent<KubeObject>) =>
    void seen.push(`${type} ${metadata.name}@${metadata.resourceVersion}`);
  const running = store.watch("configmaps", query, { event, closed: (error) => void ends.push(error) });
  return { seen, ends, running };
}

const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));
const names = (items: readonly KubeObject[]) => items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);

describe("ObjectStore.commit()", () => {
  it("gives every write of every table the next version", async () => {
    const store = await ObjectStore.open();
    const [first, second] = store.commit([put("a", "x"), { ...put("a", "x"), table: "secrets" }]);
    expect([first?.metadata.resourceVersion, second?.metadata.resourceVersion]).toEqual(["1", "2"]);
    const [gone] = store.commit([remove("a", "x")]);
    expect(gone?.metadata.resourceVersion).toBe("3");
    expect(store.get("configmaps", "a", "x")).toBeUndefined();
    expect(store.get("secrets", "a", "x")).toBe(second);
  });

  it("does nothing at all when one expectation does not hold", async () => {
    const store = await ObjectStore.open();
    store.commit([put("a", "x")]);
    const cases: readonly (readonly [Write, string])[] = [
      [{ ...put("a", "x"), expect: { kind: "absent" } }, "AlreadyExists"],
      [{ ...put("a", "x"), expect: { kind: "version", resourceVersion: "7" } }, "Conflict"],
      [{ ...put("a", "y"), expect: { kind: "version", resourceVersion: "1" } }, "NotFound"],
      [remove("a", "y"), "NotFound"],
    ];
    for (const [write, code] of cases) {
      expect(() => store.commit([put("a", "new"), write])).toThrow(expect.objectContaining({ code }));
      expect(store.get("configmaps", "a", "new")).toBeUndefined();
      expect(store.version).toBe(1);
    }
  });

  it("refuses further writes after persistence has failed", async () => {
    const failing: Persistence = { ...memoryPersistence, commit: () => Promise.reject(new Error("disk full")) };
    const store = await ObjectStore.open({ persistence: { ...failing } });
    store.commit([put("a", "x")]);
    await expect(store.durable()).rejects.toThrow("disk full");
    expect(() => store.commit([put("a", "y")])).toThrow(expect.objectContaining({ code: "StoreFailed" }));
  });
});

describe("ObjectStore.list()", () => {
  it("orders by namespace and name, and lists one namespace alone", async () => {
    const store = await ObjectStore.open();
    store.commit([put("b", "1"), put("a", "2"), put("a", "1"), put("a-b", "1")]);
    expect(names(store.list("configmaps").items)).toEqual(["a/1", "a/2", "a-b/1", "b/1"]);
    expect(names(store.list("configmaps", { namespace: "a" }).items)).toEqual(["a/1", "a/2"]);
    expect(store.list("nothing").items).toEqual([]);
  });

  it("gives later pages as they were when the first one was made", async () => {
    const store = await ObjectStore.open();
    store.commit([put("a", "1"), put("a", "2", { v: "old" }), put("b", "1")]);
    const first = store.list("configmaps", { limit: 1 });
    expect(first).toMatchObject({ version: 3, more: true });
    store.commit([put("a", "2", { v: "new" }), remove("b", "1"), put("c", "1")]);
    const rest = store.list("configmaps", { at: 3, after: { namespace: "a", name: "1" } });
    expect(names(rest.items)).toEqual(["a/2", "b/1"]);
    expect(rest.items[0]?.metadata.labels).toEqual({ v: "old" });
    expect(rest).toMatchObject({ version: 3, more: false });
  });

  it("says Expired for a version that is forgotten and TooLarge for one that is yet to come", async () => {
    const store = await ObjectStore.open({ historyLimit: 2 });
    store.commit([put("a", "1"), put("a", "2"), put("a", "3")]);
    expect(() => store.list("configmaps", { at: 0 })).toThrow(expect.objectContaining({ code: "Expired" }));
    expect(() => store.list("configmaps", { at: 9 })).toThrow(expect.objectContaining({ code: "TooLarge" }));
    expect(names(store.list("configmaps", { at: 1 }).items)).toEqual(["a/1"]);
  });
});

describe("ObjectStore.watch()", () => {
  it("starts with the present objects, then follows", async () => {
    const store = await ObjectStore.open();
    store.commit([put("a", "1")]);
    const { seen, running } = watch(store);
    store.commit([put("a", "1"), put("b", "1"), remove("a", "1")]);
    expect(seen).toEqual([]);
    await settled();
    expect(seen).toEqual(["ADDED 1@1", "MODIFIED 1@2", "ADDED 1@3", "DELETED 1@4"]);
    running.close();
    store.commit([put("a", "2")]);
    await settled();
    expect(seen).toHaveLength(4);
  });

  it("catches up from a version without gaps or repeats", async () => {
    const store = await ObjectStore.open();
    store.commit([put("a", "1"), put("a", "2")]);
    const { seen } = watch(store, { since: 1, namespace: "a" });
    store.commit([put("a", "3"), put("b", "9")]);
    await settled();
    expect(seen).toEqual(["ADDED 2@2", "ADDED 3@3"]);
  });

  it("shows an object that enters or leaves a selection as ADDED or DELETED", async () => {
    const store = await ObjectStore.open();
    store.commit([put("a", "1", { app: "x" }), put("a", "2")]);
    const { seen } = watch(store, { matches: ({ metadata }) => metadata.labels?.["app"] === "x" });
    store.commit([put("a", "2", { app: "x" }), put("a", "1"), put("a", "1", { other: "" }), remove("a", "1")]);
    await settled();
    expect(seen).toEqual(["ADDED 1@1", "ADDED 2@3", "DELETED 1@4"]);
  });

  it("throws Expired for forgotten versions and for versions of an earlier life", async () => {
    const store = await ObjectStore.open({ historyLimit: 2 });
    store.commit([put("a", "1"), put("a", "2"), put("a", "3"), put("a", "4")]);
    for (const since of [0, 1, 99]) {
      expect(() => watch(store, { since })).toThrow(expect.objectContaining({ code: "Expired" }));
    }
    expect(() => watch(store, { since: 2 })).not.toThrow();
  });

  it("keeps the order for everybody when a receiver writes", async () => {
    const store = await ObjectStore.open();
    store.watch(
      "configmaps",
      {},
      {
        event: ({ object: { metadata } }) => void (metadata.name === "1" && store.commit([put("a", "2")])),
        closed: () => undefined,
      },
    );
    const { seen } = watch(store);
    store.commit([put("a", "1")]);
    await settled();
    expect(seen).toEqual(["ADDED 1@1", "ADDED 2@2"]);
  });

  it("ends only the watch whose receiver throws", async () => {
    const store = await ObjectStore.open();
    const errors: unknown[] = [];
    const event = () => {
      throw new Error("broken receiver");
    };
    store.watch("configmaps", {}, { event, closed: (error) => void errors.push(error?.message) });
    const { seen } = watch(store);
    store.commit([put("a", "1"), put("a", "2")]);
    await settled();
    expect(errors).toEqual(["broken receiver"]);
    expect(seen).toHaveLength(2);
  });

  it("calls afterPending() after all events before it", async () => {
    const store = await ObjectStore.open();
    const { seen, running } = watch(store);
    store.commit([put("a", "1")]);
    running.afterPending((version) => void seen.push(`bookmark ${version}`));
    await settled();
    expect(seen).toEqual(["ADDED 1@1", "bookmark 1"]);
  });

  it("tells every receiver once when the store closes", async () => {
    const store = await ObjectStore.open();
    const { ends } = watch(store);
    await store.close();
    expect(ends).toEqual([undefined]);
  });

  it("always leads to the state that a list shows", async () => {
    const step = fc.record({ name: fc.constantFrom("1", "2", "3"), label: fc.constantFrom("x", "y", undefined) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(30), async (steps, start) => {
        const store = await ObjectStore.open();
        const apply = ({ name, label }: (typeof steps)[number]) => {
          if (label !== undefined) store.commit([put("a", name, { app: label })]);
          else if (store.get("configmaps", "a", name) !== undefined) store.commit([remove("a", name)]);
        };
        const matches = ({ metadata }: KubeObject) => metadata.labels?.["app"] === "x";
        steps.slice(0, start).forEach(apply);
        const view = new Map(store.list("configmaps", { matches }).items.map((item) => [item.metadata.name, item]));
        const since = store.version;
        steps.slice(start).forEach(apply);
        const event = ({ type, object: changed }: WatchEvent<KubeObject>) => {
          if (type === "DELETED") expect(view.delete(changed.metadata.name)).toBe(true);
          else view.set(changed.metadata.name, changed);
        };
        store.watch("configmaps", { since, matches }, { event, closed: (error) => expect(error).toBeUndefined() });
        await settled();
        const listed = store.list("configmaps", { matches }).items;
        expect([...view.values()].map(({ metadata }) => metadata.resourceVersion).sort()).toEqual(
          listed.map(({ metadata }) => metadata.resourceVersion).sort(),
        );
      }),
    );
  });
});

describe("ObjectStore.addIndex()", () => {
  it("files objects under their values through every change", async () => {
    const store = await ObjectStore.open();
    store.commit([put("a", "1", { app: "x" })]);
    store.addIndex("configmaps", "app", ({ metadata }) => Object.values(metadata.labels ?? {}));
    const filed = (value: string) => names([...store.indexed("configmaps", "app", value)]);
    expect(filed("x")).toEqual(["a/1"]);
    store.commit([put("a", "2", { app: "x" }), put("a", "1", { app: "y" })]);
    expect([filed("x"), filed("y")]).toEqual([["a/2"], ["a/1"]]);
    store.commit([remove("a", "2")]);
    expect(filed("x")).toEqual([]);
    expect(() => store.indexed("configmaps", "none", "x")).toThrow(TypeError);
  });
});

describe("ObjectStore.open()", () => {
  it("continues where the persistence stopped, without history from before", async () => {
    const batches: PersistedBatch[] = [];
    const persistence: Persistence = {
      load: () => Promise.resolve({ version: 41, objects: [{ table: "configmaps", object: object("a", "1") }] }),
      commit: (batch) => Promise.resolve(void batches.push(batch)),
      close: () => Promise.resolve(),
    };
    const store = await ObjectStore.open({ persistence });
    expect(names(store.list("configmaps").items)).toEqual(["a/1"]);
    expect(() => watch(store, { since: 40 })).toThrow(CodedError);
    expect(() => watch(store, { since: 41 })).not.toThrow();
    store.commit([put("a", "2"), remove("a", "1")]);
    expect(batches).toMatchObject([{ version: 43, puts: [{ table: "configmaps" }], deletes: [{ key: "a/1" }] }]);
  });
});
