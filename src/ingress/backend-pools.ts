import type { Clock, Random } from "../core/index.ts";
import { chooseEndpoints, serviceEndpoints } from "../model/index.ts";
import { keyOf, objectKey, serviceKeyOf } from "../objects/index.ts";
import type { Cache, EndpointSlice, Service, ServicePort } from "../objects/index.ts";
import type { Backend, BackendPort } from "./route-table.ts";

/** Somewhere to connect to: a literal address, or a name for an ExternalName Service. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The endpoints of one backend at one moment. */
export interface BackendPool {
  /** Why there is nobody to ask; `undefined` when there is. */
  readonly problem: string | undefined;
  /** The next target in turn that is not among `tried`; one that failed lately only when no other is left. */
  next(tried: readonly Target[]): Target | undefined;
  /** Tells that a connection to the target failed. */
  failed(target: Target): void;
}

export interface BackendPoolsOptions {
  readonly services: Cache<Service>;
  /** Made with `endpointSliceIndexers`. */
  readonly endpointSlices: Cache<EndpointSlice>;
  /** For topology hints: the node on which the router runs. */
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** How long a target that refused a connection is asked last; a change of the Service's slices ends it early. */
const suspendMs = 2_000;

/**
 * The pools of all backends, made when first asked for and thrown away when their Service or its slices change: a
 * change costs what it touches.
 */
export class BackendPools {
  readonly #options: BackendPoolsOptions;
  /** By Service, then by port. */
  readonly #pools = new Map<string, Map<string, BackendPool>>();
  readonly #unsubscribe: readonly (() => void)[];

  constructor(options: BackendPoolsOptions) {
    this.#options = options;
    const forget = (key: string | undefined) => key !== undefined && this.#pools.delete(key);
    this.#unsubscribe = [
      options.services.subscribe((now, before) => {
        const service = now ?? before;
        if (service !== undefined) forget(objectKey(service));
      }),
      options.endpointSlices.subscribe((now, before) => {
        for (const slice of [now, before]) if (slice !== undefined) forget(serviceKeyOf(slice));
      }),
    ];
  }

  /** The pool as it is now. */
  get(backend: Backend): BackendPool {
    if (backend.kind === "unsupported")
      return emptyPool(`resource backends such as ${backend.resource} have no server here`);
    const key = keyOf(backend.namespace, backend.name);
    const portKey = backend.port.kind === "name" ? backend.port.name : String(backend.port.number);
    const pools = this.#pools.get(key) ?? new Map<string, BackendPool>();
    this.#pools.set(key, pools);
    const pool = pools.get(portKey) ?? this.#resolve(backend.namespace, backend.name, backend.port);
    pools.set(portKey, pool);
    return pool;
  }

  stop(): void {
    for (const end of this.#unsubscribe) end();
    this.#pools.clear();
  }

  #resolve(namespace: string, name: string, port: BackendPort): BackendPool {
    const { services, endpointSlices, nodeName } = this.#options;
    const key = keyOf(namespace, name);
    const service = services.get(namespace, name);
    if (service === undefined) return emptyPool(`Service ${key} does not exist`);
    const servicePort = findPort(service, port);
    if (service.spec.type === "ExternalName") {
      const number = servicePort?.port ?? (port.kind === "number" ? port.number : undefined);
      const host = service.spec.externalName?.replace(/\.$/, "");
      if (number === undefined || host === undefined)
        return emptyPool(`Service ${key} has no port ${describePort(port)}`);
      return this.#pool([{ host, port: number }]);
    }
    if (servicePort === undefined) return emptyPool(`Service ${key} has no port ${describePort(port)}`);
    // One family is enough: both lead to the same pods.
    for (const { portName, protocol, endpoints } of serviceEndpoints(service, endpointSlices.indexed("service", key))) {
      if (portName !== (servicePort.name ?? "") || protocol !== "TCP") continue;
      const { cluster } = chooseEndpoints(endpoints, { nodeName });
      if (cluster.length > 0) return this.#pool(cluster.map(({ ip, port: number }) => ({ host: ip, port: number })));
    }
    return emptyPool(`Service ${key} has no ready endpoints for port ${describePort(port)}`);
  }

  /** Round robin from a random start, so that several routers do not begin with the same pod. */
  #pool(targets: readonly Target[]): BackendPool {
    const { clock, random } = this.#options;
    let cursor = Math.floor(random() * targets.length);
    const suspended = new Map<string, number>();
    const isSuspended = (target: Target): boolean => {
      const until = suspended.get(nameOf(target));
      if (until === undefined) return false;
      if (until > clock.monotonic()) return true;
      suspended.delete(nameOf(target));
      return false;
    };
    return {
      problem: undefined,
      next(tried) {
        let lastResort: Target | undefined;
        for (let i = 0; i < targets.length; i++) {
          const target = targets[(cursor + i) % targets.length];
          if (target === undefined || tried.some((other) => isSame(other, target))) continue;
          if (suspended.size > 0 && isSuspended(target)) {
            lastResort ??= target;
            continue;
          }
          cursor = (cursor + i + 1) % targets.length;
          return target;
        }
        return lastResort;
      },
      failed: (target) => void suspended.set(nameOf(target), clock.monotonic() + suspendMs),
    };
  }
}

function emptyPool(problem: string): BackendPool {
  return { problem, next: () => undefined, failed: () => undefined };
}

function findPort(service: Service, port: BackendPort): ServicePort | undefined {
  return service.spec.ports?.find((candidate) => {
    if ((candidate.protocol ?? "TCP") !== "TCP") return false;
    return port.kind === "name" ? candidate.name === port.name : candidate.port === port.number;
  });
}

function describePort(port: BackendPort): string {
  return port.kind === "name" ? JSON.stringify(port.name) : String(port.number);
}

function nameOf({ host, port }: Target): string {
  return `${host} ${port}`;
}

function isSame(a: Target, b: Target): boolean {
  return a.host === b.host && a.port === b.port;
}
