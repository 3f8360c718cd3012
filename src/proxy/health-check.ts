import type { HealthCheckPlan } from "../model/index.ts";
import { splitKey } from "../objects/index.ts";
import type { HealthCheckAnswer } from "./ports.ts";

/**
 * What a load balancer is told that asks whether this node has pods of a Service with external policy Local: 200 when
 * there are ready ones and the proxy works, else 503. The header carries how many, as a weight.
 */
export function answerHealthCheck(
  { service, localEndpoints }: HealthCheckPlan,
  serviceProxyHealthy: boolean,
): HealthCheckAnswer {
  const { namespace = "", name } = splitKey(service);
  return {
    status: localEndpoints > 0 && serviceProxyHealthy ? 200 : 503,
    headers: {
      "Content-Type": "application/json",
      "X-Content-Type-Options": "nosniff",
      "X-Load-Balancing-Endpoint-Weight": `${localEndpoints}`,
    },
    body: JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy }),
  };
}
