import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { expectCodes, measure } from "../../bench/dns/dnsperf.ts";
import { judged } from "../../bench/dns/freshness.ts";
import { missingPrograms, programPath } from "../../bench/dns/peers.ts";
import { decodeQuery } from "../../src/codec/index.ts";
import { listenDns } from "../../src/net/index.ts";
import { Sealane } from "./sealane.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function newSealane(): Sealane {
  const sealane = new Sealane();
  cleanups.push(() => sealane.cleanUp());
  return sealane;
}

/** The last line, which is for programs. */
function resultOf(stdout: string): unknown {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

describe("sealane bench", () => {
  it.each([
    [["dns", "abc"], '"abc" is not a number of Services, 2 or more: sealane bench dns '],
    [["dns", "1"], '"1" is not a number of Services'],
    [["dns", "--seconds", "0", "10"], '"0" is not a number of seconds above zero'],
    [["dns", "--seconds"], '"" is not a number of seconds'],
    [["dns", "soak", "-1"], '"-1" is not a number of minutes above zero: sealane bench dns soak '],
    [["dns", "soak", "1", "10"], '"10" is not a number of Services, 300 or more'],
    [["dns-freshness", "abc"], '"abc" is not a number of Services, 2 or more: sealane bench dns-freshness '],
    [["dns-freshness", "0"], '"0" is not a number of Services'],
    [["dns-freshness", "1e3"], '"1e3" is not a number of Services'],
    [["up", "0"], '"0" is not a number of runs, 1 or more: sealane bench up [RUNS]'],
  ])("says how to use it for %j", async (args, complaint) => {
    const { code, stdout, stderr } = await newSealane().run("bench", ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(complaint);
    expect(stderr).toContain('Try "sealane bench --help".');
  });
});

describe("sealane bench dns", () => {
  it("measures every kind of query over sockets, and tells what memory is left", { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await newSealane().run("bench", "dns", "--seconds", "0.1", "100");
    expect([code, stderr]).toEqual([0, ""]);
    const { overSockets } = resultOf(stdout) as {
      readonly overSockets: readonly {
        readonly rows: readonly { readonly server: string; readonly query: string; readonly perSecond: number }[];
        readonly servers: readonly Record<"memoryAtStart" | "memoryAtEnd", { readonly residentMb: number }>[];
      }[];
    };
    const [result] = overSockets;
    const peers = ["knot", "unbound"].filter(
      (name) => programPath(name === "knot" ? "knotd" : "unbound") !== undefined,
    );
    expect(result?.servers).toHaveLength(1 + peers.length);
    const asked = (server: string) => result?.rows.filter((row) => row.server === server).map(({ query }) => query);
    expect(asked("sealane")).toEqual([
      "A of a cluster IP",
      "A of a headless Service",
      "A, AAAA, no such name",
      "SRV of a named port",
      "SRV of a headless Service",
      "PTR of a cluster IP",
      "A of a cluster IP, TCP",
      "A of elsewhere, cached",
    ]);
    for (const peer of peers) expect(asked(peer)?.slice(0, 3)).toEqual(asked("sealane")?.slice(0, 3));
    for (const row of result?.rows ?? []) expect([row.server, row.query, row.perSecond > 0]).toContain(true);
    for (const { memoryAtStart, memoryAtEnd } of result?.servers ?? []) {
      expect(Math.min(memoryAtStart.residentMb, memoryAtEnd.residentMb)).toBeGreaterThan(1);
    }
    expect(stdout).toContain("RSS MB after");
    // What it could not compare with, it names.
    const { advice } = missingPrograms();
    expect(stdout.includes(" not found: ")).toBe(advice !== "");
    expect(stdout).toContain(advice);
  });

  const report = (codes: string) => `  Queries completed:    9 (100.00%)\n  Response codes:       ${codes}\n`;
  it.each([
    ["what was expected", report("NOERROR 9 (100.00%)"), ["NOERROR"], undefined],
    ["both codes", report("NOERROR 7 (77.78%), NXDOMAIN 2 (22.22%)"), ["NXDOMAIN", "NOERROR"], undefined],
    [
      "a server that failed",
      report("SERVFAIL 9 (100.00%)"),
      ["NOERROR"],
      "should answer with NOERROR, and answered SERV",
    ],
    ["a few failures", report("NOERROR 8 (88.89%), SERVFAIL 1 (11.11%)"), ["NOERROR"], "SERVFAIL 1"],
    ["names that should not be there", report("NOERROR 9 (100.00%)"), ["NOERROR", "NXDOMAIN"], "NOERROR and NXDOMAIN"],
    ["names that are not there", report("NXDOMAIN 9 (100.00%)"), ["NOERROR"], "answered NXDOMAIN 9"],
    ["nothing", "  Queries completed:    0 (0.00%)\n  Response codes:       \n", ["NOERROR"], "answered nothing"],
    ["no report", "", ["NOERROR"], "answered nothing"],
  ])("judges the response codes of %s", (_, text, codes, complaint) => {
    const judge = () => expectCodes("knot", text, codes);
    if (complaint === undefined) judge();
    else expect(judge).toThrow(complaint);
  });

  it("does not measure a server that only says that it failed", async () => {
    const answer = (bytes: Uint8Array) => {
      if (decodeQuery(bytes).kind !== "query") return undefined;
      const told = Buffer.from(bytes);
      told.writeUInt16BE(0x8002, 2);
      return told;
    };
    const listener = listenDns({ addresses: ["127.0.0.1"], port: 0, answer });
    cleanups.push(() => listener.close(0));
    const folder = mkdtempSync(join(tmpdir(), "sealane-perf-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const queries = join(folder, "queries");
    writeFileSync(queries, "web.tour.svc.cluster.local A\n");
    const server = { name: "liar", port: await listener.ready, pid: process.pid, stop: () => Promise.resolve() };
    const load = { queries, seconds: 0.2, codes: ["NOERROR"] };
    await expect(measure(server, load)).rejects.toThrow(/liar should answer with NOERROR, and answered SERVFAIL/);
    expect((await measure(server, { ...load, codes: ["SERVFAIL"] })).lost).toBe(0);
  });
});

describe("sealane bench dns-freshness", () => {
  it("changes Services of the shipped server one by one, and judges the times", async () => {
    const { code, stdout, stderr } = await newSealane().run("bench", "dns-freshness", "20");
    const result = resultOf(stdout) as { readonly isGood: boolean; readonly medianMs: number };
    expect(result).toMatchObject({ services: 20, changes: 300 });
    expect(result.medianMs).toBeGreaterThan(0);
    expect({ code, stderr, isGood: result.isGood }).toEqual({
      code: result.isGood ? 0 : 1,
      stderr: "",
      isGood: result.medianMs <= 20,
    });
    expect(stdout).toMatch(result.isGood ? /\ngood\n/ : /\nNOT GOOD\n/);
    expect(stdout).toMatch(/\nover 20 ms +\d+ of 300\n/);
  });

  it.each([
    [[1, 1, 1, 1, 100], { medianMs: 1, longestMs: 100, over: 1, isGood: true }],
    [[20, 20, 20], { medianMs: 20, over: 0, isGood: true }],
    [[1, 21, 22], { medianMs: 21, over: 2, isGood: false }],
    [[], { over: 0, isGood: false }],
  ])("judges %j", (times, verdict) => {
    expect(judged(times)).toMatchObject(verdict);
  });
});
