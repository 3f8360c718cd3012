import { invalid as invalidField } from "../../kinds/index.ts";
import { resources } from "../../objects/index.ts";
import type { Service, ServicePort } from "../../objects/index.ts";
import { invalid, serverError } from "../errors.ts";
import { pickFree, portBand } from "./pick-free.ts";
import { heldPorts, isPortTaken } from "./pools.ts";
import type { ServicePools } from "./pools.ts";

/** Whether ports without a node port get one. */
export function wantsNodePorts(service: Service): boolean {
  const { type, allocateLoadBalancerNodePorts } = service.spec;
  return type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);
}

/** Whether the Service may have node ports at all: explicit ones are honoured even where none are given out. */
export function mayHaveNodePorts(service: Service): boolean {
  return service.spec.type === "NodePort" || service.spec.type === "LoadBalancer";
}

/** Whether the Service needs a port for the health check of `externalTrafficPolicy: Local`. */
export function needsHealthCheckPort(service: Service): boolean {
  return service.spec.type === "LoadBalancer" && service.spec.externalTrafficPolicy === "Local";
}

/** One request's view of the node ports: what others hold, what the old object holds, what it has claimed itself. */
export class NodePortClaims {
  readonly #pools: ServicePools;
  readonly #service: Service;
  readonly #own: ReadonlySet<number>;
  readonly #claimed = new Set<number>();

  constructor(pools: ServicePools, service: Service, old: Service | undefined) {
    this.#pools = pools;
    this.#service = service;
    this.#own = new Set(old === undefined ? [] : heldPorts(old));
  }

  /** Claims a number that the user asked for. Throws `ApiError` when it is taken or outside of the range. */
  request(port: number, field: string): void {
    const problem = this.#problem(port);
    if (problem === undefined) this.#claimed.add(port);
    else throw invalid(resources.services, this.#service.metadata.name, [invalidField(field, port, problem)]);
  }

  requestHealthCheck(port: number): void {
    const problem = this.#problem(port);
    if (problem !== undefined)
      throw serverError(`failed to allocate requested HealthCheck NodePort ${port}: ${problem}`);
    this.#claimed.add(port);
  }

  /** Claims any free number. Throws `ApiError` when there is none. */
  next(): number {
    const { first, last } = this.#pools.nodePorts;
    const taken = (number: number) => {
      const port = first + number;
      return this.#claimed.has(port) || this.#own.has(port) || isPortTaken(this.#pools, port);
    };
    const free = pickFree(portBand(last - first + 1), taken, this.#pools.random);
    if (free === undefined) throw serverError("failed to allocate a nodePort: range is full");
    this.#claimed.add(first + free);
    return first + free;
  }

  #problem(port: number): string | undefined {
    const { first, last } = this.#pools.nodePorts;
    if (this.#own.has(port)) return undefined;
    if (port < first || port > last) {
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    }
    return this.#claimed.has(port) || isPortTaken(this.#pools, port) ? "provided port is already allocated" : undefined;
  }
}

/** Gives node ports on create: entries with the same port number and different protocols share one node port. */
export function allocateNewNodePorts(ports: readonly ServicePort[], claims: NodePortClaims): readonly ServicePort[] {
  const byPort = new Map<number, number>();
  return ports.map((port, i) => {
    const shared = byPort.get(port.port);
    const requested = port.nodePort ?? 0;
    if (shared !== undefined) {
      if (requested === 0 || requested === shared) return { ...port, nodePort: shared };
      claims.request(requested, nodePortField(i));
      return port;
    }
    const explicit = ports.findIndex((other) => other.port === port.port && (other.nodePort ?? 0) !== 0);
    const wanted = ports[explicit]?.nodePort ?? 0;
    if (wanted !== 0) claims.request(wanted, nodePortField(explicit));
    const nodePort = wanted === 0 ? claims.next() : wanted;
    byPort.set(port.port, nodePort);
    return { ...port, nodePort };
  });
}

/** Gives node ports on update: held numbers stay, each missing one is given on its own. */
export function allocateChangedNodePorts(
  ports: readonly ServicePort[],
  claims: NodePortClaims,
  giveMissing: boolean,
): readonly ServicePort[] {
  const seen = new Set<string>();
  const requested = new Set<number>();
  for (const [i, { protocol = "TCP", nodePort = 0 }] of ports.entries()) {
    if (nodePort === 0) continue;
    const key = `${protocol}/${nodePort}`;
    if (seen.has(key)) throw serverError(`duplicate nodePort: {${protocol} ${nodePort}}`);
    seen.add(key);
    if (!requested.has(nodePort)) claims.request(nodePort, nodePortField(i));
    requested.add(nodePort);
  }
  return ports.map((port) => ((port.nodePort ?? 0) === 0 && giveMissing ? { ...port, nodePort: claims.next() } : port));
}

function nodePortField(index: number): string {
  return `spec.ports[${index}].nodePort`;
}
