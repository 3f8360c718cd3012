import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Endpoint, Scheduler } from "../../model/index.ts";
import { weighted } from "../../../test/support/scheduler-plans.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { maglevSlots } from "./maglev.ts";
import { addressOf, mostStickyEndpoints, mostWeightedSlots, pickOf, shortcomings, slotsOf } from "./scheduling.ts";

const [light = endpointAt("10.0.0.1", "n"), middle = light, heavy = light] = weighted;
const short: ReadonlyMap<string, string> = new Map(
  [light, middle, heavy].map(({ ip, port }, i) => [`${ip} . ${port}`, "abc".charAt(i)]),
);

function letters(slots: readonly string[]): string {
  return slots.map((slot) => short.get(slot) ?? "?").join("");
}

function endpoints(count: number, weight?: (i: number) => number): readonly Endpoint[] {
  return Array.from({ length: count }, (_, i) => ({
    ...endpointAt(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, "n"),
    ...(weight === undefined ? {} : { weight: weight(i) }),
  }));
}

describe("slotsOf()", () => {
  it.each<[Scheduler | undefined, string]>([
    [undefined, "abbccccc"],
    ["random", "abbccccc"],
    ["lc", "abbccccc"],
    ["rr", "abc"],
    ["wrr", "cbccaccb"],
    ["sh", "abbccccc"],
    ["dh", "abbccccc"],
    ["fo", "c"],
  ])("gives %s the slots %s", (scheduler, expected) => {
    const slots = letters(slotsOf([light, middle, heavy], scheduler, []));
    if (scheduler !== "wrr") return expect(slots).toBe(expected);
    expect(slots.split("").sort().join("")).toBe("abbccccc");
    expect(slots).not.toContain("ccccc");
  });

  it("divides by what the weights have in common", () => {
    expect(
      slotsOf(
        endpoints(2, (i) => (i + 1) * 300),
        undefined,
        [],
      ),
    ).toHaveLength(3);
  });

  it("keeps shares to thousandths when the weights have nothing in common", () => {
    const slots = slotsOf(
      endpoints(3, (i) => [997, 991, 1][i] ?? 1),
      undefined,
      [],
    );
    expect(Math.abs(slots.length - mostWeightedSlots)).toBeLessThanOrEqual(2);
    expect(slots.filter((slot) => slot === slots[0]).length).toBe(501);
    expect(new Set(slots).size).toBe(3);
  });

  it("changes one slot for one endpoint, two for one that goes, and keeps shares, whatever came before", () => {
    const ids = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 });
    const weights = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 31, maxLength: 31 });
    const all = endpoints(31);
    fc.assert(
      fc.property(ids, ids, weights, (first, second, of) => {
        const list = (which: readonly number[]) => which.map((i) => ({ ...all[i], weight: of[i] ?? 1 }) as Endpoint);
        const before = slotsOf(list(first), undefined, []);
        const after = slotsOf(list(second), undefined, before);
        expect([...after].sort()).toEqual([...slotsOf(list(second), undefined, [])].sort());
      }),
    );
    const before = slotsOf(all, undefined, []);
    const after = slotsOf(
      all.filter((_, i) => i !== 3),
      undefined,
      before,
    );
    expect(before.filter((slot, i) => slot !== after[i])).toHaveLength(2);
    const replaced = slotsOf([...all.filter((_, i) => i !== 3), light], undefined, before);
    expect(before.filter((slot, i) => slot !== replaced[i])).toHaveLength(1);
  });
});

describe("maglevSlots()", () => {
  it.each([
    [0, 0],
    [2, 251],
    [10, 251],
    [100, 4093],
    [2000, 16_381],
  ])("gives %d endpoints %d slots, at least 25 for each while there is room", (count, size) => {
    const addresses = endpoints(count).map(addressOf);
    const shares = addresses.map(() => 1);
    expect(maglevSlots(addresses, shares)).toHaveLength(size);
  });

  it("follows weights", () => {
    const slots = maglevSlots(["a", "b"], [1, 3]);
    expect(slots.filter((slot) => slot === "b").length / slots.length).toBeCloseTo(0.75, 1);
  });
});

describe("shortcomings()", () => {
  it.each(["lc", "wlc", "sed", "nq", "lblc", "lblcr", "ovf"] as const)(
    "says that %s is not what it is",
    (scheduler) => {
      expect(shortcomings(planWith({ scheduler }))).toEqual([
        `scheduler ${scheduler} needs counts of connections, which nftables does not have: endpoints are picked at random by weight`,
      ]);
      expect(pickOf(scheduler)).toBe("random");
    },
  );

  it.each(["random", "rr", "wrr", "sh", "dh", "mh", "fo"] as const)("has nothing to say of %s", (scheduler) => {
    expect(shortcomings(planWith({ scheduler }))).toEqual([]);
  });

  it("says how many endpoints affinity has room for", () => {
    const cluster = endpoints(mostStickyEndpoints + 1);
    expect(shortcomings(planWith({ cluster, affinitySeconds: 10 }))).toHaveLength(1);
    expect(shortcomings(planWith({ cluster }))).toEqual([]);
  });
});
