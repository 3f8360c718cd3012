import { describe, expect, it } from "vitest";
import { goDuration, parseGoDuration } from "./go-duration.ts";

describe("parseGoDuration()", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["0", 0],
    ["0s", 0],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["250ms", 250],
    ["5", undefined],
    ["-1s", undefined],
    ["1 s", undefined],
  ];
  it.each(cases)("reads %s as %s", (text, milliseconds) => expect(parseGoDuration(text)).toBe(milliseconds));

  it("is the reverse of goDuration()", () => {
    for (const milliseconds of [0, 250, 1000, 90_000, 3_600_000, 86_400_000, 5_400_500]) {
      expect(parseGoDuration(goDuration(milliseconds))).toBe(milliseconds);
    }
  });
});
