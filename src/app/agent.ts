import { createAnnouncer, createArpSpeaker } from "../announce/index.ts";
import { connectCluster, createCache, createEventRecorder, slimEndpointSlices, slimServices } from "../client/index.ts";
import type { CacheOptions } from "../client/index.ts";
import { etherTypeArp } from "../codec/index.ts";
import { renewNodeLease } from "../controllers/index.ts";
import { cidr, ip } from "../core/index.ts";
import { resolvConfOf } from "../dns/index.ts";
import { keepFixedRules, openPacketSocket } from "../kernel/index.ts";
import { startPodRuntime } from "../lab/index.ts";
import { secureRandom, stderrLogger, systemClock } from "../net/index.ts";
import { endpointSliceIndexers, resources } from "../objects/index.ts";
import type { Cache, KubeObject, Resource } from "../objects/index.ts";
import type { AgentInput, Barrier } from "./agent-messages.ts";
import { ingressImage } from "./builtin-objects.ts";
import { lookupIn } from "./dns-question.ts";
import type { DnsService } from "./dns/dns-service.ts";
import { startNodeDns } from "./dns/node-dns.ts";
import { ingressBuiltIn } from "./ingress-built-in.ts";
import { nodeDescription } from "./node-description.ts";
import { startNodeProxy } from "./proxy/node-proxy.ts";
import type { NodeProxy } from "./proxy/node-proxy.ts";
import { registerWhenReachable } from "./register-node.ts";

/** One node's agent at work. */
export interface Agent {
  /** Resolves when the node's rules and names are at least as new as these resource versions. */
  whenApplied(versions: Pick<Barrier, "services" | "endpointSlices">): Promise<void>;
  readonly proxy: NodeProxy;
  readonly dns: DnsService;
}

/**
 * Everything that a node does, in the node's own network namespace: proxy, DNS, pods, announcements, Ingress. All of it
 * follows the API through a few caches and keeps its last state while the API is away.
 */
export async function startAgent(input: AgentInput): Promise<Agent> {
  const { nodeName } = input;
  const clock = systemClock;
  const random = secureRandom();
  const log = stderrLogger({ level: "warn", fields: { node: nodeName } });
  const api = await connectCluster({ socketPath: input.apiSocket });
  const recorder = createEventRecorder(api, { component: "sealane-agent", host: nodeName }, clock, log);
  const cacheOf = <T extends KubeObject>(
    resource: Resource<T>,
    more: Pick<CacheOptions<T>, "indexers" | "listOptions" | "mayBeMissing" | "slim"> = {},
  ) => createCache(api, resource, { clock, log, random, ...more });

  const services = cacheOf(resources.services, { slim: slimServices() });
  const endpointSlices = cacheOf(resources.endpointSlices, {
    indexers: endpointSliceIndexers,
    slim: slimEndpointSlices(),
  });
  const nodes = cacheOf(resources.nodes);
  const namespaces = cacheOf(resources.namespaces);
  const pods = cacheOf(resources.pods, { listOptions: { fieldSelector: `spec.nodeName=${nodeName}` } });

  renewNodeLease({ api, nodeName, clock, log, renewMs: input.heartbeatMs });
  const registered = registerWhenReachable(
    api,
    nodeDescription({ name: nodeName, zone: input.zone, address: input.nodeAddress, podCidr: input.podCidr }),
    clock,
  );

  const proxy = await startNodeProxy({
    nodeName,
    settings: input.proxy,
    caches: { services, endpointSlices, nodes },
    serviceCidrs: [cidr(input.serviceCidr)],
    mayHaveLeftovers: input.isSuccessor,
    recorder,
    clock,
    log,
  });

  const fixedRules = keepFixedRules({ clock, log });
  const dns = await startNodeDns({
    input,
    caches: { services, endpointSlices, namespaces, clientPods: pods },
    watch: cacheOf,
    fixedRules,
    clock,
    random,
    log,
  });

  await startPodRuntime({
    nodeName,
    nodeAddress: ip(input.nodeAddress),
    fixedRules,
    podCidr: cidr(input.podCidr),
    masquerade: {
      clusterPods: cidr(input.clusterCidr),
      nodeAddresses: [ip(input.nodeAddressRange[0]), ip(input.nodeAddressRange[1])],
    },
    pods,
    services,
    api,
    recorder,
    clock,
    log,
    dns: {
      domain: input.clusterDomain,
      resolvConf: (pod) =>
        resolvConfOf(pod, {
          clusterDomain: input.clusterDomain,
          nameservers: [input.dnsAddress],
          host: { nameservers: [input.outsideNameserver], searches: [], options: [] },
        }),
    },
    builtIns: {
      [ingressImage]: ingressBuiltIn({
        caches: () => ({
          ingresses: cacheOf(resources.ingresses),
          ingressClasses: cacheOf(resources.ingressClasses),
          secrets: cacheOf(resources.secrets),
          services,
          endpointSlices,
        }),
        nodeName,
        lookup: lookupIn(dns),
        clock,
        log,
        random,
      }),
    },
  });

  await registered;
  createAnnouncer({
    nodeName,
    caches: { services, endpointSlices, nodes },
    port: createArpSpeaker({
      open: (handlers) => openPacketSocket({ link: "eth0", etherType: etherTypeArp, ...handlers }),
      clock,
      log,
    }),
    recorder,
    clock,
    log,
  });

  return {
    proxy,
    dns,
    async whenApplied(versions) {
      await Promise.all([
        whenSeen(services, versions.services),
        whenSeen(endpointSlices, versions.endpointSlices),
        dns.whenReady(),
      ]);
      await proxy.whenIdle();
    },
  };
}

/** Resolves when the cache is at least at this resource version: when it has an object of it or of a later one. */
function whenSeen(cache: Cache<KubeObject>, version: string): Promise<void> {
  const isThere = (object: KubeObject | undefined) => Number(object?.metadata.resourceVersion ?? 0) >= Number(version);
  if (version === "0" || cache.list().some(isThere)) return Promise.resolve();
  return new Promise((resolve) => {
    let seen = false;
    const unsubscribe = cache.subscribe((now) => {
      if (seen || !isThere(now)) return;
      seen = true;
      queueMicrotask(() => {
        unsubscribe();
        resolve();
      });
    });
  });
}
