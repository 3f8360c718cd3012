import { describe, expect, it } from "vitest";
import { decodeIptablesError, failedLine } from "./iptables-error.ts";

const legacy = "iptables-restore v1.8.9 (legacy): ";
const nft = "iptables-nft-restore v1.8.9 (nf_tables): ";
const rule = "-A KUBE-X -s 10.0.0.1 -j KUBE-Y";

describe("failedLine()", () => {
  it.each([
    ["iptables-restore: line 27 failed", 27],
    [`${legacy}Couldn't load match \`x':No such file or directory\n\nError occurred at line: 4\nTry ...`, 4],
    [`${nft}\nline 26: RULE_APPEND failed (No such file or directory): rule in chain KUBE-X`, 26],
    ["iptables-nft-restore: line 3 failed: No chain/target/match by that name.", 3],
    ["Another app is currently holding the xtables lock. Stopped waiting after 5s.", undefined],
  ])("finds it in %s", (stderr, line) => expect(failedLine(stderr)).toBe(line));
});

// What iptables 1.8.9 said.
describe("decodeIptablesError()", () => {
  it.each([
    ["ENOENT", "iptables-restore: line 4 failed", rule],
    ["IptablesRefused", "iptables-restore: line 5 failed", "COMMIT"],
    [
      "ENOENT",
      `${legacy}Couldn't load target \`KUBE-SEP-A':No such file or directory\n\nError occurred at line: 4`,
      rule,
    ],
    ["ENOENT", `${nft}Chain 'KUBE-SEP-A' does not exist\nError occurred at line: 5`, rule],
    ["ENOENT", "iptables-nft-restore: line 4 failed: Bad rule (does a matching rule exist in that chain?).", rule],
    ["EEXIST", `${nft}\nline 4: CHAIN_DEL failed (Device or resource busy): chain KUBE-Y`, "-X KUBE-Y"],
    ["IptablesRefused", `${legacy}invalid port/service \`99999' specified\nError occurred at line: 4\nTry \`...`, rule],
    ["IptablesRefused", `${nft}\nline 4: RULE_APPEND failed (No such file or directory): rule in chain KUBE-X`, rule],
    ["EBUSY", "Another app is currently holding the xtables lock. Stopped waiting after 5s.", ""],
    ["EPERM", `${nft}Could not fetch rule set generation id: Permission denied (you must be root)`, ""],
    ["EMSGSIZE", `${nft}\nline 9: RULE_APPEND failed (Message too long): rule in chain KUBE-X`, rule],
  ])("gives %s for %s", (code, stderr, line) => {
    expect(decodeIptablesError(stderr, line)).toMatchObject({ code });
  });

  it("says what was refused and why", () => {
    const stderr = `${legacy}invalid port/service \`99999' specified\nError occurred at line: 4\nTry \`iptables-restore -h' for more.`;
    expect(decodeIptablesError(stderr, rule).message).toBe(
      `iptables: invalid port/service \`99999' specified, in: ${rule}`,
    );
    expect(decodeIptablesError("iptables-restore: line 5 failed", "COMMIT").message).toBe(
      "iptables: the kernel refused the table",
    );
    expect(decodeIptablesError("iptables-restore: line 4 failed", rule).message).toBe(
      `iptables: the tables are not what this change expects, in: ${rule}`,
    );
  });
});
