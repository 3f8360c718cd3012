import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { deviations } from "../conformance/proxy/deviations.ts";
import { generatedTables, withGeneratedTables } from "../conformance/proxy/modes-tables.ts";
import { peculiarities } from "../conformance/proxy/peculiarities.ts";
import { settings } from "../conformance/proxy/settings.ts";

const page = new URL("../../docs/proxy-modes.md", import.meta.url);

describe("docs/proxy-modes.md", () => {
  it("has the tables that the conformance suite gives (SEALANE_WRITE_DOCS=1 writes them)", () => {
    const text = readFileSync(page, "utf8");
    const expected = withGeneratedTables(text);
    if (process.env["SEALANE_WRITE_DOCS"] === "1") writeFileSync(page, expected);
    else expect(text).toBe(expected);
    expect([...generatedTables().values()].every((table) => table.split("\n").length > 3)).toBe(true);
  });

  it("finds a table that is out of date, and a page without a place for one", () => {
    const text = withGeneratedTables(readFileSync(page, "utf8"));
    const stale = text.replace("| pod to cluster IP |", "| pod to somewhere |");
    expect(stale).not.toBe(text);
    expect(withGeneratedTables(stale)).toBe(text);
    expect(() => withGeneratedTables("# Proxy modes\n")).toThrow("no place for the table");
  });

  it("names no deviation that no packet of the suite shows", () => {
    const packets = settings.flatMap((setting) => setting.cases.flatMap((one) => one.packets));
    const idle = deviations.filter((deviation) => !packets.some((packet) => deviation.fate(packet) !== undefined));
    expect(idle.map(({ what }) => what)).toEqual([]);
  });

  it("names no peculiarity that no test of the suite asks for", () => {
    const suite = new URL("../conformance/proxy/", import.meta.url);
    const tests = readdirSync(suite)
      .filter((name) => name.startsWith("describe-"))
      .map((name) => readFileSync(new URL(name, suite), "utf8"));
    const idle = Object.keys(peculiarities).filter((name) => !tests.some((text) => text.includes(`("${name}", `)));
    expect(tests.length).toBeGreaterThan(5);
    expect(idle).toEqual([]);
  });
});
