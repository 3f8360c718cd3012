import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import { openNft, runProgram } from "../../kernel/index.ts";
import type { Nft } from "../../kernel/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { schedulerPlans } from "../../../test/support/scheduler-plans.ts";
import { emptyTable, parseTable, tableDifferences } from "../nft/index.ts";
import type { TableState } from "../nft/index.ts";
import { RuleSet } from "./rule-set.ts";
import { nftRuleset, testNamespaces } from "../../../test/support/test-namespaces.ts";

const newNamespace = testNamespaces();
let namespace: string;
const golden = new URL("testdata/", import.meta.url);
const layout = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});
const plansOfAll = [...goldenPlans, ...schedulerPlans];
let nft: Nft;

beforeAll(() => {
  namespace = newNamespace();
  nft = openNft({ namespace });
});
beforeEach(() => nft.apply(new RuleSet().removal(), { full: true }));
afterAll(() => nft.close());

describe("the golden rules", () => {
  const files = readdirSync(golden).filter((name) => name.endsWith(".nft"));

  it("are there", () => expect(files.length).toBeGreaterThan(0));

  it.each(files)("in %s are accepted by nft and by the kernel, twice", async (name) => {
    const script = readFileSync(new URL(name, golden), "utf8");
    await runProgram(["nft", "-c", "-f", "-"], { namespace, input: script });
    await nft.apply(script, { full: true });
    const once = await nftRuleset(namespace);
    await nft.apply(script, { full: true });
    expect(await nftRuleset(namespace)).toEqual(once);
  });
});

describe("parseTable()", () => {
  const networks: readonly (readonly [string, NodeNetwork])[] = [
    ["pods by address", layout],
    ["pods by interface", { ...layout, localTraffic: { kind: "interface-prefix", prefix: "veth" }, masqueradeBit: 31 }],
    ["pods by bridge", { ...layout, localTraffic: { kind: "bridge", name: "cbr0" }, localhostNodePorts: true }],
    [
      "unknown pods",
      {
        ...layout,
        localTraffic: { kind: "unknown" },
        masqueradeAll: true,
        nodePortAddresses: [cidr("192.168.100.0/24"), cidr("10.0.0.1/32")],
      },
    ],
  ];

  it.each(networks)("reads back from the kernel what was written: %s", async (_name, network) => {
    const rules = new RuleSet(network);
    for (const [service, plans] of plansOfAll) rules.want(service, plans);
    await nft.apply(rules.full().script, { full: true });
    const wanted = rules.tables();
    for (const [family, state] of wanted) {
      const table = await listTable(family);
      expect(tableDifferences(state, table)).toEqual([]);
      expect(table.sets.get("services")?.elements.size).toBeGreaterThan(2);
    }
    expect(wanted.size).toBe(2);
  });

  it("shows what somebody else changed", async () => {
    const rules = new RuleSet(layout);
    for (const [service, plans] of goldenPlans) rules.want(service, plans);
    await nft.apply(rules.full().script, { full: true });
    await nft.apply("delete element ip sealane services { 10.96.0.20 . tcp . 80 }\nadd rule ip sealane check accept\n");
    const wanted = rules.tables().get("IPv4") ?? emptyTable;
    const differences = tableDifferences(wanted, await listTable("IPv4"));
    expect(differences.map(({ what }) => what)).toEqual(["chain check", "element 10.96.0.20 . tcp . 80 of services"]);
  });
});

async function listTable(family: IpFamily): Promise<TableState> {
  const text = await runProgram(["nft", "-nn", "list", "table", family === "IPv4" ? "ip" : "ip6", "sealane"], {
    namespace,
  });
  const table = parseTable(text);
  if (table.kind === "failed") throw new Error(`line ${table.line}: ${table.reason}`);
  return table.state;
}

describe("RuleSet.changes()", () => {
  it("leads to the same rules as writing all at once, Service by Service and back", async () => {
    const whole = new RuleSet(layout);
    for (const [service, plans] of plansOfAll) whole.want(service, plans);
    await nft.apply(whole.full().script, { full: true });
    const expected = await nftRuleset(namespace);

    await nft.apply(new RuleSet().removal(), { full: true });
    const rules = new RuleSet(layout);
    const write = async (service: string): Promise<void> => {
      const change = rules.changes([service]);
      await nft.apply(change.script);
      change.commit();
    };
    const ground = rules.full();
    await nft.apply(ground.script, { full: true });
    ground.commit();
    for (const [service, plans] of plansOfAll) {
      rules.want(service, plans);
      await write(service);
    }
    expect(await nftRuleset(namespace)).toEqual(expected);

    for (const [service] of plansOfAll) {
      rules.want(service, []);
      await write(service);
    }
    expect(rules.installed).toBe(0);
    expect(await runProgram(["nft", "list", "ruleset"], { namespace })).not.toContain("elements");
  });
});
