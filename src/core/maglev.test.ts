import { describe, expect, it } from "vitest";
import { maglevTable } from "./maglev.ts";

describe("maglevTable()", () => {
  const names = Array.from({ length: 10 }, (_, i) => `10.244.${i}.7 . 8080`);
  const turns = names.map(() => 1);
  const slots = (of: readonly string[], size = 251) =>
    Array.from(
      maglevTable(
        of,
        of.map(() => 1),
        size,
      ),
      (index) => of[index],
    );

  it("gives everyone a fair part", () => {
    for (const name of names) expect(slots(names).filter((slot) => slot === name).length).toBeGreaterThanOrEqual(25);
  });

  it("moves at most a few percent of the others when one goes", () => {
    const before = slots(names);
    for (const gone of names) {
      const after = slots(names.filter((name) => name !== gone));
      const moved = before.filter((slot, i) => slot !== gone && slot !== after[i]);
      expect(moved.length / before.length).toBeLessThan(0.06);
    }
  });

  it("gives everyone the same slots in whatever order they come", () => {
    expect(slots(names.toReversed())).toEqual(slots(names));
  });

  it.each([
    [[1, 3], 251],
    [[499, 500], 251],
    [[1000, 999, 1], 251],
    [[...Array<number>(50).fill(1), ...Array<number>(50).fill(100)], 16_381],
  ])("follows the weights %j in %d slots, to a slot for each name, and leaves nobody out", (weights, size) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = weights.map(() => 0);
    for (const index of maglevTable(
      weights.map((_, i) => `name ${i}`),
      weights,
      size,
    )) {
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const [i, weight] of weights.entries()) {
      expect(Math.abs((counts[i] ?? 0) - (weight * size) / total)).toBeLessThanOrEqual(1.5);
    }
  });

  it.each([251, 1021, 65_521])("fills all %d slots", (size) => {
    const counts = names.map(() => 0);
    for (const index of maglevTable(names, turns, size)) counts[index] = (counts[index] ?? 0) + 1;
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(size);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it("has no slots for nobody", () => {
    expect(maglevTable([], [], 251)).toHaveLength(0);
  });
});
