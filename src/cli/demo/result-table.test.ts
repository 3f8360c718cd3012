import { describe, expect, it } from "vitest";
import { tableHead, tableRow, wrap } from "./result-table.ts";

describe("wrap()", () => {
  it("breaks between words, and inside a word that is too long", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
    expect(wrap("", 4)).toEqual([""]);
  });
});

describe("tableRow()", () => {
  const result = {
    from: "client, pod multi-0",
    to: "shop, back-end in roll-out",
    must: "a rolling restart loses no request",
    seen: "3 new pods, 1234 requests, 0 failed; 192.168.100.200:8080",
    ms: 12_345,
    holds: true,
  };
  it("fits 80 columns", () => {
    const lines = [tableHead(), ...tableRow(result).split("\n")];
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[1]).toMatch(/^yes .* 12\.3 s$/);
  });
  it("says NO where a row does not hold", () => {
    expect(tableRow({ ...result, holds: false })).toMatch(/^NO /);
  });
});
