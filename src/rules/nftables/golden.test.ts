import { describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { schedulerPlans } from "../../../test/support/scheduler-plans.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { scriptText } from "../nft/index.ts";
import { RuleSet } from "./rule-set.ts";

const ranges = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});

function rulesWith(layout: ConstructorParameters<typeof RuleSet>[0]): RuleSet {
  const rules = new RuleSet(layout);
  for (const [service, plans] of goldenPlans) rules.want(service, plans);
  return rules;
}

function fullText(rules: RuleSet): string {
  return scriptText(rules.full().script);
}

// Each of these files is given to the real nft in golden.kernel.test.ts.
describe("RuleSet.full()", () => {
  it("writes everything that the rules can say", async () => {
    await expect(fullText(rulesWith(ranges))).toMatchFileSnapshot("testdata/everything.nft");
  });

  it("writes every way to pick an endpoint", async () => {
    const rules = new RuleSet(ranges);
    for (const [service, plans] of schedulerPlans) rules.want(service, plans);
    await expect(fullText(rules)).toMatchFileSnapshot("testdata/schedulers.nft");
  });

  it("writes what the node's network asks for", async () => {
    const network = nodeNetwork({
      ...ranges,
      localTraffic: { kind: "interface-prefix", prefix: "veth" },
      masqueradeBit: 20,
      nodePortAddresses: [cidr("192.168.100.0/24"), cidr("fd00:100::/64")],
    });
    await expect(fullText(new RuleSet(network))).toMatchFileSnapshot("testdata/interface-prefix.nft");
    const all = nodeNetwork({
      localTraffic: { kind: "bridge", name: "cbr0" },
      masqueradeAll: true,
      localhostNodePorts: true,
    });
    await expect(fullText(new RuleSet(all))).toMatchFileSnapshot("testdata/masquerade-all.nft");
  });

  it("writes less when nothing is known of the ranges, and more with node ports on loopback", async () => {
    await expect(fullText(rulesWith(nodeNetwork({ localhostNodePorts: true })))).toMatchFileSnapshot(
      "testdata/loopback.nft",
    );
  });

  it("gives the same bytes for the same input", () => {
    expect(fullText(rulesWith(ranges))).toBe(fullText(rulesWith(ranges)));
  });

  it("needs the same number of chains for 10 and 1000 Services of one shape", () => {
    const chains = (count: number) => {
      const rules = new RuleSet(ranges);
      const plans = goldenPlans.get("tour/node-port") ?? [];
      for (let i = 0; i < count; i++) rules.want(`tour/svc-${i}`, plans);
      return fullText(rules).match(/^add chain/gm)?.length;
    };
    expect(chains(1000)).toBe(chains(10));
  });
});

describe("RuleSet.removal()", () => {
  it("deletes the tables whether they are there or not", () => {
    expect(new RuleSet().removal()).toMatchInlineSnapshot(`
      "add table ip sealane
      delete table ip sealane
      add table ip6 sealane
      delete table ip6 sealane
      "
    `);
  });
});
