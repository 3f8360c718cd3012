import type { ServicePlan } from "../../model/index.ts";

/**
 * What of a plan this mode cannot do, and what it does instead. The client's address is lost for every Service: that is said of those
 * only that were promised to keep it.
 */
export function shortcomings({
  protocol,
  externalTrafficPolicy,
  nodePort,
  loadBalancerIPs,
  externalIPs,
}: ServicePlan): readonly string[] {
  const isExternal = nodePort !== undefined || loadBalancerIPs.length > 0 || externalIPs.length > 0;
  return [
    ...(protocol === "SCTP" ? ["the userspace engine cannot relay SCTP: clients of the port are refused"] : []),
    ...(isExternal && externalTrafficPolicy === "Local" && protocol !== "SCTP"
      ? [
          "the userspace engine does not keep the client's address that externalTrafficPolicy Local promises: endpoints see the node",
        ]
      : []),
  ];
}
