import type { ServicePlan } from "../../model/index.ts";
import type { IpvsScheduler } from "./plan-items.ts";

/** What of the plan IPVS cannot do, and what it does instead. */
export function shortcomings(plan: ServicePlan, scheduler: IpvsScheduler): readonly string[] {
  const external = plan.nodePort !== undefined || plan.loadBalancerIPs.length > 0 || plan.externalIPs.length > 0;
  return [
    ...(plan.scheduler === "random" ? [`IPVS has no scheduler random: ${scheduler} is used`] : []),
    ...(plan.affinitySeconds !== undefined && external
      ? [
          "IPVS keeps session affinity for each address of a Service by itself: a client that uses two may meet two endpoints",
        ]
      : []),
  ];
}
