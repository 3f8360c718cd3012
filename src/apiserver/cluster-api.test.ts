import { describe, expect, it } from "vitest";
import { ManualClock, seededRandom } from "../core/index.ts";
import { isAlreadyExists, isConflict, isGone, isNotFound, resources } from "../objects/index.ts";
import type { ConfigMap, Namespace, Node, Pod, WatchEvent } from "../objects/index.ts";
import { createApiServer } from "./index.ts";

const { configMaps, namespaces, nodes, pods } = resources;

const configMap = (name: string, more: Partial<ConfigMap> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  ...more,
});

const server = (clock = new ManualClock(Date.UTC(2026, 0, 1))) => createApiServer({ clock, random: seededRandom(1) });
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));
const rejection = (request: Promise<unknown>) =>
  request.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("ApiServer.api", () => {
  it("hands out the stored objects by reference", async () => {
    const { api } = await server();
    const created = await api.create(configMaps, configMap("a"));
    expect(await api.get(configMaps, "default", "a")).toBe(created);
    expect((await api.list(configMaps)).items[0]).toBe(created);
    expect(created.metadata.creationTimestamp).toBe("2026-01-01T00:00:00Z");
  });

  it("rejects with errors that callers recognise", async () => {
    const { api } = await server();
    const created = await api.create(configMaps, configMap("a"));
    await api.update(configMaps, { ...created, data: { a: "1" } });
    expect(isNotFound(await rejection(api.get(configMaps, "default", "x")))).toBe(true);
    expect(isAlreadyExists(await rejection(api.create(configMaps, configMap("a"))))).toBe(true);
    expect(isConflict(await rejection(api.update(configMaps, { ...created, data: { a: "2" } })))).toBe(true);
  });

  it("lists in pages when asked to, and loses nothing between them", async () => {
    const { api } = await server();
    for (let i = 0; i < 5; i++) await api.create(configMaps, configMap(`m${i}`));
    const names: string[] = [];
    let rest: { readonly continue?: string } = {};
    do {
      const page = await api.list(configMaps, { namespace: "default", limit: 2, ...rest });
      names.push(...page.items.map(({ metadata }) => metadata.name));
      rest = page.continue === undefined ? {} : { continue: page.continue };
    } while (rest.continue !== undefined);
    expect(names).toEqual(["m0", "m1", "m2", "m3", "m4"]);
  });

  it("leaves what it was given and what it gave unchanged", async () => {
    const { api } = await server();
    const given = Object.freeze(configMap("a", { metadata: Object.freeze({ name: "a", namespace: "default" }) }));
    const created = await api.create(configMaps, given);
    const text = JSON.stringify(created);
    await api.patch(configMaps, "default", "a", { type: "merge", body: { data: { b: "2" } } });
    expect(JSON.stringify(created)).toBe(text);
  });

  it("writes only the status through updateStatus()", async () => {
    const { api } = await server();
    const spec = { podCIDR: "10.0.0.0/24" };
    const created = await api.create<Node>(nodes, {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "node-1" },
      spec,
    });
    const conditions = [{ type: "Ready", status: "True" as const }];
    const updated = await api.updateStatus(nodes, { ...created, spec: {}, status: { conditions } });
    expect(updated.status?.conditions).toEqual(conditions);
    expect(updated.spec).toEqual(created.spec);
    const plain = await api.update(nodes, { ...updated, status: { conditions: [] } });
    expect(plain.status?.conditions).toEqual(conditions);
  });

  it("watches from a version, or from the present objects on", async () => {
    const { api } = await server();
    await api.create(configMaps, configMap("a"));
    const { resourceVersion } = await api.list(configMaps);
    const seen: string[] = [];
    const handlers = (label: string) => ({
      event: ({ type, object }: WatchEvent<ConfigMap>) => void seen.push(`${label} ${type} ${object.metadata.name}`),
      closed: () => void seen.push(`${label} closed`),
    });
    const late = api.watch(configMaps, { resourceVersion }, handlers("late"));
    api.watch(configMaps, { namespace: "default" }, handlers("all"));
    await api.create(configMaps, configMap("b"));
    await settled();
    expect(seen).toEqual(
      ["late ADDED b", "all ADDED a", "all ADDED b"].sort((x, y) => seen.indexOf(x) - seen.indexOf(y)),
    );
    late.close();
    await api.delete(configMaps, "default", "b");
    await settled();
    expect(seen.slice(3)).toEqual(["all DELETED b"]);
  });

  it("reports a watch that cannot start through closed(), once", async () => {
    const { api } = await server();
    const ends: unknown[] = [];
    const handlers = { event: () => undefined, closed: (error: Error | undefined) => void ends.push(error) };
    api.watch(configMaps, { resourceVersion: "999" }, handlers);
    api.watch(configMaps, { labelSelector: "a===b" }, handlers);
    api.watch(configMaps, { resourceVersion: "999" }, handlers).close();
    await settled();
    expect(ends).toHaveLength(2);
    expect(isGone(ends[0])).toBe(true);
  });

  it("lets the namespace controller finish a namespace by updateStatus()", async () => {
    const { api } = await server();
    await api.create<Namespace>(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "tour" } });
    await api.delete(namespaces, undefined, "tour");
    const leaving = await api.get(namespaces, undefined, "tour");
    expect(leaving.status?.phase).toBe("Terminating");
    await api.updateStatus(namespaces, { ...leaving, spec: { finalizers: [] } });
    expect(isNotFound(await rejection(api.get(namespaces, undefined, "tour")))).toBe(true);
  });

  it("ignores finalizers of a namespace that nobody deletes", async () => {
    const { api } = await server();
    const namespace = await api.get(namespaces, undefined, "default");
    const updated = await api.updateStatus(namespaces, { ...namespace, spec: { finalizers: [] } });
    expect(updated.spec?.finalizers).toEqual(["kubernetes"]);
  });

  it("deletes a pod on a node in two steps", async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const { api } = await server(clock);
    const spec = { nodeName: "node-1", containers: [{ name: "c", image: "i" }], terminationGracePeriodSeconds: 10 };
    const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default" }, spec };
    const { metadata } = await api.create(pods, pod);
    await api.delete(pods, "default", "p");
    const terminating = await api.get(pods, "default", "p");
    expect(terminating.metadata).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:10Z",
      deletionGracePeriodSeconds: 10,
    });
    const other = api.delete(pods, "default", "p", { gracePeriodSeconds: 0, uid: "another" });
    expect(isConflict(await rejection(other))).toBe(true);
    await api.delete(pods, "default", "p", {
      gracePeriodSeconds: 0,
      ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
    });
    expect(isNotFound(await rejection(api.get(pods, "default", "p")))).toBe(true);
  });

  it("gives 10,000 Services an address each", async () => {
    const { api } = await server();
    for (let i = 0; i < 10_000; i++) {
      const metadata = { name: `s-${i}`, namespace: "default" };
      const spec = { ports: [{ port: 80 }], selector: { app: "a" } };
      await api.create(resources.services, { apiVersion: "v1", kind: "Service", metadata, spec });
    }
    const { items } = await api.list(resources.services);
    expect(new Set(items.map(({ spec }) => spec.clusterIP)).size).toBe(10_001);
  });
});
