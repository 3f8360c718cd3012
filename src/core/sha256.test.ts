import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "./sha256.ts";

describe("sha256()", () => {
  it("agrees with OpenSSL on any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 90 }), (text) => {
        expect(Buffer.from(sha256(text)).toString("hex")).toBe(createHash("sha256").update(text).digest("hex"));
      }),
    );
  });

  it.each([0, 54, 55, 56, 63, 64, 65, 119, 120, 1000])("agrees on %i bytes, where blocks end", (length) => {
    const text = "x".repeat(length);
    expect(Buffer.from(sha256(text)).toString("hex")).toBe(createHash("sha256").update(text).digest("hex"));
  });
});
