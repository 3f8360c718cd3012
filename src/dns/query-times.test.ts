import { describe, expect, it, onTestFinished } from "vitest";
import { clusterCaches, outside, queryBytes } from "../../test/dns/cluster.ts";
import { recordTypes } from "../codec/index.ts";
import { ManualClock, createMetrics, seededRandom } from "../core/index.ts";
import { ClusterDataShelf } from "./cluster-data.ts";
import { readCorefile } from "./corefile/read-corefile.ts";
import { createDnsServer } from "./dns-server.ts";
import type { UpstreamDialer } from "./upstream.ts";

/** A server whose cluster answers take as long as `world.takes` says, and whose upstream takes 1.5 s. */
function world(log: string) {
  const clock = new ManualClock(1_700_000_000_000);
  const readings = { takes: 2, looks: 0 };
  // Two looks at a clock that moves by itself are as far apart as one answer takes.
  const own = {
    now: () => clock.now(),
    schedule: (delayMs: number, run: () => void) => clock.schedule(delayMs, run),
    monotonic: () => {
      readings.looks++;
      clock.advance(readings.takes);
      return clock.monotonic();
    },
  };
  const slow: UpstreamDialer = {
    send: (...question) => clock.schedule(1500, () => void outside.send(...question)),
  };
  const lines: string[] = [];
  const metrics = createMetrics();
  const corefile = `.:53 {\n prometheus\n ${log}\n kubernetes cluster.local\n forward . 192.168.100.1\n }`;
  const server = createDnsServer(
    readCorefile(corefile, "Corefile", { environment: () => undefined, readText: () => undefined }),
    {
      clock: own,
      random: seededRandom(1),
      dial: slow,
      metrics,
      data: new ClusterDataShelf(clusterCaches(), clock),
      writeQuery: (line) => void lines.push(line),
    },
  );
  onTestFinished(() => server.stop());
  const ask = (name: string) => server.endpoints[0]?.answer(queryBytes(name, recordTypes.A), "udp");
  return {
    cluster: (times = 1) => {
      for (let i = 0; i < times; i++) expect(ask("web.tour.svc.cluster.local")).toBeInstanceOf(Uint8Array);
    },
    forwarded: async () => {
      const answer = ask("db.example.com");
      clock.advance(1500);
      expect(await answer).toBeInstanceOf(Uint8Array);
    },
    /** How many seconds the log says that each answer took. */
    logged: () => lines.splice(0).map((line) => Number(/([0-9.]+)s$/.exec(line)?.[1])),
    observed: () => {
      const read = (what: string) =>
        Number(new RegExp(`coredns_dns_request_duration_seconds_${what}{.*} (.*)`).exec(metrics.expose())?.[1]);
      return { count: read("count"), seconds: read("sum") };
    },
    readings,
  };
}

describe("times of answers", () => {
  it("counts what an upstream took for that answer alone, issue-5", async () => {
    const { cluster, forwarded, observed } = world("");
    cluster(10);
    expect(observed().seconds).toBeCloseTo(10 * 0.002, 6);
    await forwarded();
    const after = observed();
    expect(after.seconds).toBeGreaterThan(1.5);
    expect(after.seconds).toBeLessThan(1.6);
    cluster(30);
    expect(observed().count).toBe(41);
    expect(observed().seconds - after.seconds).toBeCloseTo(30 * 0.002, 6);
  });

  it("times the first answer of the cluster, also when forwarded ones came before", async () => {
    const { cluster, forwarded, observed } = world("");
    await forwarded();
    const { seconds } = observed();
    cluster(20);
    expect(observed().seconds - seconds).toBeCloseTo(20 * 0.002, 6);
  });

  it("looks at the clock for one of 64 answers that need nobody else", async () => {
    const { cluster, forwarded, observed, readings } = world("");
    cluster(64);
    expect(readings.looks).toBe(2);
    readings.takes = 5;
    await forwarded();
    const before = { ...readings, ...observed() };
    cluster(64);
    expect(readings.looks - before.looks).toBe(2);
    expect(observed().seconds - before.seconds).toBeCloseTo(64 * 0.005, 6);
  });

  it("times each answer that it writes into the query log", async () => {
    const { cluster, forwarded, logged, readings } = world("log");
    cluster(2);
    readings.takes = 7;
    cluster(2);
    await forwarded();
    readings.takes = 3;
    cluster();
    const times = logged();
    expect(times.splice(4, 1)[0]).toBeGreaterThan(1.5);
    expect(times).toEqual([0.002, 0.002, 0.007, 0.007, 0.003]);
  });

  it("times those of a sampled log, and no others for it", () => {
    const { cluster, logged, readings } = world("log {\n sample 8\n }");
    for (let i = 1; i <= 4; i++) {
      readings.takes = i;
      cluster(8);
    }
    expect(logged()).toEqual([0.001, 0.002, 0.003, 0.004]);
    expect(readings.looks).toBe(8);
  });
});
