import { describe, expect, it } from "vitest";
import { runProgram, writeFixedRules } from "./index.ts";
import type { FixedRules } from "./index.ts";
import { testNamespaces } from "../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();

function untracked(port: number): FixedRules {
  return {
    purpose: "that keep a port untracked",
    nft: `table ip t {\n  chain c {\n    type filter hook output priority raw;\n    udp dport ${port} notrack\n  }\n}\n`,
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
