import { describe, expect, it } from "vitest";
import { ip } from "../../core/index.ts";
import { createAffinityTable } from "./affinity.ts";

const [a, b, c] = [ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3")] as const;

describe("createAffinityTable()", () => {
  it("remembers a client for the timeout after its last connection", () => {
    const table = createAffinityTable(1000);
    expect(table.find(a, 0)).toBeUndefined();
    table.set(a, "one", 0);
    expect(table.find(a, 999)).toBe("one");
    table.set(a, "one", 999);
    expect(table.find(a, 1998)).toBe("one");
    expect(table.find(a, 1999)).toBeUndefined();
  });

  it("forgets a client when told", () => {
    const table = createAffinityTable(1000);
    table.set(a, "one", 0);
    table.forget(a);
    expect(table.find(a, 1)).toBeUndefined();
  });

  it("forgets whose time is over, and at its limit the one that was away longest", () => {
    const table = createAffinityTable(1000, 2);
    table.set(a, "one", 0);
    table.set(b, "two", 10);
    table.set(a, "one", 20);
    table.set(c, "three", 30);
    expect([a, b, c].map((client) => table.find(client, 40))).toEqual(["one", undefined, "three"]);
    table.set(b, "two", 5000);
    expect(table.size).toBe(1);
  });
});
