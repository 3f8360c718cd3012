import { describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { RuleSet } from "./rule-set.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";

const layout = nodeNetwork({
  serviceCidrs: [cidr("10.96.0.0/16")],
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.1.0/24")] },
});
const pods = [
  endpointAt("10.244.1.2", "node-1"),
  endpointAt("10.244.2.2", "node-2"),
  endpointAt("10.244.2.3", "node-2"),
];

function ruleSetWith(...plans: readonly Parameters<RuleSet["want"]>[]): RuleSet {
  const rules = new RuleSet(layout);
  for (const [service, list] of plans) rules.want(service, list);
  rules.full().commit();
  return rules;
}

describe("RuleSet.changes()", () => {
  it("adds a Service with the chain of its shape, once", () => {
    const rules = ruleSetWith();
    rules.want("tour/web", [planWith({ cluster: pods.slice(0, 2) })]);
    const first = rules.changes(["tour/web"]);
    expect(first.script).toMatchInlineSnapshot(`
      "add chain ip sealane pick-2
      flush chain ip sealane pick-2
      add rule ip sealane pick-2 meta priority set numgen random mod 2 offset 65536
      add rule ip sealane pick-2 dnat to ip daddr . meta l4proto . th dport . meta priority map @endpoints
      add element ip sealane cluster-ips {
        10.96.0.20 comment "tour/web"
      }
      add element ip sealane services {
        10.96.0.20 . tcp . 80 comment "tour/web:http" : goto pick-2
      }
      add element ip sealane endpoints {
        10.96.0.20 . tcp . 80 . 1:0 comment "tour/web:http" : 10.244.1.2 . 8080,
        10.96.0.20 . tcp . 80 . 1:1 comment "tour/web:http" : 10.244.2.2 . 8080
      }
      "
    `);
    first.commit();
    rules.want("tour/api", [planWith({ service: "tour/api", clusterIP: "10.96.0.21", cluster: pods.slice(0, 2) })]);
    expect(rules.changes(["tour/api"]).script).not.toContain("add chain");
  });

  it("changes one element for one endpoint", () => {
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: pods.slice(0, 2) })]]);
    rules.want("tour/web", [planWith({ cluster: [pods[0]!, pods[2]!] })]);
    expect(rules.changes(["tour/web"]).script).toMatchInlineSnapshot(`
      "delete element ip sealane endpoints {
        10.96.0.20 . tcp . 80 . 1:1
      }
      add element ip sealane endpoints {
        10.96.0.20 . tcp . 80 . 1:1 comment "tour/web:http" : 10.244.2.3 . 8080
      }
      "
    `);
  });

  it("writes nothing when nothing changed", () => {
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: pods })]]);
    rules.want("tour/web", [planWith({ cluster: pods })]);
    expect(rules.changes(["tour/web"])).toMatchObject({ script: "", size: 0 });
  });

  it("offers a change again until it is committed", () => {
    const rules = ruleSetWith();
    rules.want("tour/web", [planWith({ cluster: pods })]);
    const { script } = rules.changes(["tour/web"]);
    expect(rules.changes(["tour/web"]).script).toBe(script);
    rules.want("tour/web", []);
    expect(rules.changes(["tour/web"]).script).toBe("");
  });

  it("removes everything of a Service that is gone, and nothing else", () => {
    const rules = ruleSetWith(
      ["tour/web", [planWith({ cluster: pods })]],
      ["tour/api", [planWith({ service: "tour/api", clusterIP: "10.96.0.21", cluster: pods })]],
    );
    const before = rules.installed;
    rules.want("tour/web", []);
    const removal = rules.changes(["tour/web"]);
    removal.commit();
    expect(removal.script).not.toContain("10.96.0.21");
    expect(rules.installed).toBe(before / 2);
  });

  it("gives an address that two Services claim to the first, and to the other when the first is gone", () => {
    const external = { externalIPs: ["203.0.113.5"] };
    const rules = ruleSetWith(
      ["tour/web", [planWith({ ...external, cluster: pods.slice(0, 1) })]],
      [
        "tour/api",
        [planWith({ ...external, service: "tour/api", clusterIP: "10.96.0.21", cluster: pods.slice(1, 2) })],
      ],
    );
    rules.want("tour/web", []);
    expect(rules.changes(["tour/web"]).script).toContain(
      '203.0.113.5 . tcp . 80 . 1:0 comment "tour/api:http" : 10.244.2.2 . 8080',
    );
  });

  it("shares hairpin pairs of pods behind several Services", () => {
    const onNode = pods.slice(0, 1);
    const rules = ruleSetWith(
      ["tour/web", [planWith({ cluster: onNode, onNode })]],
      ["tour/api", [planWith({ service: "tour/api", clusterIP: "10.96.0.21", cluster: onNode, onNode })]],
    );
    rules.want("tour/web", []);
    expect(rules.changes(["tour/web"]).script).not.toContain("hairpin");
  });
});
