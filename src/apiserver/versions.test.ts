import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unixLines, unixRequest } from "../../test/support/unix-http.ts";
import type { Call } from "../../test/support/unix-http.ts";
import { resources } from "../objects/index.ts";
import type { AnyObject, Resource, WatchEvent } from "../objects/index.ts";
import { createApiServer } from "./index.ts";
import type { ApiServer } from "./index.ts";

let folder: string;
let server: ApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-versions-"));
  server = await createApiServer();
  await server.listenUnix(join(folder, "api.sock"));
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const call = (path: string, options?: Call) => unixRequest(join(folder, "api.sock"), path, options);
const post = (path: string, body: unknown) => call(path, { method: "POST", body });
const put = (path: string, body: unknown) => call(path, { method: "PUT", body });
const remove = (path: string) => call(path, { method: "DELETE" });
const patch = (path: string, type: string, body: unknown) =>
  call(path, { method: "PATCH", body, headers: { "content-type": `application/${type}+json` } });
const table = { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } };

const v1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
const v2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
const scaler = (name: string, cpu = 80) => ({
  apiVersion: "autoscaling/v1",
  kind: "HorizontalPodAutoscaler",
  metadata: { name },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
    maxReplicas: 3,
    targetCPUUtilizationPercentage: cpu,
  },
});
const cpu = (averageUtilization: number) => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const memory = {
  type: "Resource",
  resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } },
};

const core = "/api/v1/namespaces/default/events";
const newer = "/apis/events.k8s.io/v1/namespaces/default/events";
const event = (name: string) => ({
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { name },
  regarding: { kind: "Pod", name: "p", namespace: "default" },
  reason: "Tried",
  note: "hello",
  type: "Normal",
  action: "Trying",
  reportingController: "c",
  reportingInstance: "c-1",
  eventTime: "2026-01-01T00:00:00.000000Z",
});

describe("two versions of HorizontalPodAutoscaler", () => {
  it("are one object with one resourceVersion", async () => {
    const created = await post(v1, scaler("one"));
    expect(created).toMatchObject({ code: 201, body: scaler("one") });
    const shown = await call(`${v2}/one`);
    expect(shown.body).toMatchObject({ apiVersion: "autoscaling/v2", spec: { maxReplicas: 3, metrics: [cpu(80)] } });
    expect(shown.body["spec"]).not.toHaveProperty("targetCPUUtilizationPercentage");
    expect(shown.body["metadata"]).toEqual(created.body["metadata"]);
    expect((await call(`${v1}/one`)).body).toEqual(created.body);
    expect(await post(v2, { ...scaler("one"), apiVersion: "autoscaling/v2", spec: { maxReplicas: 1 } })).toMatchObject({
      code: 409,
    });
    expect((await put(`${v1}/one`, created.body)).body).toEqual(created.body);
  });

  it("list, print and delete what was created as the other one", async () => {
    await post(v1, scaler("listed", 70));
    const { body } = await call(v2);
    expect(body["items"]).toContainEqual(
      expect.objectContaining({ apiVersion: "autoscaling/v2", spec: expect.objectContaining({ metrics: [cpu(70)] }) }),
    );
    const printed = await call(`${v2}/listed`, table);
    expect(printed.body["rows"]).toMatchObject([
      { cells: ["listed", "Deployment/web", "cpu: <unknown>/70%", "1", 3, 0, expect.anything()] },
    ]);
    const page = await call(`${v1}?limit=1`);
    expect(page.body).toMatchObject({
      items: [{ apiVersion: "autoscaling/v1" }],
      metadata: { continue: expect.any(String) },
    });
    expect((await remove(`${v2}/listed`)).code).toBe(200);
    expect((await call(`${v1}/listed`)).code).toBe(404);
    await post(v2, {
      ...scaler("swept"),
      apiVersion: "autoscaling/v2",
      spec: { ...scaler("swept").spec, targetCPUUtilizationPercentage: undefined },
    });
    const swept = await call(`${v1}?fieldSelector=metadata.name%3Dswept`, { method: "DELETE" });
    expect(swept.body["items"]).toMatchObject([{ apiVersion: "autoscaling/v1", metadata: { name: "swept" } }]);
    expect((await call(`${v2}/swept`)).code).toBe(404);
  });

  it("are patched through either, and lose nothing that the other one has", async () => {
    await post(v1, scaler("patched"));
    await patch(`${v2}/patched`, "merge-patch", {
      spec: { metrics: [cpu(50), memory], behavior: { scaleUp: { stabilizationWindowSeconds: 5 } } },
    });
    const condition = {
      type: "AbleToScale",
      status: "True",
      reason: "Ready",
      message: "m",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    };
    await patch(`${v2}/patched/status`, "merge-patch", {
      status: { currentReplicas: 2, desiredReplicas: 2, conditions: [condition] },
    });
    const seen = await call(`${v1}/patched`);
    expect(seen.body).toMatchObject({ spec: { targetCPUUtilizationPercentage: 50 } });
    await patch(`${v1}/patched`, "strategic-merge-patch", {
      spec: { targetCPUUtilizationPercentage: 60 },
      metadata: { labels: { a: "b" } },
    });
    await patch(`${v1}/patched/status`, "merge-patch", { status: { currentReplicas: 3 } });
    const { body } = await call(`${v2}/patched`);
    expect(body).toMatchObject({
      metadata: { labels: { a: "b" } },
      spec: { metrics: [cpu(60), memory], behavior: { scaleUp: { stabilizationWindowSeconds: 5 } } },
      status: { currentReplicas: 3, conditions: [condition] },
    });
    expect(body["metadata"]).not.toHaveProperty("annotations");
    const stale = { ...scaler("patched"), metadata: { name: "patched", resourceVersion: "1" } };
    expect((await put(`${v1}/patched`, stale)).code).toBe(409);
  });

  it("are watched through either", async () => {
    const watched = "watch=1&fieldSelector=metadata.name%3Dwatched";
    const old = await unixLines(join(folder, "api.sock"), `${v1}?${watched}`);
    const current = await unixLines(join(folder, "api.sock"), `${v2}?${watched}`);
    await post(v1, scaler("watched", 10));
    await patch(`${v2}/watched`, "merge-patch", { spec: { metrics: [cpu(20)] } });
    await remove(`${v1}/watched`);
    const asOld = (type: string, value: number) => ({
      type,
      object: { apiVersion: "autoscaling/v1", spec: { targetCPUUtilizationPercentage: value } },
    });
    const asNew = (type: string, value: number) => ({
      type,
      object: { apiVersion: "autoscaling/v2", spec: { metrics: [cpu(value)] } },
    });
    expect(await old.take(3)).toMatchObject([asOld("ADDED", 10), asOld("MODIFIED", 20), asOld("DELETED", 20)]);
    expect(await current.take(3)).toMatchObject([asNew("ADDED", 10), asNew("MODIFIED", 20), asNew("DELETED", 20)]);
    old.close();
    current.close();
  });

  it("refuse annotations that are no metrics of the other version", async () => {
    const annotations = { "autoscaling.alpha.kubernetes.io/metrics": '[{"type":5}]' };
    const answer = await post(v1, { ...scaler("odd"), metadata: { name: "odd", annotations } });
    expect(answer).toMatchObject({
      code: 400,
      body: { message: expect.stringContaining("MetricSpec.spec.metrics.type of type string") },
    });
  });
});

