import { describe, expect, it } from "vitest";
import { nodeNetwork } from "../../model/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { serviceRules } from "./service-rules.ts";

const pods = [endpointAt("10.244.1.2", "node-1"), { ...endpointAt("10.244.2.2", "node-2"), weight: 3 }] as const;

describe("serviceRules()", () => {
  it("says each element and what the relay does", () => {
    const plan = planWith({
      loadBalancerIPs: ["192.168.100.200"],
      nodePort: 30080,
      externalTrafficPolicy: "Local",
      affinitySeconds: 60,
      cluster: pods,
      whenExternalEmpty: "drop",
    });
    const lines = serviceRules([plan], nodeNetwork()).map(({ text, meaning }) => `${text}\n  ${meaning}`);
    expect(lines.join("\n")).toMatchInlineSnapshot(`
      "add element ip sealane-userspace cluster-ips { 10.96.0.20 comment "tour/web" }
        Other ports of 10.96.0.20 are refused.
      add element ip sealane-userspace services { 10.96.0.20 . tcp . 80 comment "tour/web:http" : goto relay }
        10.96.0.20 port 80: redirected to the relay's listener for all endpoints.
      add element ip sealane-userspace services { 192.168.100.200 . tcp . 80 comment "tour/web:http" : goto own-only }
        192.168.100.200 port 80: the node's own pods and processes are redirected to the relay; for everybody else there is no endpoint here.
      add element ip sealane-userspace no-endpoints { 192.168.100.200 . tcp . 80 comment "tour/web:http" : drop }
        192.168.100.200 port 80: dropped, because policy Local finds no endpoint on this node.
      add element ip sealane-userspace services { 0.0.0.0 . tcp . 30080 comment "tour/web:http" : goto own-only }
        Node port 30080: the node's own pods and processes are redirected to the relay; for everybody else there is no endpoint here.
      add element ip sealane-userspace no-endpoints { 0.0.0.0 . tcp . 30080 comment "tour/web:http" : drop }
        Node port 30080: dropped, because policy Local finds no endpoint on this node.
      # relay all: mh 10.244.1.2:8080 10.244.2.2:8080*3
        The relay picks one by mh and connects to it from the node's address. When it does not answer within 250 ms, the next one is tried (0.5 s, 1 s, 2 s). A client stays with its endpoint for 60 s after its last connection."
    `);
  });

  it("says the cluster IP of two ports once", () => {
    const rules = serviceRules([planWith({}), planWith({ portName: "other", port: 81 })], nodeNetwork());
    expect(rules.filter(({ text }) => text.includes("cluster-ips"))).toHaveLength(1);
  });

  it("has a meaning for all that the rules can say", () => {
    const rules = [...goldenPlans.values()].flatMap((plans) => serviceRules(plans, nodeNetwork()));
    expect(rules.length).toBeGreaterThan(30);
    expect(rules.filter(({ meaning }) => !/[\w)]\.$/.test(meaning))).toEqual([]);
  });
});
