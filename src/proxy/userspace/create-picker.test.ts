import { describe, expect, it } from "vitest";
import { ip, seededRandom } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { schedulers } from "../../model/index.ts";
import type { Scheduler } from "../../model/index.ts";
import { createBackend, noteEnd } from "./backend.ts";
import type { Backend } from "./backend.ts";
import { createPicker } from "./create-picker.ts";
import { maglevSlots } from "./maglev.ts";
import type { PickRequest } from "./picker.ts";

const vip = ip("10.96.0.20");

/** Backends a, b, c, ... with these weights; their keys are `10.0.0.1 8080` and so on. */
function backendsOf(...weights: readonly number[]): readonly Backend[] {
  return weights.map((weight, index) => createBackend(ip(`10.0.${index >> 8}.${index & 255}`), 8080, weight));
}

function request(more: Partial<PickRequest> = {}): PickRequest {
  return { client: ip("192.168.0.1"), destination: vip, now: 0, isUsable: () => true, ...more };
}

function nameOf(backends: readonly Backend[], picked: Backend | undefined): string {
  return picked === undefined ? "-" : String.fromCodePoint(97 + backends.indexOf(picked));
}

function clientNumber(index: number): Ip {
  return ip(`172.${16 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`);
}

/** The choices one after the other; each connection ends before the next one, or stays open. */
function sequence(
  scheduler: Scheduler,
  backends: readonly Backend[],
  count: number,
  { stay = false, more = {} }: { readonly stay?: boolean; readonly more?: Partial<PickRequest> } = {},
): string {
  const pick = createPicker(scheduler, seededRandom(1));
  let text = "";
  for (let i = 0; i < count; i++) {
    const picked = pick(backends, request(more));
    if (picked !== undefined) {
      picked.active++;
      if (!stay) noteEnd(picked, 0);
    }
    text += nameOf(backends, picked);
  }
  return text;
}

