import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidr, cidrAddress, cidrContains, cidrSize, parseCidr } from "./cidr.ts";
import { ip, ipFromBigInt, ipFromBytes, ipToBigInt, ipToBytes, parseIp } from "./ip.ts";

describe("parseIp()", () => {
  const canonical: readonly (readonly [string, string | undefined])[] = [
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["10.0.0.01", undefined],
    ["10.0.0", undefined],
    ["10.0.0.256", undefined],
    ["", undefined],
    ["localhost", undefined],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["12345::", undefined],
    ["1:2:3:4:5:6:7::8", undefined],
  ];
  it.each(canonical)("reads %j as %j", (text, expected) => expect(parseIp(text)).toBe(expected));

  it("gives back what ipFromBigInt() and ipFromBytes() wrote", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 128n) - 1n), fc.boolean(), (value, small) => {
        const family = small ? "IPv4" : "IPv6";
        const address = ipFromBigInt(family, small ? value & 0xffff_ffffn : value);
        expect(parseIp(address)).toBe(address);
        expect(ipFromBigInt(family, ipToBigInt(address))).toBe(address);
        expect(ipFromBytes(ipToBytes(address))).toBe(address);
      }),
    );
  });
});

describe("parseCidr()", () => {
  it("clears host bits", () => expect(parseCidr("10.96.1.2/16")).toBe("10.96.0.0/16"));
  it.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "x/8", "10.0.0.0/08"])("refuses %j", (text) =>
    expect(parseCidr(text)).toBeUndefined(),
  );
});

describe("cidrAddress()", () => {
  const network = cidr("192.168.100.0/24");
  it("counts from the base", () => expect(cidrAddress(network, 200)).toBe("192.168.100.200"));
  it("throws outside the network", () => expect(() => cidrAddress(network, 256)).toThrow(RangeError));
  it("stays inside the network", () => {
    expect(cidrSize(network)).toBe(256n);
    expect(cidrContains(network, ip("192.168.100.255"))).toBe(true);
    expect(cidrContains(network, ip("192.168.101.0"))).toBe(false);
    expect(cidrContains(network, ip("::1"))).toBe(false);
  });
});
