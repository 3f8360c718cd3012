import { expect, it } from "vitest";
import { commonDivisor } from "./common-divisor.ts";

it.each([
  [[], 1],
  [[0, 0], 1],
  [[7], 7],
  [[100, 200, 500], 100],
  [[12, 0, 18], 6],
  [[3, 5], 1],
])("commonDivisor(%j) is %d", (numbers, divisor) => {
  expect(commonDivisor(numbers)).toBe(divisor);
});
