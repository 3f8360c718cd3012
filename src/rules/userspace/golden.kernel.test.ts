import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { openNft, runProgram } from "../../kernel/index.ts";
import type { Nft } from "../../kernel/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { parseTable, tableDifferences } from "../nft/index.ts";
import { UserspaceRules } from "./rule-set.ts";
import { tableName } from "./table-name.ts";
import { nftRuleset, testNamespaces } from "../../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();
let namespace: string;
const golden = new URL("testdata/", import.meta.url);
const network = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});
const ports = { TCP: { cluster: 41001, local: 41002 }, UDP: { cluster: 41003, local: 41004 } };
const addresses = { IPv4: ip("192.168.100.11"), IPv6: ip("fd00:100::11") };
let nft: Nft;

beforeAll(() => {
  namespace = newNamespace();
  nft = openNft({ namespace });
});
beforeEach(() => nft.apply(new UserspaceRules().removal(), { full: true }));
afterAll(() => nft.close());

function listTable(family: IpFamily, options: readonly string[]): Promise<string> {
  const protocol = family === "IPv4" ? "ip" : "ip6";
  return runProgram(["nft", ...options, "list", "table", protocol, tableName], { namespace });
}

function emptyRules(layout = network): UserspaceRules {
  const rules = new UserspaceRules(layout);
  for (const family of ["IPv4", "IPv6"] satisfies IpFamily[]) {
    rules.setListeners(family, { address: addresses[family], ports });
  }
  return rules;
}

describe("the golden rules", () => {
  const files = readdirSync(golden).filter((name) => name.endsWith(".nft"));

  it("are there", () => expect(files.length).toBe(4));

  it.each(files)("in %s are accepted by nft and by the kernel, twice", async (name) => {
    const script = readFileSync(new URL(name, golden), "utf8");
    await nft.apply(script, { full: true });
    const once = await nftRuleset(namespace);
    expect(once.length).toBeGreaterThan(40);
    await nft.apply(script, { full: true });
    expect(await nftRuleset(namespace)).toEqual(once);
  });
});

describe("UserspaceRules.changes()", () => {
  it("leads to the same rules as writing all at once, Service by Service and back", async () => {
    const whole = emptyRules();
    for (const [service, plans] of goldenPlans) whole.want(service, plans);
    await nft.apply(whole.full().script, { full: true });
    const expected = await nftRuleset(namespace);

    await nft.apply(new UserspaceRules().removal(), { full: true });
    const rules = emptyRules();
    const write = async (service: string): Promise<void> => {
      const change = rules.changes([service]);
      await nft.apply(change.script);
      change.commit();
    };
    const ground = rules.full();
    await nft.apply(ground.script, { full: true });
    ground.commit();
    for (const [service, plans] of goldenPlans) {
      rules.want(service, plans);
      await write(service);
    }
    expect(await nftRuleset(namespace)).toEqual(expected);
    for (const [service] of goldenPlans) {
      rules.want(service, []);
      await write(service);
    }
    expect(rules.installed).toBe(0);
    expect(await runProgram(["nft", "list", "ruleset"], { namespace })).not.toContain("elements");
  });

  it.each([
    ["pod networks", network],
    ["loopback", nodeNetwork({ localhostNodePorts: true })],
    ["links", nodeNetwork({ localTraffic: { kind: "interface-prefix", prefix: "cali" }, localhostNodePorts: true })],
    ["a bridge", nodeNetwork({ localTraffic: { kind: "bridge", name: "cbr0" } })],
    [
      "several networks",
      nodeNetwork({
        nodePortAddresses: [cidr("192.168.100.0/24"), cidr("10.0.0.0/8"), cidr("fd00:100::/64")],
        serviceCidrs: [cidr("10.96.0.0/16"), cidr("10.112.0.0/16")],
        localhostNodePorts: true,
      }),
    ],
  ] as const)("can be read back from the kernel: %s", async (_name, layout) => {
    const rules = emptyRules(layout);
    for (const [service, plans] of goldenPlans) rules.want(service, plans);
    await nft.apply(rules.full().script, { full: true });
    for (const family of ["IPv4", "IPv6"] as const) {
      for (const options of [[], ["-nn"]]) {
        const found = parseTable(await listTable(family, options));
        if (found.kind === "failed") throw new Error(found.reason);
        expect(found.family).toBe(family);
        expect([...found.state.sets.values()].reduce((sum, { elements }) => sum + elements.size, 0)).toBeGreaterThan(5);
        expect(tableDifferences(rules.state(family), found.state)).toEqual([]);
      }
    }
    await nft.apply(`delete element ip ${tableName} cluster-ips { 10.96.0.20 }\nflush chain ip ${tableName} relay\n`);
    const damaged = parseTable(await listTable("IPv4", []));
    if (damaged.kind === "failed") throw new Error(damaged.reason);
    expect(tableDifferences(rules.state("IPv4"), damaged.state).map(({ what }) => what)).toEqual([
      "chain relay",
      "element 10.96.0.20 of cluster-ips",
    ]);
  });

  it("leaves the tables of others alone when it removes its own", async () => {
    await nft.apply("add table ip sealane\nadd chain ip sealane x\n");
    const rules = emptyRules();
    await nft.apply(rules.full().script, { full: true });
    await nft.apply(rules.removal());
    const left = await runProgram(["nft", "list", "ruleset"], { namespace });
    expect(left).toContain("table ip sealane {");
    expect(left).not.toContain("sealane-userspace");
  });
});
