import { describe, expect, it } from "vitest";
import { nodeNetwork } from "../../model/index.ts";
import { goldenPlans } from "../../../test/support/golden-plans.ts";
import { schedulerPlans } from "../../../test/support/scheduler-plans.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { serviceRules } from "./explain.ts";

const here = endpointAt("10.244.1.2", "node-1");

function explained(plan: Parameters<typeof planWith>[0]): readonly string[] {
  return serviceRules([planWith(plan)], nodeNetwork()).map(({ text, meaning }) => `${text}\n    ${meaning}`);
}

describe("serviceRules()", () => {
  it("explains a cluster IP with one endpoint", () => {
    expect(explained({ cluster: [here] }).join("\n")).toMatchInlineSnapshot(`
      "add element ip sealane services { 10.96.0.20 . tcp . 80 comment "tour/web:http" : goto pick-1 }
          Connections to 10.96.0.20 port 80 (TCP) go on in chain pick-1.
      add element ip sealane endpoints { 10.96.0.20 . tcp . 80 . 1:0 comment "tour/web:http" : 10.244.1.2 . 8080 }
          Slot 1 of the endpoints of 10.96.0.20 port 80 (TCP) is 10.244.1.2 port 8080.
      add element ip sealane cluster-ips { 10.96.0.20 comment "tour/web" }
          10.96.0.20 is the cluster IP of a Service: other ports of it are refused.
      add rule ip sealane pick-1 meta priority set numgen random mod 1 offset 65536
          Picks a slot.
      add rule ip sealane pick-1 dnat to ip daddr . meta l4proto . th dport . meta priority map @endpoints
          Sends the connection to the endpoint."
    `);
  });

  it("explains a node port with policy Local and session affinity", () => {
    const local = {
      externalTrafficPolicy: "Local",
      local: [here],
      cluster: [here, endpointAt("10.244.2.2", "node-2")],
    } as const;
    expect(explained({ ...local, nodePort: 30_080, affinitySeconds: 60 }).join("\n")).toMatchInlineSnapshot(`
      "add element ip sealane services { 10.96.0.20 . tcp . 80 comment "tour/web:http" : goto pick-2-sticky-60 }
          Connections to 10.96.0.20 port 80 (TCP) go on in chain pick-2-sticky-60.
      add element ip sealane services { 0.0.0.0 . tcp . 30080 comment "tour/web:http" : goto local-policy-node-port }
          Connections to any address of the node port 30080 (TCP) go on in chain local-policy-node-port.
      add element ip sealane short-circuits { 0.0.0.0 . tcp . 30080 comment "tour/web:http" : goto pick-2-node-port-sticky-60 }
          This node's pods and processes that connect to any address of the node port 30080 (TCP) reach all endpoints: they go on in chain pick-2-node-port-sticky-60.
      add element ip sealane local-services { 0.0.0.0 . tcp . 30080 comment "tour/web:http" : goto pick-1-local-node-port-sticky-60 }
          Everyone else that connects to any address of the node port 30080 (TCP) reaches endpoints on this node only: they go on in chain pick-1-local-node-port-sticky-60.
      add element ip sealane cluster-ips { 10.96.0.20 comment "tour/web" }
          10.96.0.20 is the cluster IP of a Service: other ports of it are refused.
      add element ip sealane sticky-services { 10.96.0.20 . tcp . 80 comment "tour/web:http" : fa5b:c000 }
          Clients of 10.96.0.20 port 80 (TCP) are remembered under the number fa5b:c000.
      add element ip sealane sticky-services { 0.0.0.0 . tcp . 30080 comment "tour/web:http" : fa5b:c000 }
          Clients of any address of the node port 30080 (TCP) are remembered under the number fa5b:c000.
      add element ip sealane sticky-slots { fa5b:c000 . 65536 comment "tour/web:http" : fa5b:e3b8 }
          Slot 1 of the endpoints is endpoint number fa5b:e3b8.
      add element ip sealane sticky-slots { fa5b:c000 . 65537 comment "tour/web:http" : fa5b:e225 }
          Slot 2 of the endpoints is endpoint number fa5b:e225.
      add element ip sealane sticky-slots { fa5b:c000 . 131072 comment "tour/web:http" : fa5b:e3b8 }
          Slot 1 of the endpoints on this node is endpoint number fa5b:e3b8.
      add element ip sealane sticky-endpoints { fa5b:e3b8 comment "tour/web:http" : 10.244.1.2 . 8080 }
          Endpoint number fa5b:e3b8 is 10.244.1.2 port 8080.
      add element ip sealane sticky-endpoints { fa5b:e225 comment "tour/web:http" : 10.244.2.2 . 8080 }
          Endpoint number fa5b:e225 is 10.244.2.2 port 8080.
      add element ip sealane sticky-local-endpoints { fa5b:e3b8 comment "tour/web:http" : 10.244.1.2 . 8080 }
          Endpoint number fa5b:e3b8 on this node is 10.244.1.2 port 8080.
      add rule ip sealane recall-60 update @affinity { meta priority & 0xffffc000 . ip saddr timeout 60s : meta priority }
          Remembers the client's endpoint for 60 s from now.
      add rule ip sealane recall-60 meta l4proto { tcp, udp, sctp } dnat to meta priority map @sticky-endpoints
          Sends the connection to the endpoint.
      add rule ip sealane recall-60 delete @affinity { meta priority & 0xffffc000 . ip saddr : meta priority }
          Forgets a client whose endpoint is gone.
      add rule ip sealane pick-2-sticky-60 meta priority set ip daddr . meta l4proto . th dport map @sticky-services
          Finds the number under which clients are remembered.
      add rule ip sealane pick-2-sticky-60 meta priority set meta priority . ip saddr map @affinity jump recall-60
          Finds the endpoint that the client had, goes on in recall-60.
      add rule ip sealane pick-2-sticky-60 meta priority set meta priority & 0xffffc000 . numgen random mod 2 offset 65536 map @sticky-slots
          Picks an endpoint's number.
      add rule ip sealane pick-2-sticky-60 update @affinity { meta priority & 0xffffc000 . ip saddr timeout 60s : meta priority }
          Remembers the client's endpoint for 60 s from now.
      add rule ip sealane pick-2-sticky-60 meta l4proto { tcp, udp, sctp } dnat to meta priority map @sticky-endpoints
          Sends the connection to the endpoint.
      add rule ip sealane pick-2-node-port-sticky-60 meta priority set ip daddr & 0.0.0.0 . meta l4proto . th dport map @sticky-services
          Finds the number under which clients are remembered.
      add rule ip sealane pick-2-node-port-sticky-60 meta priority set meta priority . ip saddr map @affinity jump recall-60
          Finds the endpoint that the client had, goes on in recall-60.
      add rule ip sealane pick-2-node-port-sticky-60 meta priority set meta priority & 0xffffc000 . numgen random mod 2 offset 65536 map @sticky-slots
          Picks an endpoint's number.
      add rule ip sealane pick-2-node-port-sticky-60 update @affinity { meta priority & 0xffffc000 . ip saddr timeout 60s : meta priority }
          Remembers the client's endpoint for 60 s from now.
      add rule ip sealane pick-2-node-port-sticky-60 meta l4proto { tcp, udp, sctp } dnat to meta priority map @sticky-endpoints
          Sends the connection to the endpoint.
      add rule ip sealane recall-local-60 update @affinity { meta priority & 0xffffc000 . ip saddr timeout 60s : meta priority }
          Remembers the client's endpoint for 60 s from now.
      add rule ip sealane recall-local-60 meta l4proto { tcp, udp, sctp } dnat to meta priority map @sticky-local-endpoints
          Sends the connection to the endpoint.
      add rule ip sealane recall-local-60 delete @affinity { meta priority & 0xffffc000 . ip saddr : meta priority }
          Forgets a client whose endpoint is gone.
      add rule ip sealane pick-1-local-node-port-sticky-60 meta priority set ip daddr & 0.0.0.0 . meta l4proto . th dport map @sticky-services
          Finds the number under which clients are remembered.
      add rule ip sealane pick-1-local-node-port-sticky-60 meta priority set meta priority . ip saddr map @affinity jump recall-local-60
          Finds the endpoint that the client had, goes on in recall-local-60.
      add rule ip sealane pick-1-local-node-port-sticky-60 meta priority set meta priority & 0xffffc000 . numgen random mod 1 offset 131072 map @sticky-slots
          Picks an endpoint's number.
      add rule ip sealane pick-1-local-node-port-sticky-60 update @affinity { meta priority & 0xffffc000 . ip saddr timeout 60s : meta priority }
          Remembers the client's endpoint for 60 s from now.
      add rule ip sealane pick-1-local-node-port-sticky-60 meta l4proto { tcp, udp, sctp } dnat to meta priority map @sticky-local-endpoints
          Sends the connection to the endpoint."
    `);
  });

  it("has a sentence for everything that the rules can say", () => {
    for (const plans of [...goldenPlans.values(), ...schedulerPlans.values()]) {
      const rules = serviceRules(plans, nodeNetwork());
      expect(rules.length).toBeGreaterThan(1);
      for (const { text, meaning } of rules) {
        expect(text).toMatch(/^add (element|rule) ip6? sealane /);
        expect(meaning).toMatch(/^\S.{8,}/);
        expect(meaning).not.toMatch(/undefined|NaN/);
      }
    }
  });
});
