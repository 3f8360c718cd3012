import { describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { Endpoint } from "../../model/index.ts";
import { RuleSet } from "./rule-set.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { scriptText } from "../nft/index.ts";

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

  it("changes two or three elements of 5000 when one endpoint goes, comes or is replaced", () => {
    const many = Array.from({ length: 5000 }, (_, i) => endpointAt(`10.244.${i >> 8}.${i & 255}`, "node-2"));
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: many })]]);
    const sizeAfter = (cluster: readonly Endpoint[]) => {
      rules.want("tour/web", [planWith({ cluster })]);
      const change = rules.changes(["tour/web"]);
      change.commit();
      return change.size;
    };
    expect(sizeAfter(many.filter((_, i) => i !== 7))).toBe(3);
    expect(sizeAfter([...many.filter((_, i) => i !== 7), endpointAt("10.9.9.9", "node-2")])).toBe(2);
    expect(sizeAfter([...many.filter((_, i) => i !== 9), endpointAt("10.9.9.9", "node-2")])).toBe(1);
    expect(rules.installed).toBe(5002);
  });

  it("gives an address back to the first claimant's heir with all that belongs to it, and forgets it with the last", () => {
    const external = { externalIPs: ["203.0.113.5"] };
    const plan = (service: string, last: number, count: number) =>
      planWith({ ...external, service, clusterIP: `10.96.0.${last}`, cluster: pods.slice(0, count) });
    const rules = ruleSetWith(["tour/a", [plan("tour/a", 1, 1)]], ["tour/b", [plan("tour/b", 2, 3)]]);
    const elements = () =>
      [...(rules.tables().get("IPv4")?.sets.get("endpoints")?.elements.keys() ?? [])].filter((key) =>
        key.startsWith("203."),
      );
    expect(elements()).toHaveLength(1);
    rules.want("tour/a", []);
    const change = rules.changes(["tour/a"]);
    change.commit();
    expect(elements()).toHaveLength(3);
    expect(rules.changes(["tour/a", "tour/b"]).isEmpty).toBe(true);
    rules.want("tour/b", []);
    rules.changes(["tour/b"]).commit();
    expect(rules.installed).toBe(0);
  });

  it("keeps what the kernel has when a change is taken back before it is written", () => {
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: pods })]]);
    rules.want("tour/web", [planWith({ cluster: pods.slice(1) })]);
    rules.want("tour/web", [planWith({ cluster: pods })]);
    expect(rules.changes(["tour/web"]).isEmpty).toBe(true);
  });

  it("deletes a chain that nothing goes to any more, some transactions later", () => {
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: pods })]]);
    const changeTo = (count: number) => {
      rules.want("tour/web", [planWith({ cluster: pods.slice(0, count) })]);
      const change = rules.changes(["tour/web"]);
      change.commit();
      return scriptText(change.script);
    };
    expect(changeTo(2)).not.toContain("delete chain");
    const scripts = Array.from({ length: 70 }, (_, i) => changeTo(1 + (i % 2)));
    expect(scripts.filter((script) => script.includes("delete chain"))).toEqual([
      expect.stringContaining("delete chain ip sealane pick-3\n"),
    ]);
    expect(changeTo(3)).toContain("add chain ip sealane pick-3\n");
  });

  it("deletes chains without use in a full write, and not those in use until then", () => {
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: pods })]]);
    const fullAfter = (count: number) => {
      rules.want("tour/web", [planWith({ cluster: pods.slice(0, count) })]);
      const change = rules.full();
      change.commit();
      return scriptText(change.script);
    };
    expect(fullAfter(2)).not.toContain("delete chain");
    expect(fullAfter(2)).toContain("delete chain ip sealane pick-3\n");
    expect(fullAfter(2)).not.toContain("pick-3");
  });

  it("gives a Service that asks for turns a chain of its own, and takes it away with it", () => {
    const rules = ruleSetWith(["tour/web", [planWith({ cluster: pods, scheduler: "rr" })]]);
    expect([...(rules.tables().get("IPv4")?.chains.keys() ?? [])]).toContainEqual(
      expect.stringMatching(/^turn-3-[0-9a-f]{8}-tour\/web$/),
    );
  });
});
