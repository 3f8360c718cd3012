import { describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import { PodAddresses } from "./addresses.ts";

describe("PodAddresses", () => {
  it("gives out each address once, without the first two and the last", () => {
    const addresses = new PodAddresses(cidr("10.0.0.0/29"));
    const all = Array.from({ length: 6 }, () => addresses.allocate());
    expect(all).toEqual(["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", undefined]);
  });

  it("lets a freed address rest", () => {
    const addresses = new PodAddresses(cidr("10.0.0.0/29"));
    const first = addresses.allocate();
    if (first !== undefined) addresses.release(first);
    expect(addresses.allocate()).toBe("10.0.0.3");
  });

  it("goes on behind reserved addresses and never gives them out", () => {
    const addresses = new PodAddresses(cidr("10.0.0.0/29"));
    addresses.reserve(ip("10.0.0.4"));
    addresses.reserve(ip("192.168.0.1"));
    const all = Array.from({ length: 5 }, () => addresses.allocate());
    expect(all).toEqual(["10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3", undefined]);
  });
});
