import { parseIp } from "../core/index.ts";
import type { Cancel, Clock, Ip, Logger } from "../core/index.ts";
import { objectKey, serviceKeyOf, splitKey } from "../objects/index.ts";
import type { Cache, EndpointSlice, EventRecorder, Node, Service } from "../objects/index.ts";
import { electAnnouncer, mayAnnounce } from "./election.ts";

/** How a node makes an address its own on the LAN. Both calls are idempotent and return at once. */
export interface AddressPort {
  claim(address: Ip): void;
  release(address: Ip): void;
}

export interface AnnouncerOptions {
  readonly nodeName: string;
  readonly caches: {
    readonly services: Cache<Service>;
    /** Made with `endpointSliceIndexers`. */
    readonly endpointSlices: Cache<EndpointSlice>;
    readonly nodes: Cache<Node>;
  };
  readonly port: AddressPort;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  /** The `loadBalancerClass` of Services to announce beside those without a class. */
  readonly loadBalancerClass?: string;
}

export interface Announcer {
  /** The addresses that this node announces now, each once, in order. */
  announced(): readonly Ip[];
  /** Stops following and releases every address. */
  stop(): void;
}

/**
 * Announces LoadBalancer addresses from this node while it is the elected one, and tells so in an event of the Service.
 * One changed Service or EndpointSlice costs one election; a node that may newly announce, or no longer, costs
 * one for each LoadBalancer Service.
 */
export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { caches, clock, log, nodeName, port, recorder } = options;
  /** The names of the nodes that may announce. */
  const nodes = new Set<string>();
  /** LoadBalancer Services that have addresses. */
  const candidates = new Set<string>();
  /** What this node announces for each Service. */
  const held = new Map<string, readonly Ip[]>();
  /** How many Services hold an address: Services may share one. */
  const holders = new Map<Ip, number>();
  const dirty = new Set<string>();
  let cancelFlush: Cancel | undefined;
  let synced = false;
  let stopped = false;

  const markDirty = (key: string): void => {
    if (stopped) return;
    dirty.add(key);
    if (synced) cancelFlush ??= clock.schedule(0, flush);
  };
  const flush = (): void => {
    cancelFlush = undefined;
    for (const key of dirty) settle(key);
    dirty.clear();
  };
  const settle = (key: string): void => {
    const { namespace, name } = splitKey(key);
    const service = caches.services.get(namespace, name);
    const addresses = service === undefined ? [] : addressesOf(service, options.loadBalancerClass);
    if (addresses.length > 0) candidates.add(key);
    else candidates.delete(key);
    hold(key, isElected(service, addresses) ? addresses : [], service);
  };
  const isElected = (service: Service | undefined, [first]: readonly Ip[]): boolean => {
    if (service === undefined || first === undefined) return false;
    // All addresses of a Service follow the first one, so that both families enter at the same node.
    const elected = electAnnouncer({
      address: first,
      externalTrafficPolicy: service.spec.externalTrafficPolicy ?? "Cluster",
      nodes,
      slices: caches.endpointSlices.indexed("service", objectKey(service)),
    });
    return elected === nodeName;
  };
  const hold = (key: string, next: readonly Ip[], service: Service | undefined): void => {
    const before = held.get(key) ?? [];
    const added = next.filter((address) => !before.includes(address));
    const removed = before.filter((address) => !next.includes(address));
    if (next.length > 0) held.set(key, next);
    else held.delete(key);
    for (const address of added) {
      const count = holders.get(address) ?? 0;
      holders.set(address, count + 1);
      if (count === 0) port.claim(address);
    }
    for (const address of removed) release(address);
    if (added.length > 0) {
      log.info("announcing", { service: key, addresses: next });
      if (service !== undefined) {
        recorder.record(service, "Normal", "nodeAssigned", `announcing from node "${nodeName}" with protocol "layer2"`);
      }
    } else if (removed.length > 0) {
      log.info("no longer announcing", { service: key, addresses: removed });
    }
  };
  const release = (address: Ip): void => {
    const count = holders.get(address) ?? 0;
    if (count > 1) return void holders.set(address, count - 1);
    holders.delete(address);
    port.release(address);
  };

  const unsubscribe = [
    caches.nodes.subscribe((now, before) => {
      const name = (now ?? before)?.metadata.name ?? "";
      const may = now !== undefined && mayAnnounce(now);
      if (may === nodes.has(name)) return;
      if (may) nodes.add(name);
      else nodes.delete(name);
      for (const key of candidates) markDirty(key);
    }),
    caches.services.subscribe((now, before) => {
      const service = now ?? before;
      if (service === undefined) return;
      const key = objectKey(service);
      if (service.spec.type === "LoadBalancer" || candidates.has(key)) markDirty(key);
    }),
    caches.endpointSlices.subscribe((now, before) => {
      for (const key of new Set([now, before].map((slice) => slice && serviceKeyOf(slice)))) {
        if (key !== undefined && candidates.has(key)) markDirty(key);
      }
    }),
  ];
  const allCaches = [caches.services, caches.endpointSlices, caches.nodes];
  void Promise.all(allCaches.map((cache) => cache.whenSynced())).then(() => {
    synced = true;
    if (!stopped && dirty.size > 0) flush();
  });

  return {
    announced: () => [...holders.keys()].sort(),
    stop() {
      stopped = true;
      cancelFlush?.();
      for (const end of unsubscribe) end();
      for (const key of held.keys()) hold(key, [], undefined);
    },
  };
}

/** The addresses of a Service that are ours to announce: virtual ones that a layer 2 allocator gave it. */
export function addressesOf(service: Service, loadBalancerClass: string | undefined): readonly Ip[] {
  const { spec, status } = service;
  if (spec.type !== "LoadBalancer") return [];
  if (spec.loadBalancerClass !== undefined && spec.loadBalancerClass !== loadBalancerClass) return [];
  const addresses: Ip[] = [];
  for (const { ip, ipMode } of status?.loadBalancer?.ingress ?? []) {
    // An address of mode Proxy belongs to a load balancer elsewhere (KEP-1860).
    const address = ip === undefined || ipMode === "Proxy" ? undefined : parseIp(ip);
    if (address !== undefined && !addresses.includes(address)) addresses.push(address);
  }
  return addresses;
}
