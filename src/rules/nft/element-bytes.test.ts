import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipFromBigInt, ipToBytes } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { bytesOf, littleEndian, partsOf, writeParts } from "./element-bytes.ts";
import type { Edge, Part } from "./element-bytes.ts";
import { concat, endpoint, field, numgen } from "./expression.ts";
import { ip } from "../../core/index.ts";
import { priorityText } from "./priority.ts";

function written(parts: readonly Part[], text: string, edge: Edge = "first"): Uint8Array {
  const bytes = new Uint8Array(bytesOf(parts) + 2).fill(0xee);
  expect(writeParts(new DataView(bytes.buffer), 1, parts, text, edge)).toBe(bytes.length - 1);
  return bytes.slice(1, -1);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A number of 32 bits as this machine has it. */
function hostOrder(value: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, littleEndian);
  return hex(bytes);
}

describe("writeParts()", () => {
  const rows: readonly (readonly [string, readonly Part[], string, string])[] = [
    ["an entry", ["ipv4", "protocol", "port"], "10.96.0.1 . tcp . 80", "0a600001 06000000 00500000"],
    [
      "an IPv6 entry",
      ["ipv6", "protocol", "port"],
      "fd00:96::1 . udp . 53",
      `fd000096${"0".repeat(22)}01 11000000 00350000`,
    ],
    ["the zero address", ["ipv6", "protocol", "port"], ":: . sctp . 65535", `${"0".repeat(32)} 84000000 ffff0000`],
    ["an address in full", ["ipv6"], "1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["an address that ends in zeros", ["ipv6"], "2001:db8::", "20010db8000000000000000000000000"],
    ["an address and port", ["ipv4", "port"], "255.255.255.255 . 8080", "ffffffff 1f900000"],
    [
      "a slot",
      ["ipv4", "protocol", "port", "priority"],
      "1.2.3.4 . tcp . 1 . 1:1f",
      `01020304 06000000 00010000 ${hostOrder(0x1001f)}`,
    ],
    ["a slot of an affinity", ["priority", "number"], "ab:4000 . 65537", `${hostOrder(0xab4000)} ${hostOrder(65_537)}`],
  ];

  it.each(rows)("writes %s", (_name, parts, text, expected) => {
    expect(hex(written(parts, text))).toBe(expected.replaceAll(" ", ""));
  });

  const ranges: readonly (readonly [string, Part, string, string])[] = [
    ["10.0.0.0/8", "ipv4", "0a000000", "0affffff"],
    ["0.0.0.0/0", "ipv4", "00000000", "ffffffff"],
    ["10.0.0.1/32", "ipv4", "0a000001", "0a000001"],
    ["fd00::/8", "ipv6", `fd${"0".repeat(30)}`, `fd${"f".repeat(30)}`],
    ["2001:db8:1::/47", "ipv6", `20010db80001${"0".repeat(20)}`, `20010db80001${"f".repeat(20)}`],
    ["::1/128", "ipv6", `${"0".repeat(31)}1`, `${"0".repeat(31)}1`],
    ["::/0", "ipv6", "0".repeat(32), "f".repeat(32)],
  ];

  it.each(ranges)("writes both ends of %s", (text, part, first, last) => {
    expect([hex(written([part], text, "first")), hex(written([part], text, "last"))]).toEqual([first, last]);
    expect(hex(written([part, "port"], `${text} . 1`, "last"))).toBe(`${last}00010000`);
  });

  it("writes every address as its bytes", () => {
    const family = fc.constantFrom<IpFamily>("IPv4", "IPv6");
    fc.assert(
      fc.property(family, fc.bigInt(0n, (1n << 128n) - 1n), fc.nat(127), (of, value, zeros) => {
        const bits = of === "IPv4" ? 32n : 128n;
        const address = ipFromBigInt(of, ((value >> BigInt(zeros)) << BigInt(zeros)) & ((1n << bits) - 1n));
        expect(hex(written([of === "IPv4" ? "ipv4" : "ipv6"], address))).toBe(hex(ipToBytes(address)));
      }),
    );
  });

  it("writes every priority", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        expect(hex(written(["priority"], priorityText(value)))).toBe(hostOrder(value));
      }),
    );
  });
});

describe("partsOf()", () => {
  it("reads what keys consist of", () => {
    expect(partsOf({ kind: "types", names: ["ipv4_addr", "inet_service"] })).toEqual(["ipv4", "port"]);
    expect(partsOf(concat(field("meta priority"), numgen("random", 2)))).toEqual(["priority", "number"]);
  });

  it("refuses what it does not know", () => {
    expect(() => partsOf({ kind: "types", names: ["ether_addr"] })).toThrow("ether_addr");
    expect(() => partsOf(endpoint(ip("10.0.0.1"), 80))).toThrow("endpoint");
  });
});
