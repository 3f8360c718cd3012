import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ip, ipFromBigInt } from "../../core/index.ts";
import { broadcastMac, decodeArp, encodeArp, parseMac } from "./frame.ts";
import type { ArpFrame, MacAddress } from "./frame.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const mac = (text: string): MacAddress => parseMac(text) ?? broadcastMac;

const macs = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => mac(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":")));
const ips = fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map((value) => ipFromBigInt("IPv4", value));
const frames: fc.Arbitrary<ArpFrame> = fc.record({
  operation: fc.constantFrom("request", "reply"),
  source: macs,
  destination: macs,
  senderMac: macs,
  senderIp: ips,
  targetMac: macs,
  targetIp: ips,
});

describe("parseMac()", () => {
  test.each([
    ["AA:bb:CC:00:11:22", "aa:bb:cc:00:11:22"],
    ["aa:bb:cc:00:11", undefined],
    ["aa-bb-cc-00-11-22", undefined],
    ["aa:bb:cc:00:11:2g", undefined],
    ["", undefined],
  ])("reads %j as %j", (text, expected) => expect(parseMac(text)).toBe(expected));
});

describe("encodeArp()", () => {
  test("writes the request that the Linux kernel writes", () => {
    const frame: ArpFrame = {
      operation: "request",
      source: mac("8a:f0:a9:b0:06:d1"),
      destination: broadcastMac,
      senderMac: mac("8a:f0:a9:b0:06:d1"),
      senderIp: ip("10.0.0.1"),
      targetMac: mac("00:00:00:00:00:00"),
      targetIp: ip("10.0.0.9"),
    };
    // Captured from `ping 10.0.0.9` on Linux 6.18.
    const captured = "ffffffffffff8af0a9b006d1080600010800060400018af0a9b006d10a0000010000000000000a000009";
    expect(hex(encodeArp(frame))).toBe(captured);
    expect(decodeArp(Buffer.from(captured, "hex"))).toEqual(frame);
  });

  test("refuses IPv6 addresses", () => {
    const frame = decodeArp(new Uint8Array(encodeArp(fc.sample(frames, 1)[0]!)))!;
    expect(() => encodeArp({ ...frame, targetIp: ip("fd00::1") })).toThrow(RangeError);
  });
});

describe("decodeArp()", () => {
  test("gives back what encodeArp() wrote, padded or not", () => {
    fc.assert(
      fc.property(frames, fc.nat(18), (frame, padding) => {
        const padded = new Uint8Array([...encodeArp(frame), ...new Uint8Array(padding)]);
        expect(decodeArp(padded)).toEqual(frame);
      }),
    );
  });

  test("survives any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeArp(bytes)));
  });

  test.each([
    ["a short frame", 0, "short"],
    ["another ether type", 12, 0x86],
    ["another hardware type", 15, 6],
    ["another protocol", 16, 0x86],
    ["another hardware address length", 18, 8],
    ["another protocol address length", 19, 16],
    ["an unknown operation", 21, 9],
  ])("says undefined for %s", (_, offset, value) => {
    const bytes = encodeArp(fc.sample(frames, 1)[0]!);
    if (typeof value === "number") bytes[offset] = value;
    expect(decodeArp(typeof value === "number" ? bytes : bytes.subarray(0, 41))).toBeUndefined();
  });
});
