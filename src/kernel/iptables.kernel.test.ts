import { beforeEach, describe, expect, it } from "vitest";
import type { IpFamily } from "../core/index.ts";
import { openIptables, runProgram } from "./index.ts";
import type { IptablesVariant } from "./index.ts";
import type { IptablesFamilyScript, IptablesScript } from "./iptables.ts";
import { testNamespaces } from "../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();
let namespace: string;

beforeEach(() => {
  namespace = newNamespace();
});

const canaries = ["*mangle", ":KUBE-PROXY-CANARY - [0:0]", "COMMIT", "*filter", ":KUBE-PROXY-CANARY - [0:0]", "COMMIT"];
const natTable = (...lines: readonly string[]) => ["*nat", ":KUBE-PROXY-CANARY - [0:0]", ...lines, "COMMIT"];

/** A script of runs of lines for one family; its removal empties and deletes every chain that is named KUBE-... */
function scriptOf(...runs: readonly (readonly string[])[]): IptablesScript {
  return { kind: "write", families: [familyScript("IPv4", () => runs)] };
}

function familyScript(family: IpFamily, runs: (limit: number) => readonly (readonly string[])[]): IptablesFamilyScript {
  return {
    family,
    needsOutline: false,
    runs: (_there, { chains }) => runs(chains).map((lines) => [lines.map((line) => `${line}\n`).join("")]),
    removal: function* (there) {
      for (const [table, { chains, references }] of there) {
        const own = chains.filter((name) => name.startsWith("KUBE-"));
        if (own.length === 0) continue;
        const flushed = own.map((name) => `:${name} - [0:0]\n`);
        const jumps = references.map((rule) => `-D${rule.slice(2)}\n`);
        yield [[`*${table}\n`, ...flushed, ...jumps, ...own.map((name) => `-X ${name}\n`), "COMMIT\n"].join("")];
      }
    },
  };
}

function saved(variant: IptablesVariant): Promise<string> {
  return runProgram([`iptables-${variant}-save`], { namespace });
}

describe.each(["legacy", "nft"] as const)("openIptables() with the %s variant", (variant) => {
  it("applies runs one after another, and notices when they are gone", async () => {
    const iptables = openIptables({ namespace, variant });
    expect(iptables.look()).toBe("nothing");
    await iptables.apply(scriptOf(canaries, natTable(":KUBE-X - [0:0]", "-A KUBE-X -s 10.0.0.1 -j RETURN")));
    expect(await saved(variant)).toContain("-A KUBE-X -s 10.0.0.1/32 -j RETURN");
    expect(iptables.look()).toBe("nothing");
    // Rules of others are no damage.
    await runProgram(
      [`iptables-${variant}`, "-w", "-t", "nat", "-A", "POSTROUTING", "-s", "10.9.0.0/16", "-j", "RETURN"],
      {
        namespace,
      },
    );
    expect(iptables.look()).toBe("nothing");
    await runProgram([`iptables-${variant}`, "-w", "-t", "nat", "-F"], { namespace });
    await runProgram([`iptables-${variant}`, "-w", "-t", "nat", "-X"], { namespace });
    expect(iptables.look()).toBe("damage");
    iptables.close();
  });

  it("changes nothing in a table in which a line fails, and says which and why", async () => {
    const iptables = openIptables({ namespace, variant });
    await iptables.apply(scriptOf(natTable(":KUBE-X - [0:0]")));
    const before = (await saved(variant)).replaceAll(/^#.*\n/gm, "");
    const bad = (line: string) => iptables.apply(scriptOf(natTable(), natTable("-A KUBE-X -j RETURN", line)));
    await expect(bad("-D KUBE-X -s 10.0.0.9 -j RETURN")).rejects.toMatchObject({
      code: "ENOENT",
      line: "-D KUBE-X -s 10.0.0.9 -j RETURN",
    });
    await expect(bad("-A KUBE-X -m nosuch -j RETURN")).rejects.toMatchObject({ code: "IptablesRefused" });
    await expect(bad("-A KUBE-X -j KUBE-NOWHERE")).rejects.toMatchObject({ code: "ENOENT" });
    expect((await saved(variant)).replaceAll(/^#.*\n/gm, "")).toBe(before);
    iptables.close();
  });

  it("gives an outline of what is there to scripts that ask for it", async () => {
    await runProgram([`iptables-${variant}-restore`, "-w", "--noflush"], {
      namespace,
      input: `${natTable(":KUBE-X - [0:0]", ":THEIRS - [0:0]", "-A OUTPUT -j KUBE-X", "-A KUBE-X -j KUBE-PROXY-CANARY", "-A THEIRS -j RETURN").join("\n")}\n`,
    });
    const iptables = openIptables({ namespace, variant });
    let seen: unknown;
    const script: IptablesFamilyScript = {
      ...familyScript("IPv4", () => []),
      needsOutline: true,
      runs: (there) => {
        seen = there.get("nat");
        return [];
      },
    };
    await iptables.apply({ kind: "write", families: [script] });
    expect(seen).toMatchObject({
      chains: expect.arrayContaining(["OUTPUT", "KUBE-X", "THEIRS"]) as unknown,
      references: ["-A OUTPUT -j KUBE-X"],
    });
    iptables.close();
  });

  it("takes away what the other variant has, when the first full script is there", async () => {
    const other = variant === "legacy" ? "nft" : "legacy";
    const before = openIptables({ namespace, variant: other });
    await before.apply(scriptOf(natTable(":KUBE-OLD - [0:0]", "-A OUTPUT -j KUBE-OLD", "-A POSTROUTING -j RETURN")));
    const iptables = openIptables({ namespace, variant });
    await iptables.apply(scriptOf(natTable(":KUBE-NEW - [0:0]")), { full: true });
    expect(await saved(variant)).toContain("KUBE-NEW");
    const left = await saved(other);
    expect(left).not.toContain("KUBE-");
    expect(left).toContain("-A POSTROUTING -j RETURN");
    before.close();
    iptables.close();
  });

  it("uses the variant that is in use", async () => {
    const first = openIptables({ namespace, variant });
    await first.apply(scriptOf(canaries, natTable()));
    const second = openIptables({ namespace });
    expect(await second.variant()).toBe(variant);
    await second.apply({ kind: "remove", families: [familyScript("IPv4", () => [])] });
    expect(await saved(variant)).not.toContain("KUBE-");
    first.close();
    second.close();
  });
});

describe("openIptables()", () => {
  it("starts nothing to remove what is not there, and makes no tables", async () => {
    const iptables = openIptables({ namespace });
    await iptables.apply({
      kind: "remove",
      families: [familyScript("IPv4", () => []), familyScript("IPv6", () => [])],
    });
    expect(await saved("legacy")).toBe("");
    expect(await runProgram(["nft", "list", "tables"], { namespace })).toBe("");
    iptables.close();
  });

  it("waits for the lock of other programs", async () => {
    const iptables = openIptables({ namespace, variant: "legacy" });
    const holder = runProgram(["flock", "/run/xtables.lock", "sh", "-c", "echo held; sleep 0.3; echo released"]);
    await iptables.apply(scriptOf(natTable(":KUBE-X - [0:0]")));
    expect(await holder).toContain("released");
    expect(await saved("legacy")).toContain("KUBE-X");
    iptables.close();
  });
});
