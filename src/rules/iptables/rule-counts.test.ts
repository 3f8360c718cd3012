import { describe, expect, it } from "vitest";
import { cidr } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { scriptText } from "../../../test/support/iptables-script.ts";
import { IptablesBook } from "./iptables-book.ts";

const network = nodeNetwork({
  localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.0.0.0/8")] },
  localhostNodePorts: true,
});

/** How many rules each table has with so many Services, without the jumps from the kernel's chains. */
function countsOf(services: number, endpoints: number, type: "ClusterIP" | "LoadBalancer"): Record<string, number> {
  const book = new IptablesBook();
  book.setNetwork(network);
  const cluster = Array.from({ length: endpoints }, (_, i) => endpointAt(`172.16.0.${i + 1}`, "node-1"));
  for (let i = 0; i < services; i++) {
    const balanced = {
      nodePort: 30_000 + i,
      externalIPs: ["1.2.3.4"],
      loadBalancerIPs: ["1.2.3.4"],
      sourceRanges: [cidr("1.2.3.0/28")],
    };
    const more = type === "ClusterIP" ? {} : balanced;
    const plan = planWith({
      service: `namespace/svc${i}`,
      clusterIP: `10.0.0.${i + 1}`,
      port: 80 + i,
      cluster,
      ...more,
    });
    book.want(plan.service, [plan]);
  }
  const transaction = book.full();
  const counts: Record<string, number> = {};
  let table = "";
  for (const line of scriptText(transaction.script).split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    if (line.startsWith("-A ")) counts[table] = (counts[table] ?? 0) + 1;
  }
  transaction.commit();
  expect(book.installed).toBe((counts["nat"] ?? 0) + (counts["filter"] ?? 0));
  for (const { table, all, last } of book.tableRules()) expect([all, last]).toEqual([counts[table], counts[table]]);
  return counts;
}

// Upstream: pkg/proxy/iptables/number_generated_rules_test.go, v1.36.
describe("the number of rules is kube-proxy's", () => {
  it.each([
    [0, 0, 5, 4],
    [1, 0, 5, 5],
    [1, 1, 10, 4],
    [1, 2, 13, 4],
    [1, 10, 37, 4],
    [10, 0, 5, 14],
    [10, 1, 55, 4],
    [10, 2, 85, 4],
    [10, 10, 325, 4],
  ])("for %i Services with %i endpoints: %i in nat, %i in filter", (services, endpoints, nat, filter) => {
    expect(countsOf(services, endpoints, "ClusterIP")).toEqual({ nat, filter });
  });

  it.each([
    [0, 0, 5, 4],
    [1, 0, 5, 8],
    [1, 1, 18, 5],
    [1, 2, 21, 5],
    [1, 10, 45, 5],
    [10, 0, 5, 44],
    [10, 1, 135, 14],
    [10, 2, 165, 14],
    [10, 10, 405, 14],
  ])("for %i load balancers with %i endpoints: %i in nat, %i in filter", (services, endpoints, nat, filter) => {
    expect(countsOf(services, endpoints, "LoadBalancer")).toEqual({ nat, filter });
  });
});
