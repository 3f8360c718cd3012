import { describe, expect, it } from "vitest";
import { chiSquareChance } from "../../test/support/chi-square.ts";
import { everyWay } from "./choices.ts";

describe("everyWay()", () => {
  it("takes every way once, with its probability", () => {
    const ways = everyWay((choose) => {
      const first = choose([1, 3]);
      return first === 0 ? `${first}` : `${first}${choose([1, 1])}`;
    });
    expect(ways).toEqual([
      { probability: 0.25, result: "0" },
      { probability: 0.375, result: "10" },
      { probability: 0.375, result: "11" },
    ]);
  });

  it("takes the only way when there is nothing to choose, and none that cannot be", () => {
    expect(everyWay(() => "on")).toEqual([{ probability: 1, result: "on" }]);
    expect(everyWay((choose) => choose([0, 1]))).toEqual([{ probability: 1, result: 1 }]);
  });
});

// It judges distributions in the conformance suite; reference values from printed tables of the distribution.
describe("chiSquareChance()", () => {
  it.each([
    [[50, 50], 1],
    [[60, 40], 0.0455],
    [[100, 100, 100], 1],
    [[120, 100, 80], 0.0183],
    [[500, 300, 200], 4e-31],
  ])("of %j for equal shares is %d", (counts, chance) => {
    const found = chiSquareChance(
      counts,
      counts.map(() => 1),
    );
    expect(Math.abs(found - chance)).toBeLessThan(0.001);
  });

  it("goes by the shares", () => {
    expect(chiSquareChance([100, 200, 500], [1, 2, 5])).toBeCloseTo(1);
    expect(chiSquareChance([300, 300, 200], [1, 2, 5])).toBeLessThan(1e-6);
  });

  it("is small for 100 endpoints of which one is never taken", () => {
    const counts = Array.from({ length: 100 }, (_, i) => (i === 0 ? 0 : 40));
    const shares = counts.map(() => 1);
    expect(chiSquareChance(counts, shares)).toBeGreaterThan(1e-6);
    expect(chiSquareChance([0, 0, 0, ...counts.slice(3)], shares)).toBeLessThan(0.1);
    expect(chiSquareChance([0, 0, 0, 160, ...counts.slice(4)], shares)).toBeLessThan(1e-6);
  });
});
