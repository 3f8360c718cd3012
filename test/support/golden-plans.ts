import type { ServicePlan } from "../../src/model/index.ts";
import { cidr, ip } from "../../src/core/index.ts";
import { endpointAt, planWith } from "./service-plans.ts";

const here = endpointAt("10.244.1.2", "node-1");
const there = endpointAt("10.244.2.2", "node-2");

/** One plan for each thing that the rules can say, by the Service's name. */
export const goldenPlans: ReadonlyMap<string, readonly ServicePlan[]> = new Map(
  [
    planWith({ service: "tour/web", cluster: [here, there], onNode: [here] }),
    planWith({ service: "tour/empty", clusterIP: "10.96.0.21" }),
    planWith({
      service: "tour/local",
      clusterIP: "10.96.0.22",
      internalTrafficPolicy: "Local",
      local: [here],
    }),
    planWith({ service: "tour/node-port", clusterIP: "10.96.0.23", nodePort: 30080, cluster: [there] }),
    planWith({
      service: "tour/balanced",
      clusterIP: "10.96.0.24",
      nodePort: 30081,
      loadBalancerIPs: ["192.168.100.200"],
      externalIPs: ["203.0.113.5"],
      externalTrafficPolicy: "Local",
      cluster: [here, there],
      local: [here],
      sourceRanges: [cidr("192.168.100.0/24"), cidr("10.0.0.1/32")],
    }),
    planWith({
      service: "tour/elsewhere",
      clusterIP: "10.96.0.25",
      nodePort: 30082,
      externalTrafficPolicy: "Local",
      whenExternalEmpty: "drop",
      cluster: [there],
    }),
    planWith({
      service: "tour/sticky",
      clusterIP: "10.96.0.26",
      nodePort: 30083,
      affinitySeconds: 10_800,
      cluster: [here, there],
    }),
    planWith({
      service: "tour/dns",
      portName: "",
      clusterIP: "10.96.0.27",
      protocol: "UDP",
      port: 53,
      cluster: [there],
    }),
    planWith({ service: "tour/sctp", clusterIP: "10.96.0.28", protocol: "SCTP", cluster: [there] }),
    planWith({
      service: "tour/six",
      family: "IPv6",
      clusterIP: "fd00:96::1",
      nodePort: 30084,
      loadBalancerIPs: ["2001:db8::1"],
      affinitySeconds: 60,
      sourceRanges: [cidr("2001:db8::/32")],
      cluster: [{ ...here, ip: ip("fd00:244::2") }],
      onNode: [{ ...here, ip: ip("fd00:244::2") }],
    }),
  ].map((plan) => [plan.service, [plan]]),
);
