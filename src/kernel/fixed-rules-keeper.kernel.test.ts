import { describe, expect, it } from "vitest";
import { ManualClock, silentLogger } from "../core/index.ts";
import { keepFixedRules, runProgram } from "./index.ts";
import type { FixedRules } from "./index.ts";
import { testNamespaces } from "../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();

function untracked(table: string, port: number): FixedRules {
  const chains = { c: ["type filter hook output priority raw;", `udp dport ${port} notrack`] };
  return { purpose: "that keep a port untracked", nft: { table, chains }, iptables: [] };
}

describe("keepFixedRules()", () => {
  it.each([
    ["flush", "ruleset"],
    ["delete", "table", "ip", "one"],
    ["flush", "chain", "ip", "two", "c"],
  ])("writes again what somebody took away: nft %s %s", async (...damage) => {
    const namespace = newNamespace();
    const nft = (...args: readonly string[]) => runProgram(["nft", ...args], { namespace });
    const clock = new ManualClock();
    const keeper = keepFixedRules({ namespace, clock, log: silentLogger });
    for (const [table, port] of [["one", 7] as const, ["two", 8] as const]) await keeper.keep(untracked(table, port));
    const before = await nft("list", "ruleset");
    expect(before).toContain("udp dport 7 notrack");
    for (let time = 0; time < 2; time++) {
      await nft(...damage);
      expect(await nft("list", "ruleset")).not.toBe(before);
      // A look that has begun ends before the next one is planned.
      await expect
        .poll(async () => (clock.advance(1000), (await nft("list", "ruleset")).length), { interval: 20 })
        .toBe(before.length);
    }
    keeper.close();
  });

  it("leaves them alone while others change tables of their own", async () => {
    const namespace = newNamespace();
    const nft = (...args: readonly string[]) => runProgram(["nft", ...args], { namespace });
    const clock = new ManualClock();
    const keeper = keepFixedRules({ namespace, clock, log: silentLogger });
    await keeper.keep(untracked("one", 7));
    const before = await nft("-a", "list", "table", "ip", "one");
    for (let time = 0; time < 5; time++) {
      await nft("add", "table", "ip", `theirs-${time}`);
      clock.advance(1000);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    // With the same handles: they are the very same rules.
    expect(await nft("-a", "list", "table", "ip", "one")).toBe(before);
    keeper.close();
  });
});
