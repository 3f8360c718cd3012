import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { yamlReading } from "./yaml-reading.ts";

describe("yamlReading", () => {
  it.each([
    ["0644", 420],
    ["0x10", 16],
    ["yes", true],
    ["off", false],
    ["12:30:45", "12:30:45"],
    ["2026-01-02", "2026-01-02"],
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
    ['"yes"', "yes"],
    ["10.0.0.1", "10.0.0.1"],
    ["1.5", 1.5],
    ["~", null],
    ["{a: &x {b: 1}, c: {<<: *x, d: 2}}", { a: { b: 1 }, c: { b: 1, d: 2 } }],
  ])("reads %s as kubectl does", (text, value) => expect(parse(text, yamlReading)).toEqual(value));
});
