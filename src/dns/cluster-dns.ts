import { zoneOffset } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Clock, Ip, Logger, Random } from "../core/index.ts";
import { silentLogger } from "../core/index.ts";
import type { Cache, EndpointSlice, Namespace, Pod, Service } from "../objects/index.ts";
import { ClusterZone, zoneName } from "./cluster-zone.ts";
import type { ClusterZoneParts } from "./cluster-zone.ts";
import { ForwardCache } from "./forward-cache.ts";
import type { ForwardCacheOptions, ForwardCacheStats } from "./forward-cache.ts";
import { Forwarder } from "./forwarder.ts";
import type { ForwarderOptions, ForwarderStats } from "./forwarder.ts";
import { PodAddresses } from "./pod-records.ts";
import type { PodRecords } from "./pod-records.ts";
import type { Resolver } from "./resolver.ts";
import { createResponder } from "./responder.ts";
import type { Answer, ResponderStats } from "./responder.ts";
import { ReverseZone, allReverseZones } from "./reverse-zone.ts";
import type { EndpointNames } from "./service-facts.ts";
import { ServiceIndex } from "./service-index.ts";
import type { Upstream, UpstreamDialer } from "./upstream.ts";

/** Where cluster DNS takes its names from. */
export interface ClusterDnsCaches {
  readonly services: Cache<Service>;
  readonly endpointSlices: Cache<EndpointSlice>;
  /** Needed for `podRecords: "verified"`. */
  readonly pods?: Cache<Pod>;
  /** Without it a namespace exists when a Service is in it, and names of pods are answered in any namespace. */
  readonly namespaces?: Cache<Namespace>;
}

/** How cluster DNS works. */
export interface ClusterDnsOptions {
  readonly caches: ClusterDnsCaches;
  /** `cluster.local` unless given. */
  readonly domain?: string;
  /** Who is asked for all other names; without any they are refused. */
  readonly upstreams: readonly Upstream[];
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  /** Orders answers and makes the ids of forwarded queries: use one that cannot be guessed. */
  readonly random: Random;
  readonly log?: Logger;
  /** Where this DNS is reached (the cluster IP of `kube-dns`): the zone's name servers, and never an upstream. */
  readonly nameservers?: readonly Ip[];
  /** Which names of pods exist; "insecure" (all that spell an address) unless given, as kubeadm sets it. */
  readonly podRecords?: PodRecords["kind"];
  /** Seconds that clients may keep an answer from the cluster's zone, 0 to 3600; 5 unless given. */
  readonly ttl?: number;
  /**
   * What endpoints without a hostname are called: after their address (unless given) or their pod. "none" knows no
   * endpoints at all, so that headless Services have no names.
   */
  readonly endpointNames?: EndpointNames | "none";
  /** Whether the names of a namespace are shown; all are unless given. */
  readonly isExposed?: (namespace: string) => boolean;
  /** Denies Services with a cluster IP while none of their endpoints is ready. */
  readonly hidesEmptyServices?: boolean;
  /** The reverse zones that are served, as `0.10.in-addr.arpa`; `in-addr.arpa` and `ip6.arpa` unless given. */
  readonly reverseZones?: readonly string[];
  /**
   * Names in these zones that the cluster does not know are left to the upstreams instead of denied. Those of addresses
   * are unless given, when there are upstreams.
   */
  readonly fallthrough?: readonly string[];
  /** The most bytes of a UDP answer, 512 at least; as many as the client offers unless given. */
  readonly maxUdpSize?: number;
  /** 16 bytes that nobody else knows: clients that send a DNS cookie then get a good one back (RFC 9018). */
  readonly cookieSecret?: Uint8Array;
  readonly forward?: Omit<ForwarderOptions, "upstreams" | "dial" | "clock" | "random">;
  /** What is remembered of other servers' answers; for at most 30 seconds unless given, as kubeadm sets it. */
  readonly cache?: Omit<ForwardCacheOptions, "next" | "clock" | "random">;
}

/** What cluster DNS knows and did. */
export interface ClusterDnsStats extends ResponderStats {
  readonly synced: boolean;
  readonly services: number;
  readonly endpointAddresses: number;
  /** The second of the last change that an answer can show: the SOA serial. */
  readonly serial: number;
  readonly forward: ForwarderStats;
  readonly cache: ForwardCacheStats;
}

