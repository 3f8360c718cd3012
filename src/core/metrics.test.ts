import { describe, expect, it } from "vitest";
import { createMetrics, exponentialBuckets, linearBuckets } from "./metrics.ts";

describe("createMetrics()", () => {
  it("exposes counters, gauges and histograms with HELP and TYPE, families by name", () => {
    const metrics = createMetrics();
    const syncs = metrics.counter({ name: "syncs_total", help: "Syncs so far.", labels: ["node", "result"] });
    syncs.with("node-1", "ok").add();
    syncs.with("node-1", "ok").add(2);
    syncs.with("node-1", "failed").add();
    metrics.gauge({ name: "queue_depth", help: "Waiting." }).with().set(-1.5);
    const seconds = metrics.histogram({ name: "sync_seconds", help: "Time.", labels: ["node"], buckets: [0.1, 1] });
    for (const value of [0.1, 0.2, 5]) seconds.with("node-1").observe(value);
    expect(metrics.expose()).toBe(`# HELP queue_depth Waiting.
# TYPE queue_depth gauge
queue_depth -1.5
# HELP sync_seconds Time.
# TYPE sync_seconds histogram
sync_seconds_bucket{node="node-1",le="0.1"} 1
sync_seconds_bucket{node="node-1",le="1"} 2
sync_seconds_bucket{node="node-1",le="+Inf"} 3
sync_seconds_sum{node="node-1"} 5.3
sync_seconds_count{node="node-1"} 3
# HELP syncs_total Syncs so far.
# TYPE syncs_total counter
syncs_total{node="node-1",result="ok"} 3
syncs_total{node="node-1",result="failed"} 1
`);
  });

  it("shows a counter without labels before the first count, and nothing of what has labels", () => {
    const metrics = createMetrics();
    metrics.counter({ name: "panics_total", help: "Panics." });
    metrics.counter({ name: "errors_total", help: "Errors.", labels: ["kind"] });
    expect(metrics.expose()).toBe("# HELP panics_total Panics.\n# TYPE panics_total counter\npanics_total 0\n");
  });

  it("escapes help and label values", () => {
    const metrics = createMetrics();
    metrics
      .gauge({ name: "g", help: 'a\\b\nc "d"', labels: ["path"] })
      .with('C:\\x\n"y"')
      .set(1);
    expect(metrics.expose()).toBe('# HELP g a\\\\b\\nc "d"\n# TYPE g gauge\ng{path="C:\\\\x\\n\\"y\\""} 1\n');
  });

  it.each([
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [Number.NaN, "NaN"],
    [1e21, "1e+21"],
    [0.25, "0.25"],
  ])("writes %d as Prometheus reads it", (value, text) => {
    const metrics = createMetrics();
    metrics.gauge({ name: "g", help: "." }).with().set(value);
    expect(metrics.expose()).toContain(`\ng ${text}\n`);
  });

  it("reads numbers that others keep, and sums those with the same labels", () => {
    const metrics = createMetrics();
    let entries = 3;
    const description = { kind: "gauge", name: "cache_entries", help: "Entries.", labels: ["type"] } as const;
    const stop = metrics.read(description, () => [["success", entries]]);
    metrics.read(description, () => [
      ["success", 10],
      ["denial", 1],
    ]);
    entries = 4;
    expect(metrics.expose()).toContain('cache_entries{type="success"} 14\ncache_entries{type="denial"} 1\n');
    stop();
    expect(metrics.expose()).toContain('cache_entries{type="success"} 10\n');
    metrics.read({ kind: "counter", name: "reads_total", help: "Reads." }, () => [[7]]);
    expect(metrics.expose()).toContain("# TYPE reads_total counter\nreads_total 7\n");
  });

  it("gives the same family for the same declaration, and refuses another one", () => {
    const metrics = createMetrics();
    const one = metrics.counter({ name: "a_total", help: "A.", labels: ["x"] });
    expect(metrics.counter({ name: "a_total", help: "A.", labels: ["x"] })).toBe(one);
    expect(() => metrics.counter({ name: "a_total", help: "A.", labels: ["y"] })).toThrow(/declared already/);
    expect(() => metrics.gauge({ name: "a_total", help: "A.", labels: ["x"] })).toThrow(/declared already/);
    metrics.histogram({ name: "h", help: "H.", buckets: [1, 2] });
    expect(() => metrics.histogram({ name: "h", help: "H.", buckets: [1, 3] })).toThrow(/declared already/);
  });

  it("forgets a number", () => {
    const metrics = createMetrics();
    const family = metrics.gauge({ name: "up", help: "Up.", labels: ["to"] });
    family.with("a").set(1);
    family.with("b").set(1);
    family.remove("a");
    expect(metrics.expose()).not.toContain('to="a"');
  });

  it.each(["", "1a", "a-b", "ä"])("refuses the name %j", (name) => {
    expect(() => createMetrics().counter({ name, help: "." })).toThrow(TypeError);
  });

  it.each(["le", "__name", "a-b"])("refuses the label %j", (label) => {
    expect(() => createMetrics().counter({ name: "a", help: ".", labels: [label] })).toThrow(TypeError);
  });

  it("refuses what a counter or a histogram cannot be", () => {
    const metrics = createMetrics();
    expect(() => metrics.counter({ name: "c", help: "." }).with().add(-1)).toThrow(RangeError);
    expect(() => metrics.counter({ name: "c", help: "." }).with().add(Number.NaN)).toThrow(RangeError);
    for (const buckets of [
      [2, 1],
      [1, 1],
      [1, Infinity],
    ]) {
      expect(() => metrics.histogram({ name: "h", help: ".", buckets })).toThrow(/ascending/);
    }
  });
});

describe("buckets", () => {
  it("grow by a factor or by a width", () => {
    expect(exponentialBuckets(0.25, 2, 4)).toEqual([0.25, 0.5, 1, 2]);
    expect(linearBuckets(1, 3, 3)).toEqual([1, 4, 7]);
  });
});
