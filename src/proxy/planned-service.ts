import type { IpFamily } from "../core/index.ts";
import { planService } from "../model/index.ts";
import type { HealthCheckPlan, NodeServicePlan, PlanNode, ServicePlan } from "../model/index.ts";
import type { EndpointSlice, Service } from "../objects/index.ts";

/**
 * What a plan was made of. Plans are several times as big and made in microseconds, so that of 50,000 Services this is
 * kept and the plans are not.
 */
export interface PlanSource {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly node: PlanNode;
}

/** A plan, and what it was made of; without a source the Service is not there. */
export interface PlannedService extends NodeServicePlan {
  readonly source?: PlanSource;
}

/** Makes the plan of a source; the same source always gives the same plan. */
export function planOf(source: PlanSource | undefined): PlannedService {
  if (source === undefined) return { ports: [] };
  const { ports, healthCheck, problems } = planService(source.service, source.slices, source.node);
  if (healthCheck === undefined && problems === undefined) return { ports, source };
  return {
    ports,
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(problems === undefined ? {} : { problems }),
    source,
  };
}

/** What is kept of a plan when its rules have been handed on. */
export interface PlanOutline {
  /** Absent when there is nothing to do for the Service. */
  readonly source?: PlanSource;
  readonly healthCheck?: HealthCheckPlan;
  readonly dropping: readonly DroppingPort[];
}

export function outlineOf({ ports, healthCheck, source }: PlannedService): PlanOutline {
  const hasWork = ports.length > 0 || healthCheck !== undefined;
  const dropping = droppingPorts(ports);
  // Of most Services there is nothing else, and there are very many.
  if (source !== undefined && hasWork && healthCheck === undefined) return { source, dropping };
  return {
    ...(source === undefined || !hasWork ? {} : { source }),
    ...(healthCheck === undefined ? {} : { healthCheck }),
    dropping,
  };
}

const none: readonly DroppingPort[] = [];

function droppingPorts(ports: readonly ServicePlan[]): readonly DroppingPort[] {
  let dropping = none;
  for (const plan of ports) {
    const policies = droppingPolicies(plan);
    if (policies.length > 0) dropping = [...dropping, ...policies.map((policy) => ({ family: plan.family, policy }))];
  }
  return dropping;
}

/** A Service port that drops packets of this kind, because all its endpoints are on other nodes. */
export interface DroppingPort {
  readonly family: IpFamily;
  readonly policy: "internal" | "external";
}

/** For which traffic packets are dropped because no endpoint is on this node, although others have some. */
function droppingPolicies(plan: ServicePlan): readonly DroppingPort["policy"][] {
  if (plan.internalTrafficPolicy === "Cluster" && plan.externalTrafficPolicy === "Cluster") return [];
  if (plan.local.length > 0) return [];
  const isExternal = plan.nodePort !== undefined || plan.loadBalancerIPs.length > 0 || plan.externalIPs.length > 0;
  return [
    ...(plan.internalTrafficPolicy === "Local" && plan.whenInternalEmpty === "drop" ? (["internal"] as const) : []),
    ...(isExternal && plan.externalTrafficPolicy === "Local" && plan.whenExternalEmpty === "drop"
      ? (["external"] as const)
      : []),
  ];
}
