import { connectCluster, createCache } from "../../client/index.ts";
import type { CacheOptions, RunningCache } from "../../client/index.ts";
import { createMetrics, version } from "../../core/index.ts";
import type { Ip, Logger } from "../../core/index.ts";
import { keptForDns } from "../../dns/index.ts";
import type { ClusterDataChoice, ClusterDnsCaches } from "../../dns/index.ts";
import { secureRandom, systemClock } from "../../net/index.ts";
import { resources } from "../../objects/index.ts";
import type { EndpointSlice, KubeObject, Pod, Resource } from "../../objects/index.ts";
import { readProcessMetrics } from "../proxy/process-metrics.ts";
import { clusterTarget } from "./cluster-target.ts";
import { collectWhileLoading } from "./load-memory.ts";
import { readDnsSource } from "./dns-source.ts";
import type { DnsSource } from "./dns-source.ts";
import { startDnsService } from "./dns-service.ts";
import type { DnsService } from "./dns-service.ts";
import { listenAddresses, ownAddresses } from "./own-addresses.ts";
import { exposeWatches } from "./watch-metrics.ts";

/** What DNS beside any Kubernetes API is started with. */
export interface DnsRunOptions {
  readonly source: DnsSource;
  /** Path of the kubeconfig; else what the configuration says, else the cluster that this runs in. */
  readonly kubeconfig: string | undefined;
  /** The port of blocks that name none; 53 unless given. */
  readonly port?: number;
  /** Addresses to listen on where no block says another; all unless given. */
  readonly bind?: readonly string[];
  /** The cluster IP of the DNS Service, when it is known. */
  readonly nameservers: readonly Ip[];
  readonly log: Logger;
  /** Where lines of the query log go. */
  readonly writeQuery: (line: string) => void;
}

/**
 * Serves DNS as a component of a cluster, as CoreDNS does there: with copies of the API's objects. Rejects with `CodedError`
 * when the configuration cannot be used, there is no cluster, or a place cannot be listened to.
 */
export async function runDns(options: DnsRunOptions): Promise<DnsService> {
  const { source, log, bind = [] } = options;
  const clock = systemClock;
  const random = secureRandom();
  const environment = (name: string) => process.env[name];
  const metrics = createMetrics();
  readProcessMetrics(metrics);
  metrics
    .gauge({
      name: "coredns_build_info",
      help: "The version of this program.",
      labels: ["version", "revision", "goversion"],
    })
    .with(version, "sealane", "")
    .set(1);

  const reading = readDnsSource(source, { environment, port: options.port });
  if (reading.kind === "failed") throw reading.error;
  const target = clusterTarget(options.kubeconfig, reading.configuration, environment);
  const api = target === undefined ? undefined : await connectCluster(target);
  const watched: Record<string, RunningCache<KubeObject>> = {};
  const cacheOf: CacheOf = (resource, kept) => {
    if (api === undefined) throw new TypeError("Objects come from a cluster");
    const cache = createCache(api, resource, { clock, log, random, ...kept });
    watched[resource.kind] = cache;
    return cache;
  };
  const caches = api === undefined ? undefined : clusterCaches(cacheOf);
  if (caches !== undefined) exposeWatches(metrics, clock, () => watched);
  let namesLoaded: () => void = () => undefined;
  if (caches !== undefined) collectWhileLoading(new Promise<void>((resolve) => (namesLoaded = resolve)));

  const service = await startDnsService({
    source,
    caches,
    clock,
    random,
    log,
    metrics,
    addressesOf: (host, except) =>
      host === undefined && bind.length > 0
        ? bind.flatMap((one) => listenAddresses(one, except))
        : listenAddresses(host, except),
    writeQuery: options.writeQuery,
    // As CoreDNS does: the names of the zone's servers lead to this machine, unless it is known by another address.
    nameservers:
      options.nameservers.length > 0 ? options.nameservers : ownAddresses().filter((address) => !isLoopback(address)),
    environment,
    ...(options.port === undefined ? {} : { port: options.port }),
    waitsForNames: true,
  });
  void service.whenReady().then(namesLoaded);
  return {
    ...service,
    // Spreading would have taken what they were at this moment.
    get places() {
      return service.places;
    },
    get configuration() {
      return service.configuration;
    },
    close: async (now) => {
      await service.close(now);
      for (const cache of Object.values(watched)) cache.stop();
      api?.close();
    },
  };
}

function isLoopback(address: Ip): boolean {
  return address === "::1" || address.startsWith("127.");
}

type CacheOf = <T extends KubeObject>(
  resource: Resource<T>,
  kept?: Pick<CacheOptions<T>, "fields" | "slim">,
) => RunningCache<T>;

/**
 * Services and their endpoints are watched for each choice anew, and kept as that needs them. Pods and endpoints are many: they
 * are watched when the first block wants them.
 */
function clusterCaches(cacheOf: CacheOf): (choice: ClusterDataChoice) => ClusterDnsCaches {
  const namespaces = cacheOf(resources.namespaces);
  let pods: RunningCache<Pod> | undefined;
  return ({ labels, endpointNames }) => {
    const kept = keptForDns(endpointNames === "pod" ? "pod" : "address", labels.length > 0);
    const services = cacheOf(resources.services, kept.services);
    let endpointSlices: RunningCache<EndpointSlice> | undefined;
    return {
      services,
      get endpointSlices() {
        endpointSlices ??= cacheOf(resources.endpointSlices, kept.endpointSlices);
        return endpointSlices;
      },
      namespaces,
      get pods() {
        pods ??= cacheOf(resources.pods);
        return pods;
      },
      stop: () => {
        services.stop();
        endpointSlices?.stop();
      },
    };
  };
}
