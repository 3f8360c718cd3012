import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import { openConntrack, openNft, runProgram, writeFixedRules } from "./index.ts";
import type { Nft } from "./index.ts";
import { testNamespaces } from "../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();
let namespace: string;
let nft: Nft;

beforeAll(() => {
  namespace = newNamespace();
  nft = openNft({ namespace });
});
afterAll(() => nft.close());

const ways: readonly (readonly [string, { readonly full: boolean }, string])[] = [
  ["by the program", { full: true }, "10.0.0.1"],
  ["by the library", { full: false }, "10.0.0.2"],
];

describe("openNft()", () => {
  beforeAll(() => nft.apply("add table ip t\nadd set ip t s { type ipv4_addr; }\n", { full: true }));

  it.each(ways)("applies a script %s and counts generations", async (_way, how, address) => {
    const before = nft.generation();
    await nft.apply(`add element ip t s { ${address} }\n`, how);
    expect(nft.generation()).toBe(before + 1);
    expect(await runProgram(["nft", "list", "ruleset"], { namespace })).toContain(address);
  });

  it.each(ways)("applies nothing of a script that fails %s, and says which line", async (_way, how) => {
    const before = nft.generation();
    const script = "add element ip t s { 10.0.0.9 }\nadd element ip t nosuch { 10.0.0.9 }\n";
    await expect(nft.apply(script, how)).rejects.toMatchObject({
      code: "ENOENT",
      line: "add element ip t nosuch { 10.0.0.9 }",
    });
    await expect(nft.apply("add nonsense\n", how)).rejects.toMatchObject({ code: "NftRefused" });
    expect(nft.generation()).toBe(before);
  });

  it("writes nothing for an empty script", async () => {
    const before = nft.generation();
    await nft.apply("");
    expect(nft.generation()).toBe(before);
  });

  it("writes big scripts", async () => {
    // Bigger than what goes to the library, small enough for any user namespace.
    const elements = Array.from({ length: 1500 }, (_, i) => `10.1.${i >> 8}.${i & 255} comment "${"x".repeat(40)}"`);
    await nft.apply(`add element ip t s { ${elements.join(", ")} }\n`);
    expect(await runProgram(["nft", "list", "set", "ip", "t", "s"], { namespace })).toContain("10.1.5.219");
  });
});

describe("runProgram()", () => {
  it("names the package of a program that is missing", async () => {
    await expect(runProgram(["no-such-program"])).rejects.toMatchObject({ code: "ProgramMissing" });
  });

  it("rejects with what the program said", async () => {
    const failing = runProgram(["sh", "-c", "cat >&2; exit 3"], { input: "oh no" });
    await expect(failing).rejects.toMatchObject({ code: "ProgramFailed", stderr: "oh no" });
  });
});

describe("openConntrack()", () => {
  it("lists UDP flows and forgets them one by one", async () => {
    const track = (destination: string, protocol: string) =>
      runProgram(
        [
          "conntrack",
          "-I",
          "-p",
          protocol,
          "-s",
          "10.0.0.1",
          "-d",
          destination,
          "--sport",
          "1000",
          "--dport",
          "53",
        ].concat(protocol === "tcp" ? ["--state", "ESTABLISHED", "-t", "60"] : ["-t", "60"]) as [string, ...string[]],
        { namespace },
      );
    await nft.apply("add chain ip t c { type filter hook output priority 0; }\nadd rule ip t c ct state new accept\n");
    await track("10.0.0.2", "udp");
    await track("10.0.0.3", "udp");
    await track("10.0.0.2", "tcp");
    const conntrack = openConntrack({ namespace });
    const flows = conntrack
      .flows({ family: "IPv4", protocol: "UDP" })
      .toSorted((a, b) => (a.destination < b.destination ? -1 : 1));
    const [first] = flows;
    expect(flows.map(({ destination, answeredBy }) => [destination, answeredBy])).toEqual([
      ["10.0.0.2", "10.0.0.2"],
      ["10.0.0.3", "10.0.0.3"],
    ]);
    const to3 = { destination: { ip: ip("10.0.0.3"), port: 53 } };
    const by2 = { answeredBy: { ip: ip("10.0.0.2"), port: 53 } };
    const exact = [to3, by2, { ...to3, ...by2 }, { destination: { port: 54 } }].map((more) =>
      conntrack.flows({ family: "IPv4", protocol: "UDP", ...more }).map(({ destination }) => destination),
    );
    expect(exact).toEqual([["10.0.0.3"], ["10.0.0.2"], [], []]);
    expect(conntrack.flows({ family: "IPv4", protocol: "TCP" })).toMatchObject([{ protocol: "TCP" }]);
    expect(first).toMatchObject({ family: "IPv4", destinationPort: 53, answeredFrom: 53 });
    if (first === undefined) return;
    conntrack.deleteFlow(first);
    // Gone already: no error.
    conntrack.deleteFlow(first);
    expect(conntrack.flows({ family: "IPv4", protocol: "UDP" }).map(({ destination }) => destination)).toEqual([
      "10.0.0.3",
    ]);
    expect(conntrack.flows({ family: "IPv6", protocol: "UDP" })).toEqual([]);
    expect(await runProgram(["conntrack", "-L", "-p", "tcp"], { namespace })).toContain("10.0.0.2");
  });
});

describe("writeFixedRules()", () => {
  it("writes rules by nftables where the kernel has it", async () => {
    const place = { namespace: newNamespace() };
    const nft = { table: "fixed", chains: { c: ["type filter hook output priority raw;"] } };
    for (let time = 0; time < 2; time++) {
      expect(await writeFixedRules({ purpose: "of a test", nft, iptables: [] }, place)).toBe("nftables");
    }
    expect(await runProgram(["nft", "list", "tables"], place)).toBe("table ip fixed\n");
    await expect(
      writeFixedRules(
        { purpose: "of a test", nft: { table: "fixed", chains: { c: ["nonsense"] } }, iptables: [] },
        place,
      ),
    ).rejects.toMatchObject({
      code: "NftRefused",
    });
  });
});
