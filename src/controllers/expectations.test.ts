import { describe, expect, it } from "vitest";
import { ManualClock } from "../core/index.ts";
import type { ObjectMeta } from "../objects/index.ts";
import { createExpectations } from "./expectations.ts";

const object = (uid: string, resourceVersion: string, extra: Partial<ObjectMeta> = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: uid, uid, resourceVersion, ...extra },
});

describe("createExpectations()", () => {
  it("waits until a created object is seen, in this version or a later one", () => {
    const expectations = createExpectations(new ManualClock());
    expectations.written("key", object("a", "5"), undefined);
    expectations.written("key", object("b", "6"), object("b", "4"));
    expect(expectations.waitMs("key")).toBeGreaterThan(0);
    expect(expectations.observe(object("a", "5"), undefined)).toBeUndefined();
    expect(expectations.observe(object("b", "5"), undefined)).toBeUndefined();
    expect(expectations.observe(object("b", "7"), undefined)).toBe("key");
    expect(expectations.waitMs("key")).toBe(0);
  });

  it("does not wait for what the cache showed before the answer came", () => {
    const expectations = createExpectations(new ManualClock());
    expectations.written("key", object("a", "5"), object("a", "6"));
    expectations.deleted("key", object("b", "5"), undefined);
    expectations.deleted("key", object("c", "5"), object("other", "6"));
    expectations.deleted("key", object("d", "5"), object("d", "6", { deletionTimestamp: "now" }));
    expect(expectations.waitMs("key")).toBe(0);
  });

  it("takes a deletion for done when it begins, and a creation when the object is gone again", () => {
    const expectations = createExpectations(new ManualClock());
    expectations.deleted("one", object("a", "5"), object("a", "5"));
    expect(expectations.observe(object("a", "6"), undefined)).toBeUndefined();
    expect(expectations.observe(object("a", "7", { deletionTimestamp: "now" }), undefined)).toBe("one");
    expectations.written("two", object("b", "5"), undefined);
    expect(expectations.observe(undefined, object("b", "6"))).toBe("two");
  });

  it("loses patience after 10 s, and forgets what it is told to", () => {
    const clock = new ManualClock();
    const expectations = createExpectations(clock);
    expectations.written("key", object("a", "5"), undefined);
    expectations.written("other", object("b", "5"), undefined);
    expectations.forget("other");
    expect(expectations.waitMs("other")).toBe(0);
    clock.advance(9_000);
    expect(expectations.waitMs("key")).toBe(1_000);
    clock.advance(1_000);
    expect(expectations.waitMs("key")).toBe(0);
  });
});
