import type { KubeObject, Resource } from "../objects/index.ts";
import type { ControllerContext, RunningController } from "./context.ts";
import { startDaemonSetController } from "./daemonset/controller.ts";
import { startDeploymentController } from "./deployment/controller.ts";
import { startEndpointSliceMirroringController } from "./endpointslice-mirroring/controller.ts";
import { startEndpointSliceController } from "./endpointslice/controller.ts";
import { startEndpointsController } from "./endpoints/controller.ts";
import { startGarbageCollector } from "./garbage-collector/controller.ts";
import { startIngressStatusController } from "./ingress-status/controller.ts";
import type { IngressServiceName } from "./ingress-status/controller.ts";
import { startLoadBalancerIpam } from "./lb-ipam/controller.ts";
import { startNamespaceController } from "./namespace/controller.ts";
import { startNodeLifecycleController } from "./node-lifecycle/controller.ts";
import type { NodeLifecycleOptions } from "./node-lifecycle/controller.ts";
import { startPodGarbageCollector } from "./pod-gc/controller.ts";
import { startReplicaSetController, startReplicationControllerController } from "./replicas/controller.ts";
import { startScheduler } from "./scheduler/controller.ts";
import { startServiceAccountController } from "./service-account/controller.ts";
import { startStatefulSetController } from "./statefulset/controller.ts";

export interface ControllerOptions {
  /** Addresses for Services of type LoadBalancer: `192.168.100.200-192.168.100.250`, networks or single ones. */
  readonly loadBalancerPools?: readonly string[];
  readonly node?: NodeLifecycleOptions;
  /** Milliseconds after which pods of a deleted node are removed; 40 s by default. */
  readonly nodeGoneDelayMs?: number;
  /** The certificate by which pods know the API server, as PEM. */
  readonly rootCaPem?: string;
  /** The Service whose address Ingresses show; sealane-system/ingress by default. */
  readonly ingressService?: IngressServiceName;
  readonly maxEndpointsPerSlice?: number;
  /** All kinds that the API serves, so that namespaces are emptied of those too that nothing acts on. */
  readonly allResources?: readonly Resource<KubeObject>[];
}

export interface StartControllersInput extends ControllerContext {
  readonly options: ControllerOptions;
}

/**
 * Runs all controllers on caches that the caller made (see `controllerCacheSpecs`) and stops. Throws `CodedError`
 * code `InvalidPool` before anything is started.
 */
export function startControllers(input: StartControllersInput): RunningController {
  const { options, ...context } = input;
  const { allResources } = options;
  const running: readonly RunningController[] = [
    startLoadBalancerIpam(context, { pools: options.loadBalancerPools ?? [] }),
    startScheduler(context),
    startEndpointSliceController(
      context,
      options.maxEndpointsPerSlice === undefined ? {} : { maxEndpointsPerSlice: options.maxEndpointsPerSlice },
    ),
    startEndpointsController(context),
    startEndpointSliceMirroringController(context),
    startDeploymentController(context),
    startReplicaSetController(context),
    startReplicationControllerController(context),
    startStatefulSetController(context),
    startDaemonSetController(context),
    startIngressStatusController(context, options.ingressService),
    startServiceAccountController(context, options.rootCaPem === undefined ? {} : { rootCaPem: options.rootCaPem }),
    startNodeLifecycleController(context, options.node),
    startNamespaceController(
      context,
      allResources?.filter(({ namespaced }) => namespaced),
    ),
    startGarbageCollector(context, allResources),
    startPodGarbageCollector(
      context,
      options.nodeGoneDelayMs === undefined ? {} : { nodeGoneDelayMs: options.nodeGoneDelayMs },
    ),
  ];
  return {
    stop() {
      for (const controller of running) controller.stop();
    },
  };
}
