import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { openNft } from "../../kernel/index.ts";
import type { Nft } from "../../kernel/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { schedulerPlans } from "../../../test/support/scheduler-plans.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { nftRuleset, testNamespaces } from "../../../test/support/test-namespaces.ts";
import type { BigScript, Script } from "../nft/index.ts";
import { UserspaceRules } from "../userspace/index.ts";
import { elementSets } from "./element-text.ts";
import { RuleSet } from "./rule-set.ts";

const newNamespace = testNamespaces();
const network = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/12"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});

/** One of everything, and so many that they are loaded by netlink, but not too many for nft in a user namespace. */
const plans: ReadonlyMap<string, readonly ServicePlan[]> = new Map([
  ...goldenPlans,
  ...schedulerPlans,
  ...Array.from({ length: 1010 }, (_, i): [string, readonly ServicePlan[]] => {
    const [high, low] = [i >> 8, i & 255];
    const endpoint = endpointAt(`10.129.${high}.${low}`, "node-2");
    const six = { ...endpoint, ip: ip(`fd00:244:${i.toString(16)}::${(i + 1).toString(16)}`) };
    const service = `many/svc-${i}`;
    const clusterIP = `fd00:96::2:${i.toString(16)}`;
    return [
      service,
      [
        planWith({ service, clusterIP: `10.97.${high}.${low}`, port: 1 + 64 * i, cluster: [endpoint] }),
        ...(i % 40 === 0 ? [planWith({ service, family: "IPv6", clusterIP, cluster: [six] })] : []),
      ],
    ];
  }),
  [
    "many/guarded",
    [
      planWith({
        service: "many/guarded",
        clusterIP: "10.96.2.1",
        loadBalancerIPs: ["192.168.100.201"],
        cluster: [endpointAt("10.244.2.9", "node-2")],
        sourceRanges: ["10.1.2.0/23", "0.0.0.0/1", "172.16.0.1/32"].map(cidr),
      }),
      planWith({
        service: "many/guarded",
        family: "IPv6",
        clusterIP: "fd00:96::1",
        loadBalancerIPs: ["2001:db8::2"],
        cluster: [{ ...endpointAt("10.244.2.9", "node-2"), ip: ip("fd00:244::9") }],
        sourceRanges: ["2001:db8:1::/47", "2001:db8:ff::1/128", "fd00::/8"].map(cidr),
      }),
    ],
  ],
]);

function rulesOf(more: ReadonlyMap<string, readonly ServicePlan[]> = plans): RuleSet {
  const rules = new RuleSet(network);
  for (const [service, list] of more) rules.want(service, list);
  return rules;
}

function isBig(script: Script): script is BigScript {
  return typeof script !== "string";
}

/** The script without the other way. */
function textOf(script: Script): Script {
  if (!isBig(script)) return script;
  expect(script.loads).toHaveLength(2);
  return { pieces: script.pieces };
}

describe("a load by netlink", () => {
  let expected: readonly string[];
  let namespace: string;
  let nft: Nft;

  beforeAll(async () => {
    const other = newNamespace();
    const byText = openNft({ namespace: other });
    await byText.apply(textOf(rulesOf().full().script), { full: true });
    expected = await nftRuleset(other);
    byText.close();
    namespace = newNamespace();
    nft = openNft({ namespace });
  });
  afterAll(() => nft.close());

  it("is tried with something in each set", () => {
    for (const set of elementSets) {
      expect(expected.some((entry) => entry.includes(`"name":"${set}"`) && entry.includes('"elem"'))).toBe(true);
    }
  });

  it("into nothing leads to what nft makes of the text", async () => {
    const { script } = rulesOf().full();
    const [before, made] = [nft.generation(), nft.transactions()];
    await nft.apply(script, { full: true });
    expect(nft.generation() - before).toBe(nft.transactions() - made);
    expect(await nftRuleset(namespace)).toEqual(expected);
  });

  it("over other elements leads to the same, and leaves what packets remember", async () => {
    const remembered = "add element ip sealane affinity { 1:4000 . 10.0.0.1 : 1:4001 }\n";
    await nft.apply(`${remembered}add element ip sealane cluster-ips { 10.99.0.1 }
delete element ip sealane services { 10.97.0.1 . tcp . 65 }
add element ip sealane services { 10.97.0.1 . tcp . 65 : drop }\n`);
    expect(await nftRuleset(namespace)).not.toEqual(expected);
    await nft.apply(rulesOf().full().script, { full: true });
    await nft.apply(remembered.replace("add", "delete"));
    expect(await nftRuleset(namespace)).toEqual(expected);
  });

  it("that fails leaves the elements as they were, and names the reason", async () => {
    const { script } = rulesOf().full();
    const [load] = (isBig(script) ? script.loads : undefined) ?? [];
    if (load === undefined) throw new Error("there is no load");
    // A transaction that somebody else's deletion of a chain has made impossible.
    const steps = load.steps(true);
    const broken = { ...load, steps: () => ({ ...steps, before: "add table ip sealane\n" }) };
    const maps = ["services", "short-circuits", "local-services"].map((map) => `flush map ip sealane ${map}\n`);
    await nft.apply(`${maps.join("")}delete chain ip sealane pick-1\n`);
    const before = await nftRuleset(namespace);
    await expect(nft.apply({ pieces: () => [], loads: [broken] }, { full: true })).rejects.toMatchObject({
      code: "ENOENT",
      message: expect.stringContaining("ip sealane") as unknown,
    });
    expect(await nftRuleset(namespace)).toEqual(before);
    await nft.apply(rulesOf().full().script, { full: true });
    expect(await nftRuleset(namespace)).toEqual(expected);
  });
});

describe("a load of mode userspace by netlink", () => {
  it("leads to what nft makes of the text", async () => {
    const rules = new UserspaceRules(network);
    for (const [service, list] of plans) rules.want(service, list);
    const ports = { TCP: { cluster: 11, local: 12 }, UDP: { cluster: 13, local: 14 } };
    rules.setListeners("IPv4", { address: ip("127.0.0.9"), ports });
    rules.setListeners("IPv6", { address: ip("::1"), ports });
    const { script } = rules.full();
    const [byText, byNetlink] = [newNamespace(), newNamespace()];
    for (const [namespace, one] of [
      [byText, textOf(script)],
      [byNetlink, script],
    ] as const) {
      const nft = openNft({ namespace });
      await nft.apply(one, { full: true });
      nft.close();
    }
    expect(await nftRuleset(byNetlink)).toEqual(await nftRuleset(byText));
  });
});
