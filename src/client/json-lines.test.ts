import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter } from "./json-lines.ts";

describe("LineSplitter", () => {
  it("gives every line once, wherever the chunks are cut", () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", ""));
    fc.assert(
      fc.property(fc.array(line), line, fc.array(fc.nat(40)), (lines, rest, cuts) => {
        const bytes = new TextEncoder().encode(lines.map((text) => `${text}\n`).join("") + rest);
        const splitter = new LineSplitter();
        const seen: string[] = [];
        let at = 0;
        for (const size of [...cuts, bytes.length]) {
          splitter.push(bytes.subarray(at, at + size), (text) => seen.push(text));
          at = Math.min(bytes.length, at + size);
        }
        expect(seen).toEqual(lines.filter((text) => text !== ""));
        expect(splitter.rest()).toBe(rest);
      }),
    );
  });
});
