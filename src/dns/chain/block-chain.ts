import { dnsName } from "../../codec/index.ts";
import type { Clock, Ip, Logger, Metrics, Random } from "../../core/index.ts";
import type { ClusterData, ClusterDataShelf } from "../cluster-data.ts";
import type { ServerBlock } from "../corefile/configuration.ts";
import { exposeCache } from "../forward-cache-metrics.ts";
import type { ForwardCache } from "../forward-cache.ts";
import type { MaybeLater, PackedReply, Reply, Request, Resolve } from "../resolver.ts";
import type { UpstreamDialer } from "../upstream.ts";
import { accessLayer } from "./access.ts";
import { autopathLayer, podSearch } from "./autopath.ts";
import type { ChainCounters } from "./chain-counters.ts";
import { clusterNames } from "./cluster-names.ts";
import { dns64Layer } from "./dns64.ts";
import { explaining } from "./explaining.ts";
import type { NamedLayer, NamedResolver } from "./explaining.ts";
import { anyLayer, whoami } from "./fixed-answers.ts";
import { Forwarding, cached, forwardsInTurn } from "./forwarding.ts";
import type { CacheOptions, ForwardOptions } from "./forwarding.ts";
import { Hosts } from "./hosts.ts";
import { layered, refused } from "./layer.ts";
import type { Layer } from "./layer.ts";
import { rateLimitLayer } from "./rate-limit.ts";
import { rewriteLayer } from "./rewriting.ts";
import type { TransferZone } from "./transfer.ts";

/** What the plugins of a block are made from. */
export interface ChainParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dial: UpstreamDialer;
  readonly metrics: Metrics | undefined;
  /** Undefined without a cluster. */
  readonly data: ClusterDataShelf | undefined;
  readonly nameservers: readonly Ip[];
  readonly readText: (path: string) => string | undefined;
  readonly isExposed: ((namespace: string) => boolean) | undefined;
  readonly forwardOptions: ForwardOptions | undefined;
  readonly cacheOptions: CacheOptions | undefined;
  /** Search domains of the host, after those of the cluster. */
  readonly hostSearch: readonly string[];
  /** Looks a name up in the whole server. */
  readonly resolve: Resolve;
}

/** One block at work: its plugins in CoreDNS's order, whatever their order in the file. */
export interface BlockChain {
  readonly block: ServerBlock;
  readonly resolve: Resolve;
  /** Like `resolve`, but takes bytes where a cache has them ready. */
  readonly find: (request: Request) => MaybeLater<Reply> | PackedReply;
  /** Like `resolve`, and tells the request's `note` what happens. */
  readonly explain: Resolve;
  readonly data: ClusterData | undefined;
  readonly forwardings: readonly Forwarding[];
  readonly cache: ForwardCache | undefined;
  readonly transferZones: readonly TransferZone[];
  /** Gives up on forwarded questions, follows no files any more. */
  readonly stop: () => void;
}

