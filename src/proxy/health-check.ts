import type { Port } from "../core/index.ts";
import type { HealthCheckPlan } from "../model/index.ts";
import { splitKey } from "../objects/index.ts";
import type { HealthCheckAnswer, HealthChecksPort } from "./ports.ts";

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

/** What keeps the health check node ports of a node open needs. */
export interface HealthCheckPortsOptions {
  readonly port: HealthChecksPort | undefined;
  readonly isHealthy: () => boolean;
  /** A port of a Service could not be opened. */
  readonly failed: (service: string, port: Port, error: Error) => void;
}

/** The health check node ports of a node: open for exactly the Services that have one. */
export class HealthCheckPorts {
  readonly #options: HealthCheckPortsOptions;
  readonly #checks = new Map<string, HealthCheckPlan>();

  constructor(options: HealthCheckPortsOptions) {
    this.#options = options;
  }

  /** Notes what Services need now; opens and closes ports when that is something else than before. */
  update(changes: Iterable<readonly [service: string, check: HealthCheckPlan | undefined]>): void {
    let changed = false;
    for (const [service, check] of changes) {
      const before = this.#checks.get(service);
      if (before?.nodePort === check?.nodePort && before?.localEndpoints === check?.localEndpoints) continue;
      changed = true;
      if (check === undefined) this.#checks.delete(service);
      else this.#checks.set(service, check);
    }
    if (changed) this.#serve();
  }

  /** Whether a port is open for a Service, or should be. */
  has(service: string): boolean {
    return this.#checks.has(service);
  }

  close(): void {
    this.#options.port?.serve(new Map(), () => undefined);
  }

  #serve(): void {
    const { port, isHealthy, failed } = this.#options;
    const checks = [...this.#checks.values()];
    const answers = new Map(checks.map((check) => [check.nodePort, () => answerHealthCheck(check, isHealthy())]));
    port?.serve(answers, (number, error) => {
      const check = checks.find(({ nodePort }) => nodePort === number);
      if (check !== undefined) failed(check.service, number, error);
    });
  }
}
