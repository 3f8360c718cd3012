import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasCode } from "../../core/index.ts";
import { readProtobuf } from "./wire.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));

describe("readProtobuf()", () => {
  it("reads every wire type", () => {
    expect(readProtobuf(bytes("089601120268691d01020304210102030405060708"))).toEqual([
      { kind: "varint", number: 1, value: 150n },
      { kind: "bytes", number: 2, value: bytes("6869") },
      { kind: "fixed", number: 3, value: bytes("01020304") },
      { kind: "fixed", number: 4, value: bytes("0102030405060708") },
    ]);
  });

  it("reads negative numbers as 64 bits", () => {
    const [field] = readProtobuf(bytes("08ffffffffffffffffff01"));
    expect(field?.kind === "varint" && BigInt.asIntN(64, field.value)).toBe(-1n);
  });

  it.each(["08", "0a05ff", "0b", "08ffffffffffffffffffff01", "09ffff"])("refuses %s", (hex) => {
    expect(() => readProtobuf(bytes(hex))).toThrow(expect.objectContaining({ code: "InvalidProtobuf" }));
  });

  it("never fails in another way", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
        try {
          readProtobuf(input);
        } catch (error) {
          expect(hasCode(error, "InvalidProtobuf")).toBe(true);
        }
      }),
    );
  });
});
