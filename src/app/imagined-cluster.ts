import { createApiServer } from "../apiserver/index.ts";
import { createCache } from "../client/index.ts";
import { makeControllerCaches, registerNode, startControllers } from "../controllers/index.ts";
import { cidr, cidrAddress, silentLogger } from "../core/index.ts";
import { secureRandom, systemClock } from "../net/index.ts";
import { formatTime, isNotFound, resources } from "../objects/index.ts";
import type { Cache, ClusterApi, EndpointSlice, KubeObject, Node, Pod, Service } from "../objects/index.ts";
import { applyManifests } from "./apply.ts";
import type { LabOptions } from "./lab-options.ts";
import type { ManifestObject } from "./manifests.ts";
import { nodeDescription } from "./node-description.ts";

/** The objects of a cluster that follow from manifests. */
export interface ImaginedCluster {
  readonly nodes: readonly Node[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
}

/** Controllers that have written nothing for this long have nothing more to write. */
const quietMs = 100;
/** No node of an imagined cluster goes silent. */
const forEverMs = 2 ** 31 - 1;

/**
 * What a lab of these options would hold after applying these manifests, without a lab: the API server and all
 * controllers in this process, and pods that are ready as soon as they have a node. Rejects with `CodedError`
 * "BadManifest".
 */
export async function imagineCluster(
  manifests: readonly ManifestObject[],
  options: Pick<
    LabOptions,
    "nodes" | "zones" | "lan" | "podCidr" | "serviceCidr" | "nodePortRange" | "loadBalancerPool"
  >,
): Promise<ImaginedCluster> {
  const clock = systemClock;
  const server = await createApiServer({
    clock,
    serviceCidrs: [cidr(options.serviceCidr)],
    nodePorts: { first: options.nodePortRange[0], last: options.nodePortRange[1] },
  });
  const { api } = server;
  const stops: (() => void)[] = [];
  try {
    for (let number = 1; number <= options.nodes; number++) {
      const zone = options.zones[(number - 1) % options.zones.length] ?? "";
      const podCidr = `${cidrAddress(cidr(options.podCidr), number * 256)}/24`;
      const address = cidrAddress(cidr(options.lan), 10 + number);
      await registerNode(api, nodeDescription({ name: `node-${number}`, zone, address, podCidr }), clock);
    }
    const caches = makeControllerCaches((spec) => {
      const cache = createCache(api, spec.resource, { indexers: spec.indexers, clock });
      stops.push(() => cache.stop());
      return cache;
    });
    const controllers = startControllers({
      api,
      caches,
      recorder: { record: () => undefined },
      clock,
      log: silentLogger,
      random: secureRandom(),
      options: { loadBalancerPools: [options.loadBalancerPool], node: { graceMs: forEverMs } },
    });
    stops.push(() => controllers.stop());
    await applyManifests(api, manifests);
    stops.push(makePodsReady(api, caches.pods, caches.nodes));
    await quiet(Object.values(caches));
    return {
      nodes: caches.nodes.list(),
      services: caches.services.list(),
      endpointSlices: caches.endpointSlices.list(),
    };
  } finally {
    for (const stop of stops.reverse()) stop();
    await server.close();
  }
}

/** Resolves when the objects have stopped changing. */
function quiet(caches: readonly Pick<Cache<KubeObject>, "subscribe">[]): Promise<void> {
  return new Promise((resolve) => {
    let timer = setTimeout(done, quietMs);
    const stops = caches.map((cache) =>
      cache.subscribe(() => {
        clearTimeout(timer);
        timer = setTimeout(done, quietMs);
      }),
    );
    function done(): void {
      for (const stop of stops) stop();
      resolve();
    }
  });
}

/** Gives every pod that has a node an address of the node's network, and says that it is ready. */
function makePodsReady(api: ClusterApi, pods: Cache<Pod>, nodes: Cache<Node>): () => void {
  const next = new Map<string, number>();
  return pods.subscribe((pod) => {
    const { nodeName } = pod?.spec ?? {};
    if (pod === undefined || nodeName === undefined || pod.status?.podIP !== undefined) return;
    const network = nodes.get(undefined, nodeName)?.spec.podCIDR;
    if (network === undefined) return;
    const number = (next.get(nodeName) ?? 1) + 1;
    next.set(nodeName, number);
    const podIP = cidrAddress(cidr(network), number);
    const ready = { type: "Ready", status: "True", lastTransitionTime: formatTime(systemClock.now()) } as const;
    const status = { ...pod.status, phase: "Running" as const, podIP, podIPs: [{ ip: podIP }], conditions: [ready] };
    api.updateStatus(resources.pods, { ...pod, status }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  });
}
