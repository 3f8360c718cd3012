import type { Clock, Ip, Logger, Random } from "../core/index.ts";
import type { CacheOptions, ForwardOptions } from "./chain/forwarding.ts";
import { clusterConfiguration } from "./cluster-configuration.ts";
import type { ClusterSettings } from "./cluster-configuration.ts";
import { ClusterDataShelf } from "./cluster-data.ts";
import type { ClusterDnsCaches } from "./cluster-data.ts";
import { createDnsServer } from "./dns-server.ts";
import type { ForwardCacheStats } from "./forward-cache.ts";
import type { ForwarderStats } from "./forwarder.ts";
import type { Answer, ResponderStats } from "./responder.ts";
import type { UpstreamDialer } from "./upstream.ts";

/** How cluster DNS works. */
export interface ClusterDnsOptions extends ClusterSettings {
  readonly caches: ClusterDnsCaches;
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  /** Orders answers and makes the ids of forwarded queries: use one that cannot be guessed. */
  readonly random: Random;
  readonly log?: Logger;
  /** Where this DNS is reached (the cluster IP of `kube-dns`): the zone's name servers, and never an upstream. */
  readonly nameservers?: readonly Ip[];
  /** Whether the names of a namespace are shown; all are unless given. */
  readonly isExposed?: (namespace: string) => boolean;
  /** The most bytes of a UDP answer, 512 at least; as many as the client offers unless given. */
  readonly maxUdpSize?: number;
  /** 16 bytes that nobody else knows, for the cookies of clients (RFC 9018); made of `random` unless given. */
  readonly cookieSecret?: Uint8Array;
  readonly forward?: ForwardOptions;
  /** What is remembered of other servers' answers; for at most 30 seconds unless given, as kubeadm sets it. */
  readonly cache?: CacheOptions;
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

/**
 * Makes the DNS of a cluster: the server of one block, as `clusterConfiguration` describes it. It answers at once; before
 * the first sync, names not yet known get SERVFAIL.
 */
export function createClusterDns(options: ClusterDnsOptions): ClusterDns {
  const { caches, clock, random, dial } = options;
  const data = new ClusterDataShelf(caches, clock);
  const server = createDnsServer(clusterConfiguration(options), {
    clock,
    random,
    dial,
    data,
    ...(options.log === undefined ? {} : { log: options.log }),
    nameservers: options.nameservers ?? [],
    ...(options.isExposed === undefined ? {} : { isExposed: options.isExposed }),
    ...(options.forward === undefined ? {} : { forwardOptions: options.forward }),
    ...(options.cache === undefined ? {} : { cacheOptions: options.cache }),
    ...(options.cookieSecret === undefined ? {} : { cookieSecret: options.cookieSecret }),
    ...(options.maxUdpSize === undefined ? {} : { maxUdpSize: options.maxUdpSize }),
  });
  const [endpoint] = server.endpoints;
  const [chain] = server.chains;
  const [names] = server.data;
  const [forwarding] = chain?.forwardings ?? [];
  if (endpoint === undefined || chain === undefined || names === undefined || forwarding === undefined) {
    throw new TypeError("The configuration of a cluster has one block with names and a forward");
  }
  const cache = chain.cache;
  if (cache === undefined) throw new TypeError("The configuration of a cluster has a cache");
  return {
    answer: endpoint.answer,
    whenReady: () => server.whenReady(),
    stop: () => {
      data.stop();
      server.stop();
    },
    stats: () => ({
      ...server.stats(),
      synced: names.isSynced(),
      services: names.index.services,
      endpointAddresses: names.index.endpointAddresses,
      serial: names.serial,
      forward: forwarding.stats(),
      cache: cache.stats(),
    }),
  };
}