describe("events of two groups", () => {
  it("are one object", async () => {
    const created = await post(newer, event("new"));
    expect(created).toMatchObject({ code: 201, body: event("new") });
    const shown = await call(`${core}/new`);
    expect(shown.body).toMatchObject({
      apiVersion: "v1",
      involvedObject: { name: "p" },
      message: "hello",
      reportingComponent: "c",
    });
    expect(shown.body).not.toHaveProperty("note");
    await patch(`${core}/new`, "merge-patch", { message: "changed", count: 2 });
    expect((await call(`${newer}/new`)).body).toMatchObject({ note: "changed", deprecatedCount: 2 });
    expect((await call(`${newer}/new`, table)).body["rows"]).toEqual((await call(`${core}/new`, table)).body["rows"]);
    expect((await remove(`${newer}/new`)).code).toBe(200);
    expect((await call(`${core}/new`)).code).toBe(404);
  });

  it("are selected by the field names of the group that is asked", async () => {
    await post(newer, event("selected"));
    const names = async (path: string) => {
      const { body } = await call(path);
      return (body["items"] as AnyObject[]).map(({ metadata }) => metadata.name);
    };
    expect(await names(`${core}?fieldSelector=involvedObject.name%3Dp%2CreportingComponent%3Dc`)).toEqual(["selected"]);
    expect(await names(`${newer}?fieldSelector=regarding.name%3Dp%2CreportingController%3Dc`)).toEqual(["selected"]);
    expect(await names(`${newer}?fieldSelector=regarding.name%3Dq`)).toEqual([]);
    expect((await call(`${newer}?fieldSelector=involvedObject.name%3Dp`)).code).toBe(400);
  });

  it("are refused by the rules of the group that is asked", async () => {
    const { eventTime: _time, ...timeless } = event("timeless");
    const answer = await post(newer, timeless);
    expect(answer).toMatchObject({
      code: 422,
      body: { message: expect.stringContaining("eventTime: Required value") },
    });
  });

  it("are the same in the process itself", async () => {
    const { api } = server;
    const newEvents: Resource<AnyObject> = {
      group: "events.k8s.io",
      version: "v1",
      kind: "Event",
      plural: "events",
      namespaced: true,
    };
    const seen: WatchEvent<AnyObject>[] = [];
    const done = new Promise<void>((resolve) => {
      const watch = api.watch(
        newEvents,
        { namespace: "default", fieldSelector: "metadata.name=inside" },
        {
          event: (one) => {
            seen.push(one);
            if (one.type !== "DELETED") return;
            watch.close();
            resolve();
          },
          closed: () => resolve(),
        },
      );
    });
    await api.create(resources.events, {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "inside", namespace: "default" },
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "Tried",
      message: "hello",
      type: "Normal",
      firstTimestamp: "2026-01-01T00:00:00Z",
    });
    const got = await api.get(newEvents, "default", "inside");
    expect(got).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "hello" });
    const changed = await api.update(newEvents, { ...got, note: "changed" });
    expect(changed).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "changed" });
    expect(await api.get(resources.events, "default", "inside")).toMatchObject({
      apiVersion: "v1",
      message: "changed",
    });
    expect((await api.list(newEvents, { namespace: "default" })).items).toContainEqual(changed);
    await api.delete(newEvents, "default", "inside");
    await done;
    expect(seen.map(({ type, object }) => [type, object.apiVersion, object["note"]])).toEqual([
      ["ADDED", "events.k8s.io/v1", "hello"],
      ["MODIFIED", "events.k8s.io/v1", "changed"],
      ["DELETED", "events.k8s.io/v1", "changed"],
    ]);
  });
});
