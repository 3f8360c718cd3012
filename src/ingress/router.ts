import { cidrContains, messageOf, parseIp } from "../core/index.ts";
import type { Cancel, Cidr, Clock, Logger, Random } from "../core/index.ts";
import type { AnyObject, Cache, EndpointSlice, Ingress, IngressClass, Service } from "../objects/index.ts";
import type { TlsIdentity } from "../net/index.ts";
import type { LookupFunction } from "node:net";
import { BackendPools } from "./backend-pools.ts";
import type { RouterCounters, RouterLimits, RouterStats } from "./gateway.ts";
import type { HttpFront, IngressListen, IngressPorts } from "./http-front.ts";
import { buildRouteTable } from "./route-table.ts";
import type { RouteTable } from "./route-table.ts";

export interface IngressRouterOptions {
  readonly caches: {
    readonly ingresses: Cache<Ingress>;
    readonly ingressClasses: Cache<IngressClass>;
    readonly services: Cache<Service>;
    /** Made with `endpointSliceIndexers`. */
    readonly endpointSlices: Cache<EndpointSlice>;
    /** For TLS; without it only `fallbackCertificate` is used. */
    readonly secrets?: Cache<AnyObject>;
  };
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  /** The node on which the router runs, for topology hints. */
  readonly nodeName?: string;
  readonly limits?: Partial<RouterLimits>;
  /** Proxies whose X-Forwarded-* headers are continued; those of everybody else are replaced. */
  readonly trustedProxies?: readonly Cidr[];
  /** How the names of ExternalName Services are resolved; the system's resolver when absent. */
  readonly lookup?: LookupFunction;
  /** Shown for server names without a certificate of their own; without one their handshake fails. */
  readonly fallbackCertificate?: TlsIdentity;
}

/** A running router. */
export interface IngressRouter {
  /** Starts listening. Rejects with `CodedError` code `CannotListen`. May be called again for other ports. */
  listen(listen: IngressListen): Promise<IngressPorts>;
  stats(): RouterStats;
  /** Stops listening; requests under way have `drainMs` (10 s when absent) to end. Idempotent. */
  stop(drainMs?: number): Promise<void>;
}

export const defaultLimits: RouterLimits = {
  connectTimeoutMs: 2_000,
  responseTimeoutMs: 60_000,
  headersTimeoutMs: 60_000,
  clientIdleMs: 75_000,
  backendIdleMs: 4_000,
  maxHeaderBytes: 32 * 1024,
  attempts: 3,
};

/**
 * Routes HTTP requests to the pods behind Ingresses of class `sealane`. The table is made anew and swapped when an Ingress
 * or a class changes; endpoints are looked up for each request, so a pod that leaves gets no further one. Nothing of
 * HTTP is loaded before `listen`.
 */
export function createIngressRouter(options: IngressRouterOptions): IngressRouter {
  const { caches, clock, log, random, trustedProxies = [] } = options;
  const counters: RouterCounters = { requests: 0, inFlight: 0, tunnels: 0, retries: 0, answers: {} };
  const pools = new BackendPools({ ...caches, nodeName: options.nodeName ?? "", clock, random });
  let table: RouteTable = buildRouteTable([], []);
  let stale = true;
  let cancelRebuild: Cancel | undefined;
  let front: Promise<HttpFront> | undefined;
  let stopping: Promise<void> | undefined;

  const rebuild = (): void => {
    cancelRebuild?.();
    cancelRebuild = undefined;
    stale = false;
    table = buildRouteTable(caches.ingresses.list(), caches.ingressClasses.list());
    log.debug("routes changed", { routes: table.size });
    for (const { ingress, host, path } of table.shadowed) {
      log.warn("a path of an Ingress is taken by another one", { ingress, host, path });
    }
  };
  /** Many changes at once, as after a start, make one table. */
  const changed = (): void => {
    stale = true;
    cancelRebuild ??= clock.schedule(0, rebuild);
  };
  const unsubscribe = [caches.ingresses.subscribe(changed), caches.ingressClasses.subscribe(changed)];

  const current = (): RouteTable => {
    // A request that comes after a change must see it.
    if (stale) rebuild();
    return table;
  };
  const trusts = (remoteAddress: string): boolean => {
    if (trustedProxies.length === 0) return false;
    const address = parseIp(remoteAddress);
    return address !== undefined && trustedProxies.some((network) => cidrContains(network, address));
  };
  const load = async (): Promise<HttpFront> => {
    const { createHttpFront } = await import("./http-front.ts");
    const gateway = {
      table: current,
      pools,
      limits: { ...defaultLimits, ...options.limits },
      clock,
      log,
      random,
      counters,
      trusts,
      lookup: options.lookup,
    };
    return createHttpFront(gateway, async () => {
      const { createCertificates } = await import("./certificates.ts");
      return createCertificates({
        table: current,
        secrets: caches.secrets,
        fallback: options.fallbackCertificate,
        log,
      });
    });
  };
  const stop = async (drainMs: number): Promise<void> => {
    try {
      await (await front)?.stop(drainMs);
    } catch (error) {
      log.warn("the ingress router did not stop cleanly", { error: messageOf(error) });
    }
    cancelRebuild?.();
    for (const end of unsubscribe) end();
    pools.stop();
  };

  return {
    async listen(listen) {
      // A router that starts must not say 404 for what it has not heard of yet.
      const { endpointSlices, ingressClasses, ingresses, secrets, services } = caches;
      const watched = [
        ingresses,
        ingressClasses,
        services,
        endpointSlices,
        ...(secrets === undefined ? [] : [secrets]),
      ];
      await Promise.all(watched.map((cache) => cache.whenSynced()));
      return (await (front ??= load())).listen(listen);
    },
    stats: () => ({ ...counters, answers: { ...counters.answers }, routes: current().size }),
    stop: (drainMs = 10_000) => (stopping ??= stop(drainMs)),
  };
}
