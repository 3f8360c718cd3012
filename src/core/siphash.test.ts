import { describe, expect, it } from "vitest";
import { sipHash24 } from "./siphash.ts";

const key = Uint8Array.from({ length: 16 }, (_, i) => i);
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe("sipHash24()", () => {
  // The authors' vectors: key 00 01 .. 0f, message 00 01 .. of the given length.
  const table: readonly (readonly [number, string])[] = [
    [0, "310e0edd47db6f72"],
    [1, "fd67dc93c539f874"],
    [2, "5a4fa9d909806c0d"],
    [7, "37d1018bf50002ab"],
    [8, "6224939a79f5f593"],
    [15, "e545be4961ca29a1"],
    [63, "724506eb4c328a95"],
  ];
  it.each(table)("of %i bytes", (length, expected) => {
    expect(
      hex(
        sipHash24(
          key,
          Uint8Array.from({ length }, (_, i) => i),
        ),
      ),
    ).toBe(expected);
  });

  it("refuses another length of key", () => {
    expect(() => sipHash24(new Uint8Array(8), key)).toThrow(RangeError);
  });
});
