import { hostname } from "node:os";
import {
  connectCluster,
  createCache,
  createEventRecorder,
  slimEndpointSlices,
  slimServices,
} from "../../client/index.ts";
import { CodedError } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { systemClock } from "../../net/index.ts";
import { endpointSliceIndexers, resources } from "../../objects/index.ts";
import type { ProxySettings, ProxyStats } from "../../proxy/index.ts";
import { removeOthers, startNodeProxy } from "./node-proxy.ts";

/** What a proxy beside any Kubernetes API is started with. */
export interface ProxyRunOptions {
  readonly settings: ProxySettings;
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  readonly log: Logger;
}

/** A proxy that follows an API and programs the network namespace of this process. */
export interface ProxyRun {
  readonly nodeName: string;
  /** Resolves when all rules are in the kernel for the first time. */
  whenSynced(): Promise<void>;
  status(): ProxyStats;
  /** Ends; the rules stay and go on carrying traffic. */
  stop(): Promise<void>;
}

/** Starts the node proxy as a component of a cluster: what kube-proxy does there. Rejects with `CodedError`. */
export async function runProxy({ settings, kubeconfig, log }: ProxyRunOptions): Promise<ProxyRun> {
  const clock = systemClock;
  const nodeName = (settings.hostnameOverride ?? hostname()).trim().toLowerCase();
  const api = await connectCluster({ kubeconfig });
  const recorder = createEventRecorder(api, { component: "sealane-proxy", host: nodeName }, clock, log);
  const proxy = await startNodeProxy({
    nodeName,
    settings,
    caches: {
      services: createCache(api, resources.services, { clock, log, slim: slimServices() }),
      endpointSlices: createCache(api, resources.endpointSlices, {
        clock,
        log,
        indexers: endpointSliceIndexers,
        slim: slimEndpointSlices({ podsOf: nodeName }),
      }),
      nodes: createCache(api, resources.nodes, {
        clock,
        log,
        listOptions: { fieldSelector: `metadata.name=${nodeName}` },
      }),
      serviceCidrs: createCache(api, resources.serviceCIDRs, { clock, log }),
    },
    mayHaveLeftovers: true,
    recorder,
    clock,
    log,
  });
  return {
    nodeName,
    whenSynced: () => proxy.whenSynced(),
    status: () => proxy.status(),
    stop: async () => {
      await proxy.stop();
      api.close();
    },
  };
}

/**
 * Takes the rules of every mode out of the network namespace of this process (`--cleanup`). Rejects with `CodedError`
 * "CleanupFailed" when some are left; those of the other modes are gone then.
 */
export async function cleanUpProxy(settings: ProxySettings, log: Logger): Promise<void> {
  const failures = await removeOthers(undefined, { settings, log });
  if (failures.length > 0) {
    throw new CodedError("CleanupFailed", `Rules could not be removed: ${failures.join("; ")}`);
  }
}
