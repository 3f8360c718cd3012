import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/index.ts";
import type { Logger } from "../core/index.ts";
import { resources } from "../objects/index.ts";
import type { ConfigMap, ListOptions, WatchHandlers } from "../objects/index.ts";
import { FakeApi, refusal } from "../../test/cluster/fake-api.ts";
import { createCache } from "./cache.ts";
import { createEventRecorder } from "./event-recorder.ts";

const map = (name: string, namespace = "default", labels: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace, labels },
});
/** The lines of a log, without their fields. */
function recorded(): readonly [readonly string[], Logger] {
  const lines: string[] = [];
  const note = (message: string) => void lines.push(message);
  return [lines, { debug: note, info: note, warn: note, error: note }];
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("createCache()", () => {
  it("finds objects by name, namespace and index, before and after they change", async () => {
    const api = new FakeApi();
    const indexers = { team: (object: ConfigMap) => Object.values(object.metadata.labels ?? {}) };
    const cache = createCache(api, resources.configMaps, { clock: new ManualClock(), indexers });
    await api.create(resources.configMaps, map("a", "x", { team: "red" }));
    await cache.whenSynced();
    await api.create(resources.configMaps, map("b", "x", { team: "red" }));
    await api.create(resources.configMaps, map("c", "y"));
    await settled();
    const names = (list: readonly ConfigMap[]) => list.map(({ metadata }) => metadata.name);
    expect(names(cache.list())).toEqual(["a", "b", "c"]);
    expect(names(cache.list("x"))).toEqual(["a", "b"]);
    expect(names(cache.indexed("team", "red"))).toEqual(["a", "b"]);
    await api.update(resources.configMaps, map("a", "x", { team: "blue" }));
    await api.delete(resources.configMaps, "x", "b");
    await settled();
    expect(names(cache.indexed("team", "red"))).toEqual([]);
    expect(names(cache.indexed("team", "blue"))).toEqual(["a"]);
    expect(cache.get("x", "b")).toBeUndefined();
    expect(() => cache.indexed("colour", "red")).toThrow(TypeError);
    cache.stop();
  });

  it("puts together a list that comes in pages, and starts again when it is too old to go on", async () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    const asked: (string | undefined)[] = [];
    let refusals = 1;
    api.list = (_resource: never, options: ListOptions) => {
      asked.push(options.continue);
      if (options.continue === "2" && refusals-- > 0) return Promise.reject(refusal(410, "Expired", "too old"));
      const page = Number(options.continue ?? 0);
      const more = page < 2 ? { continue: `${page + 1}` } : {};
      return Promise.resolve({ resourceVersion: "9", items: [map(`m${page}`)] as never[], ...more });
    };
    const cache = createCache(api, resources.configMaps, { clock });
    await settled();
    clock.advance(60_000);
    await cache.whenSynced();
    expect(asked).toEqual([undefined, "1", "2", undefined, "1", "2"]);
    expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(["m0", "m1", "m2"]);
    cache.stop();
  });

  it("keeps objects as small as it is told", async () => {
    const api = new FakeApi();
    const slim = ({ apiVersion, kind, metadata: { name, namespace = "" } }: ConfigMap): ConfigMap => ({
      apiVersion,
      kind,
      metadata: { name, namespace },
    });
    await api.create(resources.configMaps, map("a", "x", { team: "red" }));
    const cache = createCache(api, resources.configMaps, { clock: new ManualClock(), slim });
    await cache.whenSynced();
    await api.create(resources.configMaps, map("b", "x", { team: "red" }));
    await settled();
    expect(cache.list().map(({ metadata }) => metadata)).toEqual([
      { name: "a", namespace: "x" },
      { name: "b", namespace: "x" },
    ]);
    cache.stop();
  });

  it("drops managedFields", async () => {
    const api = new FakeApi();
    const object = map("a");
    await api.create(resources.configMaps, { ...object, metadata: { ...object.metadata, managedFields: [{}] } });
    const cache = createCache(api, resources.configMaps, { clock: new ManualClock() });
    await cache.whenSynced();
    expect(cache.get("default", "a")?.metadata).not.toHaveProperty("managedFields");
    cache.stop();
  });

  it("tells an object that was deleted and made again as gone, then new", async () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    const breaks: (() => void)[] = [];
    const inner = api.watch.bind(api);
    api.watch = (resource: never, options: ListOptions, handlers: WatchHandlers<never>) => {
      const watch = inner(resource, options, handlers);
      breaks.push(() => watch.close());
      breaks.push(() => handlers.closed(refusal(410, "Expired", "too old")));
      return watch;
    };
    await api.create(resources.configMaps, map("a"));
    const cache = createCache(api, resources.configMaps, { clock });
    await cache.whenSynced();
    const told: (readonly [string | undefined, string | undefined])[] = [];
    cache.subscribe((now, before) => told.push([now?.metadata.uid, before?.metadata.uid]));
    const [first] = api.all(resources.configMaps);
    // The connection breaks, and comes back when the history is gone.
    api.watch = () => ({ close: () => undefined });
    const [stop, notice] = breaks;
    stop?.();
    await api.delete(resources.configMaps, "default", "a");
    const second = await api.create(resources.configMaps, map("a"));
    notice?.();
    await settled();
    expect(told).toEqual([
      [first?.metadata.uid, undefined],
      [undefined, first?.metadata.uid],
      [second.metadata.uid, undefined],
    ]);
    cache.stop();
  });

  it("takes a kind that the API does not have for an empty list, says so once, and looks again", async () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    const [lines, log] = recorded();
    const inner = { list: api.list.bind(api), watch: api.watch.bind(api) };
    let lists = 0;
    let close: ((error: Error) => void) | undefined;
    const missing = () => {
      lists++;
      return Promise.reject(refusal(404, "NotFound", "404 page not found"));
    };
    api.list = missing;
    const cache = createCache(api, resources.configMaps, { clock, log, mayBeMissing: true });
    await cache.whenSynced();
    expect([cache.list(), cache.connected, cache.problem]).toEqual([[], true, undefined]);
    for (let i = 0; i < 3; i++) {
      clock.advance(30_000);
      await settled();
    }
    expect([lists, cache.heardAt]).toEqual([4, 90_000]);
    expect(lines).toEqual(["the API has no configmaps of v1; it is asked again every 30 s"]);

    await api.create(resources.configMaps, map("a"));
    api.list = inner.list;
    api.watch = (resource: never, options: ListOptions, handlers: WatchHandlers<never>) => {
      close = (error) => handlers.closed(error);
      return inner.watch(resource, options, handlers);
    };
    clock.advance(30_000);
    await settled();
    expect([cache.list().map(({ metadata }) => metadata.name), lines.at(-1)]).toEqual([["a"], "the API has it now"]);

    // It goes away, and its objects with it.
    api.list = missing;
    close?.(refusal(404, "NotFound", "404 page not found"));
    await settled();
    expect([cache.list(), cache.synced, lines.length]).toEqual([[], true, 3]);
    cache.stop();
    clock.advance(60_000);
    await settled();
    expect(lists).toBe(4);
  });

  it("keeps trying where a kind must be there", async () => {
    const api = new FakeApi();
    api.list = () => Promise.reject(refusal(404, "NotFound", "404 page not found"));
    const cache = createCache(api, resources.configMaps, { clock: new ManualClock() });
    await settled();
    expect([cache.synced, cache.problem]).toEqual([false, "404 page not found"]);
    cache.stop();
  });

  it("tries a failing list again with growing delays, and stops when told to", async () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    let calls = 0;
    api.list = () => {
      calls++;
      return Promise.reject(new Error("no"));
    };
    const cache = createCache(api, resources.configMaps, { clock });
    const counts: number[] = [];
    for (const ms of [0, 50, 50, 50, 200, 400]) {
      clock.advance(ms);
      await settled();
      counts.push(calls);
    }
    expect(counts).toEqual([1, 2, 2, 3, 4, 5]);
    expect([cache.synced, cache.problem]).toEqual([false, "no"]);
    cache.stop();
    clock.advance(100_000);
    await settled();
    expect(calls).toBe(5);
  });
});

