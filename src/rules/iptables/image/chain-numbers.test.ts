import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedChains } from "../chain-names.ts";
import { ChainNumbers } from "./chain-numbers.ts";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const serviceChain = fc
  .tuple(
    fc.constantFrom("SVC", "SVL", "EXT", "FW", "SEP", "XLB"),
    fc.string({ unit: fc.constantFrom(...letters.split("")), minLength: 16, maxLength: 16 }),
  )
  .map(([kind, hash]) => `KUBE-${kind}-${hash}`);
const names = fc.uniqueArray(fc.oneof(serviceChain, fc.constantFrom(...Object.values(fixedChains))), { maxLength: 60 });

describe("ChainNumbers", () => {
  it("numbers chains, names them again, and sorts them as a table does", () => {
    fc.assert(
      fc.property(names, (chains) => {
        const numbers = new ChainNumbers();
        expect(chains.map((chain) => numbers.add(chain))).toEqual(chains.map((_, i) => i));
        expect(chains.map((chain) => numbers.get(chain))).toEqual(chains.map((_, i) => i));
        expect(chains.map((_, i) => numbers.name(i))).toEqual(chains);
        expect([...numbers.sorted()].map((number) => chains[number])).toEqual([...chains].sort());
        expect(numbers.count).toBe(chains.length);
      }),
    );
  });

  it("finds each of very many, and none that was not added", () => {
    const numbers = new ChainNumbers();
    const nameOf = (i: number) =>
      `KUBE-SEP-${Array.from(String(i).padStart(16, "0"))
        .map((digit) => letters[+digit])
        .join("")}`;
    for (let i = 0; i < 10_000; i += 2) numbers.add(nameOf(i));
    for (let i = 0; i < 10_000; i++) expect(numbers.get(nameOf(i))).toBe(i % 2 === 0 ? i / 2 : undefined);
    expect(numbers.get("KUBE-SERVICES")).toBeUndefined();
  });
});
