import { describe, expect, it } from "vitest";
import { endpointNumbers, servicePartMask, StickyNumbers } from "./sticky.ts";

describe("StickyNumbers", () => {
  it("gives each port a number of its own that says nothing of an endpoint", () => {
    const numbers = new StickyNumbers();
    const given = Array.from({ length: 5000 }, (_, i) => numbers.of(`ns/svc-${i} TCP`) ?? 0);
    expect(new Set(given).size).toBe(5000);
    expect(given.every((number) => (number & servicePartMask) >>> 0 === number)).toBe(true);
  });

  it("gives the same number again, also in another process", () => {
    const [one, other] = [new StickyNumbers(), new StickyNumbers()];
    other.of("ns/another TCP");
    expect(one.of("ns/svc TCP")).toBe(other.of("ns/svc TCP"));
    other.release("ns/svc TCP");
    expect(other.of("ns/svc TCP")).toBe(one.of("ns/svc TCP"));
  });
});

describe("endpointNumbers()", () => {
  const part = new StickyNumbers().of("ns/svc TCP") ?? 0;
  const addresses = Array.from({ length: 5000 }, (_, i) => `10.1.${i >> 8}.${i & 255} . 80`);

  it("are distinct and belong to the Service", () => {
    const numbers = [...endpointNumbers(part, addresses, new Map()).values()];
    expect(new Set(numbers).size).toBe(5000);
    expect(numbers.every((number) => (number & servicePartMask) >>> 0 === part && number !== part)).toBe(true);
  });

  it("stay while others come and go", () => {
    const before = endpointNumbers(part, addresses, new Map());
    const after = endpointNumbers(part, ["10.9.9.9 . 80", ...addresses.slice(2500)], before);
    for (const address of addresses.slice(2500)) expect(after.get(address)).toBe(before.get(address));
    expect(new Set(after.values()).size).toBe(2501);
  });

  it("are not taken over from another Service", () => {
    const other = endpointNumbers((part + 0x4000) >>> 0, addresses.slice(0, 1), new Map());
    const [number = 0] = endpointNumbers(part, addresses.slice(0, 1), other).values();
    expect((number & servicePartMask) >>> 0).toBe(part);
  });

  it("have room for 16,383 and give no more", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} . 80`);
    expect(endpointNumbers(part, many, new Map()).size).toBe(16_383);
  });
});