/** How far counts are from what weights promise; chi-square with `counts.length - 1` degrees of freedom. */
function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const weighed = weights.reduce((sum, weight) => sum + weight, 0);
  return counts.reduce((sum, count, index) => {
    const expected = (total * (weights[index] ?? 0)) / weighed;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

describe("createPicker()", () => {
  const sequences: readonly (readonly [Scheduler, readonly number[], boolean, string])[] = [
    ["rr", [1, 1, 1], false, "abcabcabc"],
    ["rr", [1, 9, 1], false, "abcabcabc"],
    ["wrr", [1, 1, 1], false, "abcabcabc"],
    ["wrr", [1, 2, 5], false, "cccbcabccccbcabc"],
    ["wrr", [10, 20, 50], false, "cccbcabccccbcabc"],
    // Ended connections count a little, so that short ones do not all go to the first.
    ["lc", [1, 1, 1], false, "abcabc"],
    ["lc", [1, 5, 1], true, "abcabc"],
    ["wlc", [1, 2], true, "abbabb"],
    ["wlc", [1, 2], false, "abbabb"],
    ["sed", [1, 2, 5], true, "ccbccabcc"],
    // As sed, but an idle one first.
    ["nq", [1, 2, 5], true, "abccccbcc"],
    ["fo", [1, 3, 2], true, "bbbbb"],
    ["ovf", [1, 3, 2], true, "bbbcca-"],
    ["dh", [1, 1, 1], true, "aaaa"],
    ["sh", [1, 1, 1], true, "aaaa"],
    ["mh", [1, 1, 1], true, "cccc"],
    // The same destination stays until its backend has more than its weight while another has less than half of it.
    ["lblc", [2, 4], true, "aaabbbbbb"],
    ["lblcr", [2, 4], true, "aaabbbbbb"],
  ];
  it.each(sequences)("%s with weights %j (connections stay: %s) chooses %s", (scheduler, weights, stay, expected) => {
    expect(sequence(scheduler, backendsOf(...weights), expected.length, { stay })).toBe(expected);
  });

  it.each(schedulers)("%s passes over those that may not be used", (scheduler) => {
    const backends = backendsOf(1, 1, 1);
    const isUsable = (backend: Backend) => backend === backends[1];
    expect(sequence(scheduler, backends, 4, { more: { isUsable } })).toBe("bbbb");
    expect(sequence(scheduler, backends, 2, { more: { isUsable: () => false } })).toBe("--");
    expect(sequence(scheduler, [], 1)).toBe("-");
  });

  const spreads: readonly (readonly [Scheduler, readonly number[], number])[] = [
    // 0.1 % of chance: 13.8 for 2 degrees of freedom, 22.5 for 6, 148 for 99.
    ["random", [1, 1, 1], 13.8],
    ["random", [1, 1, 1, 1, 1, 1, 1], 22.5],
    ["random", Array.from({ length: 100 }, () => 1), 148],
    ["random", [1, 2, 5], 13.8],
    ["rr", Array.from({ length: 100 }, () => 1), 1],
    ["wrr", [1, 2, 5], 1],
    ["sh", [1, 1, 1], 13.8],
    ["sh", [1, 2, 5], 13.8],
    ["mh", [1, 1, 1], 13.8],
    ["mh", [1, 2, 5], 13.8],
  ];
  it.each(spreads)("%s spreads clients over weights %j", (scheduler, weights, limit) => {
    const backends = backendsOf(...weights);
    const pick = createPicker(scheduler, seededRandom(2));
    const counts = weights.map(() => 0);
    for (let client = 0; client < 8000; client++) {
      const picked = pick(backends, request({ client: clientNumber(client) }));
      const index = picked === undefined ? -1 : backends.indexOf(picked);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(chiSquare(counts, weights)).toBeLessThan(limit);
  });

  it.each(["sh", "mh"] as const)("%s gives every one of 1,000 backends something", (scheduler) => {
    const backends = backendsOf(...Array.from({ length: 1000 }, () => 1));
    const pick = createPicker(scheduler, seededRandom(3));
    const seen = new Set<Backend | undefined>();
    for (let client = 0; client < 20_000; client++) seen.add(pick(backends, request({ client: clientNumber(client) })));
    expect(seen.size).toBe(1000);
  });

  it("goes on after the same backend when the list changes (rr, wrr)", () => {
    for (const scheduler of ["rr", "wrr"] as const) {
      const pick = createPicker(scheduler, seededRandom(4));
      const backends = backendsOf(1, 1, 1, 1);
      pick(backends, request());
      expect(nameOf(backends, pick(backends, request()))).toBe("b");
      const without = backends.filter((_, index) => index !== 0);
      expect(nameOf(backends, pick(without, request()))).toBe("c");
      const gone = without.filter((backend) => backend !== backends[2]);
      expect(nameOf(backends, pick(gone, request()))).toBe("d");
    }
  });

  it("moves few clients of others when one of 20 goes (mh)", () => {
    const backends = backendsOf(...Array.from({ length: 20 }, () => 1));
    const pick = createPicker("mh", seededRandom(5));
    const without = backends.filter((_, index) => index !== 7);
    let moved = 0;
    let others = 0;
    const before = Array.from({ length: 5000 }, (_, index) => pick(backends, request({ client: clientNumber(index) })));
    for (const [index, home] of before.entries()) {
      if (home === backends[7]) continue;
      others++;
      if (pick(without, request({ client: clientNumber(index) })) !== home) moved++;
    }
    expect(moved / others).toBeLessThan(0.04);
  });
});

describe("maglevSlots()", () => {
  it("does not depend on the order of the backends", () => {
    const backends = backendsOf(1, 2, 3, 4, 5);
    const reversed = backends.toReversed();
    const keys = (list: readonly Backend[]) => Array.from(maglevSlots(list), (index) => list[index]?.key);
    expect(keys(reversed)).toEqual(keys(backends));
  });

  it("is as long as a prime that gives each backend about a hundred places", () => {
    expect(maglevSlots(backendsOf(1, 1)).length).toBe(251);
    expect(maglevSlots(backendsOf(1, 2, 5)).length).toBe(1021);
    expect(maglevSlots(backendsOf(...Array.from({ length: 5000 }, () => 1))).length).toBe(131_071);
  });
});
