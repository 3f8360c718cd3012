import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../core/index.ts";
import { sameJson } from "./same-json.ts";

describe("sameJson()", () => {
  it("agrees with the canonical text", () => {
    const value = fc.jsonValue({ maxDepth: 3 }).map((one) => JSON.parse(JSON.stringify(one)) as unknown);
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(sameJson(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
        expect(sameJson(a, JSON.parse(JSON.stringify(a)))).toBe(true);
      }),
    );
  });

  it.each([
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: 1 }, { b: 1 }, false],
    [{ a: undefined }, { b: 1 }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [null, undefined, false],
  ])("compares %j with %j", (a, b, expected) => expect(sameJson(a, b)).toBe(expected));
});
