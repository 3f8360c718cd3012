import { describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import { addressKey, hasAddress, joinAddresses, splitAddresses } from "./joined-addresses.ts";

const lists = [[], ["10.0.0.1"], ["10.0.0.11", "10.0.0.1", "110.0.0.1"], ["2001:db8::1", "::1", "10.0.0.1"]].map(
  (list) => list.map(ip),
);
const others = ["10.0.0.1", "0.0.0.1", "10.0.0.111", "::1", "1::1", "2001:db8::", "255.255.255.255"].map(ip);

describe("joinAddresses()", () => {
  it.each(lists)("gives back %s %s %s", (...list) => {
    expect(splitAddresses(joinAddresses(list))).toEqual(list);
  });
});

describe("hasAddress()", () => {
  it.each(lists)("finds whole addresses only in %s %s %s", (...list) => {
    for (const address of [...list, ...others]) {
      expect(hasAddress(joinAddresses(list), address)).toBe(list.includes(address));
    }
  });
});

describe("addressKey()", () => {
  it("is another one for each address, and a number for IPv4", () => {
    const all = [...new Set([...lists.flat(), ...others])];
    expect(new Set(all.map(addressKey)).size).toBe(all.length);
    expect(addressKey(ip("10.1.2.3"))).toBe(0x0a010203);
    expect(addressKey(ip("255.255.255.255"))).toBe(-1);
    expect(addressKey(ip("::1"))).toBe("::1");
  });
});
