import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/index.ts";
import type { Notice } from "./engine.ts";
import { watchKernel } from "./kernel-watch.ts";

/** A watch that looks every second for this long, and the seconds at which it had everything written. */
function resyncsWithin(seconds: number, seen: (second: number) => Notice): readonly string[] {
  const clock = new ManualClock();
  const resyncs: string[] = [];
  let second = 0;
  const stop = watchKernel({
    clock,
    everyMs: 1000,
    look: () => seen(second),
    resync: (why) => void resyncs.push(`${why} ${second}`),
  });
  for (second = 1; second <= seconds; second++) clock.advance(1000);
  stop();
  return resyncs;
}

describe("watchKernel()", () => {
  it("acts at once on a change that comes alone", () => {
    expect(resyncsWithin(300, (second) => (second === 5 || second === 200 ? "changes" : "nothing"))).toEqual([
      "changes 5",
      "changes 200",
    ]);
  });

  it("acts after longer and longer pauses on changes that go on", () => {
    expect(resyncsWithin(130, () => "changes")).toEqual([1, 2, 4, 8, 16, 32, 64, 124].map((at) => `changes ${at}`));
  });

  it("keeps a change in mind until its pause is over", () => {
    expect(resyncsWithin(60, (second) => (second <= 9 ? "changes" : "nothing"))).toEqual([
      "changes 1",
      "changes 2",
      "changes 4",
      "changes 8",
      "changes 16",
    ]);
  });

  it("acts at once on damage, however long others have been changing things", () => {
    const seen = resyncsWithin(90, (second) => (second === 75 || second === 77 ? "damage" : "changes"));
    expect(seen.slice(-4)).toEqual(["changes 32", "changes 64", "damage 75", "damage 77"]);
  });
});