export interface ClusterDns {
  /** Synchronous for everything that is known here; a promise when another server has to be asked. */
  readonly answer: Answer;
  /** Resolves when all caches have arrived, so that every answer is the whole truth. */
  whenReady(): Promise<void>;
  /** Stops following the caches and gives up on running forwards. Answers then stay as they are. */
  stop(): void;
  stats(): ClusterDnsStats;
}

/** Makes the DNS of a cluster. It answers at once; before the first sync, names not yet known get SERVFAIL. */
export function createClusterDns(options: ClusterDnsOptions): ClusterDns {
  const { caches, clock, random, ttl = 5, nameservers = [], log = silentLogger, endpointNames = "address" } = options;
  const domain = zoneName(options.domain ?? "cluster.local");
  const { endpointSlices, ...others } = caches;
  const slices = endpointNames === "none" ? undefined : endpointSlices;
  const followed = Object.values({ ...others, slices }).filter((cache): cache is Cache<never> => cache !== undefined);
  const seconds = () => Math.floor(clock.now() / 1000);
  let serial = seconds();
  const changed = () => {
    serial = seconds();
  };
  const index = new ServiceIndex(changed, endpointNames === "pod" ? "pod" : "address");
  const upstreams = options.upstreams.filter(({ address, port }) => {
    if (port !== 53 || !nameservers.includes(address)) return true;
    log.warn("DNS upstream left out: it is this server itself", { upstream: address });
    return false;
  });
  const forwarder = new Forwarder({ ...options.forward, upstreams, dial: options.dial, clock, random });
  const limit = { maxSeconds: 30 };
  const cache = new ForwardCache({
    positive: limit,
    negative: limit,
    ...options.cache,
    next: forwarder,
    clock,
    random,
  });
  const { policy: pods, stop: stopPods } = podPolicy(options);

  const resolvers: Resolver[] = [];
  const { maxUdpSize, cookieSecret } = options;
  const cookies = cookieSecret === undefined ? undefined : { secret: cookieSecret, clock };
  const responder = createResponder(resolvers, log, { maxUdpSize, cookies });
  const left = options.fallthrough?.map(zoneName) ?? (upstreams.length > 0 ? allReverseZones : []);
  const shared = {
    domain,
    index,
    ttl,
    nameservers,
    isExposed: options.isExposed,
    passesOn: (name: DnsName) => left.some((zone) => zoneOffset(name, zone) >= 0),
    isSynced: () => followed.every(({ synced }) => synced),
    serial: () => serial,
  };
  resolvers.push(
    new ClusterZone({
      ...shared,
      pods,
      hidesEmptyServices: options.hidesEmptyServices,
      ...namespaceChecks(caches, index),
      random,
      resolve: responder.resolve,
    }),
    new ReverseZone({ ...shared, zones: options.reverseZones?.map(zoneName) }),
    cache,
  );
  const stops = [
    caches.services.subscribe((now, before) => index.applyService(now, before)),
    slices?.subscribe((now, before) => index.applySlice(now, before)),
    stopPods,
  ];

  return {
    answer: responder.answer,
    whenReady: async () => {
      await Promise.all(followed.map((cache) => cache.whenSynced()));
    },
    stop: () => {
      for (const stop of stops) stop?.();
      forwarder.stop();
    },
    stats: () => ({
      ...responder.stats(),
      synced: shared.isSynced(),
      services: index.services,
      endpointAddresses: index.endpointAddresses,
      serial,
      forward: forwarder.stats(),
      cache: cache.stats(),
    }),
  };
}

function podPolicy({ podRecords = "insecure", caches }: ClusterDnsOptions): {
  readonly policy: PodRecords;
  readonly stop: () => void;
} {
  if (podRecords !== "verified") return { policy: { kind: podRecords }, stop: () => undefined };
  if (caches.pods === undefined) throw new TypeError('podRecords "verified" needs the cache of pods');
  const pods = new PodAddresses();
  return { policy: { kind: "verified", pods }, stop: pods.follow(caches.pods) };
}

function namespaceChecks(
  { namespaces }: ClusterDnsCaches,
  index: ServiceIndex,
): Pick<ClusterZoneParts, "hasNamespace" | "hasPodNamespace"> {
  if (namespaces === undefined)
    return { hasNamespace: (name) => index.hasNamespace(name), hasPodNamespace: () => true };
  const hasNamespace = (name: string) => namespaces.get(undefined, name) !== undefined;
  return { hasNamespace, hasPodNamespace: hasNamespace };
}
