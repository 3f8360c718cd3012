import { describe, expect, it } from "vitest";
import { ManualClock, silentLogger } from "../core/index.ts";
import { keepFixedRules, runProgram, writeFixedRules } from "./index.ts";
import type { FixedRules } from "./index.ts";
import { testNamespaces } from "../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();

function untracked(port: number): FixedRules {
  return {
    purpose: "that keep a port untracked",
    nft: { table: "t", chains: { c: ["type filter hook output priority raw;", `udp dport ${port} notrack`] } },
    iptables: [
      { table: "raw", hook: "OUTPUT", name: "UNTRACKED", rules: [`-p udp --dport ${port} -j CT --notrack`] },
      { table: "nat", hook: "POSTROUTING", name: "HIDDEN", rules: ["-o eth0 -j MASQUERADE"] },
    ],
  };
}

describe("writeFixedRules() on a kernel without nftables", () => {
  it("writes them by iptables, and over those of an earlier call", async () => {
    const namespace = newNamespace();
    expect(await writeFixedRules(untracked(7), { namespace })).toBe("iptables-legacy");
    expect(await writeFixedRules(untracked(8), { namespace })).toBe("iptables-legacy");
    const saved = await runProgram(["iptables-legacy-save"], { namespace });
    expect(saved.split("\n").filter((line) => line.startsWith("-A "))).toEqual([
      "-A POSTROUTING -j HIDDEN",
      "-A HIDDEN -o eth0 -j MASQUERADE",
      "-A OUTPUT -j UNTRACKED",
      "-A UNTRACKED -p udp -m udp --dport 8 -j CT --notrack",
    ]);
  });

  it("writes them again when somebody took them away", async () => {
    const namespace = newNamespace();
    const clock = new ManualClock();
    const keeper = keepFixedRules({ namespace, clock, log: silentLogger });
    await keeper.keep(untracked(7));
    const rules = async (): Promise<readonly string[]> =>
      (await runProgram(["iptables-legacy-save"], { namespace })).split("\n").filter((line) => line.startsWith("-A "));
    const before = await rules();
    expect(before).toHaveLength(4);
    for (const table of ["raw", "nat"]) {
      for (const action of ["-F", "-X"]) await runProgram(["iptables-legacy", "-t", table, action], { namespace });
    }
    expect(await rules()).toEqual([]);
    await expect.poll(() => (clock.advance(1000), rules()), { interval: 100, timeout: 10_000 }).toEqual(before);
    keeper.close();
  });

  it("names what is missing where iptables does not take them either", async () => {
    const rules: FixedRules = {
      ...untracked(7),
      iptables: [{ table: "raw", hook: "OUTPUT", name: "UNTRACKED", rules: ["-m nonsense -j CT --notrack"] }],
    };
    await expect(writeFixedRules(rules, { namespace: newNamespace() })).rejects.toThrow(
      /^There is no packet filter for rules that keep a port untracked: .*modprobe nf_tables.*modprobe iptable_nat.*Operation not supported.*nonsense/s,
    );
  });
});
