import { createHash } from "node:crypto";
import { connectCluster, createCache, readKubeconfig } from "../../client/index.ts";
import type { CacheOptions, RunningCache, ServerAddress } from "../../client/index.ts";
import { CodedError, messageOf } from "../../core/index.ts";
import type { Clock, Logger, Metrics, Random } from "../../core/index.ts";
import { keptForDns } from "../../dns/index.ts";
import type { ClusterDataChoice, ClusterDnsCaches } from "../../dns/index.ts";
import { resources } from "../../objects/index.ts";
import type { EndpointSlice, KubeObject, Pod, Resource } from "../../objects/index.ts";
import type { ClusterSource, FollowedCluster } from "./cluster-source.ts";
import { clusterTarget } from "./cluster-target.ts";
import type { DnsClusterTarget } from "./cluster-target.ts";
import { watchImports } from "./imported-caches.ts";
import type { WatchedImports } from "./imported-caches.ts";
import { collectWhileLoading } from "./load-memory.ts";
import { tlsProblem } from "./tls-problem.ts";
import { exposeWatches } from "./watch-metrics.ts";

/** What following clusters needs. */
export interface WatchedClustersParts {
  /** Path of the kubeconfig of the command. */
  readonly kubeconfig: string | undefined;
  /** Whether problems begin with file and line of the block, as is right when somebody wrote it. */
  readonly namesPlaces: boolean;
  readonly environment: (name: string) => string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The caches that run, by what metrics call them; of two with one name the later one. */
type Watched = () => Readonly<Record<string, RunningCache<KubeObject>>>;

/** The clusters that configurations name, over HTTP. One is connected to when a configuration first needs it. */
export function watchedClusters(parts: WatchedClustersParts): ClusterSource {
  const open: Watched[] = [];
  // While another one is tried, answers come from the first.
  exposeWatches(parts.metrics, parts.clock, () => open[0]?.() ?? {});
  return {
    choose: async (configuration) => {
      const target = clusterTarget(configuration, parts);
      if (target === undefined) return undefined;
      const address = await addressOf(target);
      return {
        identity: createHash("sha256").update(JSON.stringify(address)).digest("hex"),
        follow: () => follow(address, parts, open),
      };
    },
  };
}

async function addressOf({ kubeconfig, files, at }: DnsClusterTarget): Promise<ServerAddress> {
  let address: ServerAddress;
  try {
    address = await readKubeconfig(kubeconfig);
  } catch (error) {
    throw new CodedError("NoCluster", `${at}${messageOf(error)}`, { cause: error });
  }
  const { cert, key, ca } = address;
  const problem = tlsProblem({
    ...(cert === undefined ? {} : { certificate: { path: files.certificate, text: cert } }),
    ...(key === undefined ? {} : { key: { path: files.key, text: key } }),
    ...(ca === undefined ? {} : { ca: { path: files.ca, text: ca } }),
  });
  if (problem !== undefined) throw new CodedError("NoCluster", `${at}${problem}`);
  return address;
}

async function follow(
  address: ServerAddress,
  { clock, log, random }: WatchedClustersParts,
  open: Watched[],
): Promise<FollowedCluster> {
  const api = await connectCluster({ address });
  const running = new Map<RunningCache<KubeObject>, string>();
  const cacheOf: CacheOf = (resource, options, called = resource.kind) => {
    const cache = createCache(api, resource, { clock, log, random, ...options });
    running.set(cache, called);
    return cache;
  };
  const endCache = (cache: RunningCache<KubeObject>): void => {
    cache.stop();
    running.delete(cache);
  };
  const watched: Watched = () => Object.fromEntries([...running].map(([cache, called]) => [called, cache]));
  open.push(watched);
  let announceEnd: () => void = () => undefined;
  const end = new Promise<void>((resolve) => (announceEnd = resolve));
  return {
    caches: clusterCaches(cacheOf, endCache),
    problem: () => [...running.keys()].find(({ synced, problem }) => !synced && problem !== undefined)?.problem,
    loading: (names) => collectWhileLoading(Promise.race([names, end])),
    close: () => {
      for (const cache of running.keys()) cache.stop();
      open.splice(open.indexOf(watched), 1);
      announceEnd();
      api.close();
    },
  };
}

type CacheOf = <T extends KubeObject>(
  resource: Resource<T>,
  options?: Pick<CacheOptions<T>, "fields" | "listOptions" | "mayBeMissing" | "slim">,
  called?: string,
) => RunningCache<T>;

/**
 * Services and their endpoints are watched for each choice anew, and kept as that needs them. Pods and endpoints are many: they
 * are watched when the first block wants them; what other clusters export, for each choice that wants it.
 */
function clusterCaches(
  cacheOf: CacheOf,
  endCache: (cache: RunningCache<KubeObject>) => void,
): (choice: ClusterDataChoice) => ClusterDnsCaches {
  const namespaces = cacheOf(resources.namespaces);
  let pods: RunningCache<Pod> | undefined;
  return ({ labels, endpointNames, withZones }) => {
    const kept = keptForDns(endpointNames === "pod" ? "pod" : "address", labels.length > 0, withZones);
    const services = cacheOf(resources.services, kept.services);
    let endpointSlices: RunningCache<EndpointSlice> | undefined;
    let imports: WatchedImports | undefined;
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
      get imports() {
        imports ??= watchImports(cacheOf);
        return imports;
      },
      stop: () => {
        const begun = [services, endpointSlices, imports?.serviceImports, imports?.endpointSlices];
        for (const cache of begun) if (cache !== undefined) endCache(cache);
      },
    };
  };
}
