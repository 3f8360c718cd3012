import { describe, expect, it } from "vitest";
import { parsePriority, priorityText } from "./priority.ts";

describe("priorityText()", () => {
  it.each([
    [0, "0:0"],
    [0x1_0000, "1:0"],
    [0xffff_ffff, "ffff:ffff"],
    [0x5cb8_23b8, "5cb8:23b8"],
  ])("writes %d as %s", (number, text) => {
    expect(priorityText(number)).toBe(text);
    expect(parsePriority(text)).toBe(number);
  });
});
