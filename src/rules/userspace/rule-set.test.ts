import { describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork, ServicePlan } from "../../model/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { scriptText } from "../nft/index.ts";
import { UserspaceRules } from "./rule-set.ts";

const place = {
  IPv4: {
    address: ip("192.168.100.11"),
    ports: { TCP: { cluster: 41001, local: 41002 }, UDP: { cluster: 41003, local: 41004 } },
  },
  IPv6: {
    address: ip("fd00:100::11"),
    ports: { TCP: { cluster: 41005, local: 41006 }, UDP: { cluster: 41007, local: 41008 } },
  },
} as const;
const network = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24"), cidr("fd00:244:1::/64")] },
});
const pods = [endpointAt("10.244.1.2", "node-1"), endpointAt("10.244.2.2", "node-2")] as const;

function rulesWith(
  layout: NodeNetwork,
  plans: Iterable<readonly [string, readonly ServicePlan[]]> = [],
): UserspaceRules {
  const rules = new UserspaceRules(layout);
  for (const [service, list] of plans) rules.want(service, list);
  for (const family of rules.families()) rules.setListeners(family, place[family]);
  return rules;
}

/** With the fixed part in the kernel. */
function writtenRules(...plans: readonly ServicePlan[]): UserspaceRules {
  const rules = rulesWith(
    network,
    plans.map((plan) => [plan.service, [plan]]),
  );
  rules.full().commit();
  return rules;
}

function changeOf(rules: UserspaceRules, plan: ServicePlan): string {
  rules.want(plan.service, [plan]);
  const change = rules.changes([plan.service]);
  change.commit();
  return scriptText(change.script);
}

// Each of these files is given to the real nft in golden.kernel.test.ts.
describe("UserspaceRules.full()", () => {
  it("writes everything that the rules can say", async () => {
    await expect(scriptText(rulesWith(network, goldenPlans).full().script)).toMatchFileSnapshot(
      "testdata/everything.nft",
    );
  });

  it.each([
    ["loopback", nodeNetwork({ localhostNodePorts: true })],
    [
      "some-addresses",
      nodeNetwork({
        nodePortAddresses: [cidr("192.168.100.0/24"), cidr("fd00:100::/64")],
        localhostNodePorts: true,
        localTraffic: { kind: "interface-prefix", prefix: "cali" },
      }),
    ],
    [
      "one-family",
      nodeNetwork({
        nodePortAddresses: [cidr("192.168.100.0/24")],
        localTraffic: { kind: "bridge", name: "cbr0" },
      }),
    ],
  ] as const)("writes the network of %s", async (name, layout) => {
    await expect(scriptText(rulesWith(layout, goldenPlans).full().script)).toMatchFileSnapshot(`testdata/${name}.nft`);
  });

  it("needs as many chains for 1000 Services as for none", () => {
    const chains = (rules: UserspaceRules) => scriptText(rules.full().script).match(/^add chain/gm)?.length;
    const many = Array.from({ length: 1000 }, (_, index): readonly [string, readonly ServicePlan[]] => [
      `tour/${index}`,
      [planWith({ service: `tour/${index}`, clusterIP: `10.96.${index >> 8}.${index & 255}`, cluster: pods })],
    ]);
    expect(chains(rulesWith(network, many))).toBe(chains(rulesWith(network)));
  });

  it("puts no text of a configuration into a rule that could be another rule", () => {
    const layout = nodeNetwork({ localTraffic: { kind: "bridge", name: 'a" accept #' } });
    expect(scriptText(rulesWith(layout).full().script)).not.toContain("iifname");
  });
});

describe("UserspaceRules.changes()", () => {
  it("writes nothing when only the endpoints are others", () => {
    const rules = writtenRules(planWith({ cluster: pods }));
    expect(changeOf(rules, planWith({ cluster: pods.slice(1) }))).toBe("");
    expect(changeOf(rules, planWith({ cluster: pods, scheduler: "mh", affinitySeconds: 5 }))).toBe("");
  });

  it("replaces two elements when the last endpoint goes, and when the first one comes", () => {
    const rules = writtenRules(planWith({ cluster: pods }));
    expect(changeOf(rules, planWith({}))).toMatchInlineSnapshot(`
      "delete element ip sealane-userspace services {
        10.96.0.20 . tcp . 80
      }
      add element ip sealane-userspace no-endpoints {
        10.96.0.20 . tcp . 80 comment "tour/web:http" : goto refuse
      }
      "
    `);
    expect(changeOf(rules, planWith({ cluster: pods }))).toMatchInlineSnapshot(`
      "delete element ip sealane-userspace no-endpoints {
        10.96.0.20 . tcp . 80
      }
      add element ip sealane-userspace services {
        10.96.0.20 . tcp . 80 comment "tour/web:http" : goto relay
      }
      "
    `);
  });

  it("has a table for each family that Services have addresses of in the cluster", () => {
    expect(rulesWith(network).families()).toEqual(["IPv4", "IPv6"]);
    expect(rulesWith(network).leftovers()).toBe(undefined);
    // So that what was never a Service's is dropped there, too, before and after the first one.
    expect(scriptText(rulesWith(network).full().script)).toMatch(/fd00:96::\/108.* drop/);
  });

  it("writes the table of a family with the first Service that needs it, where the cluster names no addresses", () => {
    const rules = rulesWith(nodeNetwork(), [["tour/web", [planWith({ cluster: pods })]]]);
    rules.full().commit();
    expect(rules.families()).toEqual(["IPv4"]);
    expect(rules.leftovers()).toBe("add table ip6 sealane-userspace\ndelete table ip6 sealane-userspace\n");
    rules.want("tour/six", [planWith({ service: "tour/six", family: "IPv6", clusterIP: "fd00:96::1", cluster: pods })]);
    expect(rules.families()).toEqual(["IPv4", "IPv6"]);
    expect(() => rules.changes(["tour/six"])).toThrow("call setListeners first");
    rules.setListeners("IPv6", place.IPv6);
    expect(scriptText(rules.changes(["tour/six"]).script)).toContain("add table ip6 sealane-userspace");
  });

  it("lets the second Service have what both want when the first one goes", () => {
    const shared = { externalIPs: ["203.0.113.5"], cluster: pods };
    const first = planWith({ ...shared });
    const second = planWith({ ...shared, service: "tour/b", clusterIP: "10.96.0.21", externalTrafficPolicy: "Local" });
    const rules = writtenRules(first, second);
    expect(scriptText(rules.full().script)).toContain('203.0.113.5 . tcp . 80 comment "tour/web:http" : goto relay,');
    rules.want("tour/web", []);
    expect(scriptText(rules.changes(["tour/web"]).script)).toContain(
      '203.0.113.5 . tcp . 80 comment "tour/b:http" : goto own-only',
    );
  });

  it("counts what the kernel has", () => {
    const rules = writtenRules(planWith({ cluster: pods, nodePort: 30080 }));
    expect(rules.installed).toBe(3);
    expect(rules.changes([]).isEmpty).toBe(true);
    rules.want("tour/web", []);
    const change = rules.changes(["tour/web"]);
    expect(change.size).toBe(3);
    change.commit();
    expect(rules.installed).toBe(0);
  });

  it("starts over from the ground", () => {
    const rules = writtenRules(planWith({ cluster: pods }));
    rules.ground().commit();
    expect(rules.installed).toBe(0);
    expect(rules.changes(["tour/web"]).size).toBe(2);
  });
});
