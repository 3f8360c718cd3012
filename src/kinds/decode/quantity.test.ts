import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalQuantity } from "./quantity.ts";

describe("canonicalQuantity()", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["0", "0"],
    ["1", "1"],
    ["0.5", "500m"],
    ["500m", "500m"],
    ["1000m", "1"],
    ["1500m", "1500m"],
    [".25", "250m"],
    ["1.", "1"],
    ["+2", "2"],
    ["-1", "-1"],
    ["1000", "1k"],
    ["1024", "1024"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["512Ki", "512Ki"],
    ["0.5Ki", "512"],
    ["128974848", "128974848"],
    ["129e6", "129e6"],
    ["1e3", "1e3"],
    ["123E", "123E"],
    ["100n", "100n"],
    ["0.1n", "1n"],
    [" 1Gi ", "1Gi"],
    ["", undefined],
    ["Gi", undefined],
    ["1 Gi", undefined],
    ["1gi", undefined],
    ["1.2.3", undefined],
    ["lots", undefined],
    ["--1", undefined],
  ];
  it.each(cases)("reads %j as %j", (text, expected) => expect(canonicalQuantity(text)).toBe(expected));

  it("gives back what it gave", () => {
    const suffix = fc.constantFrom("", "m", "k", "M", "Ki", "Mi", "Gi", "u");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 999 }), suffix, (whole, part, unit) => {
        const once = canonicalQuantity(`${whole}.${part}${unit}`) ?? "none";
        expect(canonicalQuantity(once)).toBe(once);
      }),
    );
  });
});