describe("createEventRecorder()", () => {
  it("raises the count of an event that is repeated", async () => {
    const api = new FakeApi();
    const clock = new ManualClock(1_700_000_000_000);
    const recorder = createEventRecorder(api, { component: "test", host: "node-1" }, clock);
    const object = await api.create(resources.configMaps, map("a"));
    for (let i = 0; i < 5; i++) recorder.record(object, "Warning", "Broken", "it is broken");
    await settled();
    clock.advance(60_000);
    recorder.record(object, "Warning", "Broken", "it is broken");
    recorder.record(object, "Normal", "Mended", "it works");
    await settled();
    const events = api.all(resources.events);
    expect(events).toMatchObject([
      {
        reason: "Broken",
        count: 6,
        firstTimestamp: "2023-11-14T22:13:20Z",
        lastTimestamp: "2023-11-14T22:14:20Z",
        involvedObject: { kind: "ConfigMap", name: "a", namespace: "default" },
        source: { component: "test", host: "node-1" },
      },
      { reason: "Mended", count: 1, type: "Normal" },
    ]);
    // Repeats that come while a request is under way share one.
    expect(api.writes.filter((write) => write.includes("events/")).length).toBeLessThanOrEqual(4);
  });

  it("keeps what several nodes tell of one object in the same millisecond", async () => {
    const api = new FakeApi();
    const clock = new ManualClock(1_700_000_000_000);
    const object = await api.create(resources.configMaps, map("a"));
    for (const host of ["node-1", "node-2", "node-3"]) {
      createEventRecorder(api, { component: "agent", host }, clock).record(object, "Warning", "Broken", `on ${host}`);
    }
    await settled();
    const messages = api.all(resources.events).map(({ message }) => message);
    expect(messages).toEqual(["on node-1", "on node-2", "on node-3"]);
  });

  it("never fails, whatever the API says", async () => {
    const api = new FakeApi();
    const object = await api.create(resources.configMaps, map("a"));
    api.beforeWrite = () => {
      throw refusal(500, "InternalError", "no");
    };
    const recorder = createEventRecorder(api, { component: "test" }, new ManualClock());
    for (let i = 0; i < 2_000; i++) recorder.record(object, "Normal", "R", `message ${i}`);
    await settled();
    expect(api.all(resources.events)).toEqual([]);
  });
});
