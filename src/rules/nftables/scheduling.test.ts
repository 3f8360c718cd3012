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

/** Weights of which one half are light. */
function halves(count: number, light: number, heavy: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => (i < count / 2 ? light : heavy));
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

  it.each<readonly [string, readonly number[], number, number]>([
    ["a light one among heavy ones", [997, 991, 1], 1989, 0],
    ["many light ones and many heavy ones", halves(100, 1, 100), 5050, 0],
    ["heavy ones that have nothing in common", [997, 991, 983], 1000, 0.001],
    ["as many as there are slots for at most", halves(100, 37, 1000), 10_000, 0.05],
    ["even weights of more endpoints than slots", halves(12_000, 3, 3), 12_000, 0],
  ])("gives %s shares that are off by no more than is said", (_, weights, size, most) => {
    const list = endpoints(weights.length, (i) => weights[i] ?? 1);
    const slots = slotsOf(list, undefined, []);
    expect(Math.abs(slots.length - size)).toBeLessThanOrEqual(size / 100);
    expect(slots.length).toBeLessThanOrEqual(Math.max(mostWeightedSlots * 1.01, weights.length));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = new Map<string, number>();
    for (const slot of slots) counts.set(slot, (counts.get(slot) ?? 0) + 1);
    for (const endpoint of list) {
      const share = (counts.get(addressOf(endpoint)) ?? 0) / slots.length;
      const wanted = (endpoint.weight ?? 1) / total;
      expect(Math.abs(share - wanted)).toBeLessThanOrEqual(wanted * most + 1e-12);
    }
    expect(shortcomings(planWith({ cluster: list }))).toEqual([]);
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

  it("says how wrong shares are when weights are too uneven", () => {
    const cluster = endpoints(200, (i) => (i % 2 === 0 ? 1 : 1000));
    const sentence =
      /^weights so uneven need more slots than the \d+ that they are given: the share of an endpoint is off by up to \d+ % of itself$/;
    for (const scheduler of [undefined, "random", "wrr", "sh", "mh"] as const) {
      const plan = scheduler === undefined ? { cluster } : { cluster, scheduler };
      expect(shortcomings(planWith(plan))).toEqual([expect.stringMatching(sentence)]);
    }
    expect(shortcomings(planWith({ local: cluster }))).toHaveLength(1);
    expect(shortcomings(planWith({ cluster, scheduler: "rr" }))).toEqual([]);
    expect(shortcomings(planWith({ cluster, scheduler: "fo" }))).toEqual([]);
  });

  it("says how many endpoints affinity has room for", () => {
    const cluster = endpoints(mostStickyEndpoints + 1);
    expect(shortcomings(planWith({ cluster, affinitySeconds: 10 }))).toHaveLength(1);
    expect(shortcomings(planWith({ cluster }))).toEqual([]);
  });
});
