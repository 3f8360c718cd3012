export { serviceEndpoints } from "./endpoints.ts";
export type { Endpoint, PortEndpoints } from "./endpoints.ts";
export { chooseEndpoints } from "./endpoint-choice.ts";
export type { ChoicePolicy, EndpointChoice, NodePlace } from "./endpoint-choice.ts";
export { clusterIPs, serviceFamilies } from "./service-families.ts";
export { isProxied, planService } from "./service-plan.ts";
export type { EmptyVerdict, HealthCheckPlan, NodeServicePlan, PlanNode, ServicePlan } from "./service-plan.ts";