/** Puts the plugins of a block together. Throws `CodedError` or `TypeError` for what the parts cannot give. */
export function createBlockChain(
  block: ServerBlock,
  server: string,
  parts: ChainParts,
  counters: ChainCounters,
): BlockChain {
  const { clock, random, log, readText } = parts;
  const stops: (() => void)[] = [];
  const plugins: NamedResolver[] = [];
  const namedLayers: NamedLayer[] = [];

  if (block.hosts !== undefined) {
    const hosts = new Hosts(block.hosts, { clock, random, log, readText });
    stops.push(() => hosts.stop());
    if (parts.metrics !== undefined) {
      stops.push(
        parts.metrics.read({ kind: "gauge", name: "coredns_hosts_entries", help: "Names of hosts files." }, () => [
          [hosts.entries],
        ]),
      );
    }
    plugins.push({ plugin: "hosts", resolver: hosts });
  }

  const data = dataOf(block, parts);
  const names =
    data === undefined || block.kubernetes === undefined
      ? undefined
      : clusterNames(block.kubernetes, { ...parts, data });
  for (const resolver of names?.resolvers ?? []) {
    const isForward = names?.zones.some(({ zone }) => zone === resolver) === true;
    plugins.push({ plugin: isForward ? "kubernetes" : "reverse", resolver });
  }

  const forwardings = block.forward.map((settings) => new Forwarding(settings, parts));
  let cache: ForwardCache | undefined;
  if (forwardings.length > 0) {
    const forwards = forwardsInTurn(forwardings);
    cache = block.cache === undefined ? undefined : cached(forwards, block.cache, parts);
    plugins.push({ plugin: "forward", resolver: cache ?? forwards, cache });
    if (cache !== undefined && parts.metrics !== undefined) {
      const zones = [...new Set(block.keys.map(({ zone }) => zone))].join(",");
      const counting = cache;
      stops.push(exposeCache(parts.metrics, { server, zones }, () => counting.stats()));
    }
  }
  stops.push(() => {
    for (const forwarding of forwardings) forwarding.stop();
  });

  const before = (plugin: string, layer: Layer) => void namedLayers.push({ plugin, layer });
  if (block.rateLimit !== undefined) before("ratelimit", rateLimitLayer(block.rateLimit, clock, counters.rateLimited));
  if (block.acl.length > 0) before("acl", accessLayer(block.acl, counters.access));
  if (block.any) before("any", anyLayer);
  if (block.dns64 !== undefined) before("dns64", dns64Layer(block.dns64, counters.translated));
  if (block.rewrite.length > 0) before("rewrite", rewriteLayer(block.rewrite));
  const autopath = autopathOf(block, data, parts, counters);
  if (autopath !== undefined) before("autopath", autopath);

  const last: Resolve = block.whoami ? whoami : () => refused;
  const layers = namedLayers.map(({ layer }) => layer);
  const resolvers = plugins.map(({ resolver }) => resolver);
  const inner: Resolve = (request) => {
    for (const resolver of resolvers) {
      const reply = resolver.resolve(request);
      if (reply !== undefined) return reply;
    }
    return last(request);
  };
  const findInner: BlockChain["find"] = (request) => {
    for (const resolver of resolvers) {
      const reply = resolver.packed?.(request) ?? resolver.resolve(request);
      if (reply !== undefined) return reply;
    }
    return last(request);
  };
  const resolve = layered(layers, inner);
  return {
    block,
    resolve,
    // Layers look into replies.
    find: layers.length === 0 ? findInner : resolve,
    explain: explaining(namedLayers, plugins, last),
    data,
    forwardings,
    cache,
    transferZones: names?.zones ?? [],
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function dataOf({ kubernetes }: ServerBlock, { data }: ChainParts): ClusterData | undefined {
  if (kubernetes === undefined) return undefined;
  if (data === undefined)
    throw new TypeError(`${kubernetes.file}:${kubernetes.line}: kubernetes needs a cluster's data`);
  const { labels, endpointPodNames, withEndpoints, zonal, multicluster } = kubernetes;
  const endpointNames = withEndpoints ? (endpointPodNames ? "pod" : "address") : "none";
  const withImports = multicluster.length > 0;
  return data.get({ labels, endpointNames, withZones: zonal && withEndpoints, withImports });
}

function autopathOf(
  { autopath, kubernetes }: ServerBlock,
  data: ClusterData | undefined,
  { hostSearch }: ChainParts,
  { searched }: ChainCounters,
): Layer | undefined {
  if (autopath === undefined) return undefined;
  const { zones, search } = autopath;
  if (search.kind === "list") {
    const list = search.domains.map(dnsName);
    return autopathLayer({ zones, searchOf: () => list, searched });
  }
  const domain = kubernetes?.zones.find((zone) => !kubernetes.multicluster.includes(zone));
  if (data === undefined || domain === undefined) return undefined;
  const searchOf = podSearch(data.clientPods(), dnsName(domain), hostSearch.map(dnsName));
  return autopathLayer({ zones, searchOf, searched });
}
