import {
  controllerOf,
  isNodeReady,
  isPodFinished,
  isPodReady,
  keyOf,
  matchesLabels,
  objectKey,
  serviceNameLabel,
} from "../objects/index.ts";
import type {
  DaemonSet,
  Deployment,
  EndpointSlice,
  KubeObject,
  Node,
  Pod,
  ReplicaSet,
  ReplicationController,
  Service,
  StatefulSet,
} from "../objects/index.ts";

/** The objects that decide whether a lab is ready. */
export interface ClusterState {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly deployments: readonly Deployment[];
  readonly replicaSets: readonly ReplicaSet[];
  readonly replicationControllers: readonly ReplicationController[];
  readonly statefulSets: readonly StatefulSet[];
  readonly daemonSets: readonly DaemonSet[];
}

/** Something that is not as it should be yet. */
export interface Waiting {
  /** `kind/name`, as kubectl takes it. */
  readonly object: string;
  readonly namespace: string | undefined;
  readonly reason: string;
}

/**
 * What of a cluster is not ready, in the order in which things become so; empty when all is. A workload is ready when its
 * controller has seen the last change and every replica is up to date and available, a Service when something answers
 * behind it.
 */
export function notReady(state: ClusterState): readonly Waiting[] {
  return [
    ...state.nodes.filter((node) => !isNodeReady(node)).map((node) => waiting("node", node, "not Ready")),
    ...state.deployments.flatMap(deploymentWaits),
    ...state.statefulSets.flatMap((set) => replicasWait("statefulset", set, set.status?.readyReplicas)),
    ...state.daemonSets.flatMap(daemonSetWaits),
    ...state.replicationControllers.flatMap((rc) =>
      replicasWait("replicationcontroller", rc, rc.status?.readyReplicas),
    ),
    ...state.replicaSets
      .filter((set) => controllerOf(set) === undefined)
      .flatMap((set) => replicasWait("replicaset", set, set.status?.readyReplicas)),
    ...state.pods.flatMap(podWaits),
    ...serviceWaits(state),
  ];
}

function waiting(kind: string, object: KubeObject, reason: string): Waiting {
  return { object: `${kind}/${object.metadata.name}`, namespace: object.metadata.namespace, reason };
}

function deploymentWaits(deployment: Deployment): readonly Waiting[] {
  const wanted = deployment.spec.replicas ?? 1;
  const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = deployment.status ?? {};
  if (observedGeneration < (deployment.metadata.generation ?? 0)) {
    return [waiting("deployment", deployment, "not yet seen by its controller")];
  }
  if (updatedReplicas >= wanted && availableReplicas >= wanted && replicas === updatedReplicas) return [];
  return [
    waiting(
      "deployment",
      deployment,
      `${Math.min(updatedReplicas, availableReplicas)} of ${wanted} replicas available`,
    ),
  ];
}

function replicasWait(
  kind: string,
  workload: ReplicaSet | ReplicationController | StatefulSet,
  ready = 0,
): readonly Waiting[] {
  const wanted = workload.spec.replicas ?? 1;
  const observed = workload.status?.observedGeneration ?? 0;
  if (observed < (workload.metadata.generation ?? 0))
    return [waiting(kind, workload, "not yet seen by its controller")];
  return ready >= wanted ? [] : [waiting(kind, workload, `${ready} of ${wanted} replicas ready`)];
}

function daemonSetWaits(set: DaemonSet): readonly Waiting[] {
  const { observedGeneration = 0, desiredNumberScheduled = 0, numberReady = 0 } = set.status ?? {};
  if (observedGeneration < (set.metadata.generation ?? 0)) {
    return [waiting("daemonset", set, "not yet seen by its controller")];
  }
  return numberReady >= desiredNumberScheduled
    ? []
    : [waiting("daemonset", set, `${numberReady} of ${desiredNumberScheduled} pods ready`)];
}

function podWaits(pod: Pod): readonly Waiting[] {
  if (isPodReady(pod) || isPodFinished(pod) || pod.metadata.deletionTimestamp !== undefined) return [];
  const failed = pod.status?.conditions?.find(({ status, message }) => status === "False" && message !== undefined);
  return [waiting("pod", pod, failed?.message ?? (pod.spec.nodeName === undefined ? "not scheduled" : "not Ready"))];
}

function serviceWaits(state: ClusterState): readonly Waiting[] {
  const answered = new Set<string>();
  for (const slice of state.endpointSlices) {
    const service = slice.metadata.labels?.[serviceNameLabel];
    if (service === undefined || !slice.endpoints.some(({ conditions }) => conditions?.ready !== false)) continue;
    answered.add(keyOf(slice.metadata.namespace, service));
  }
  return state.services.flatMap((service) => {
    const { type, selector } = service.spec;
    const found: Waiting[] = [];
    if (type === "LoadBalancer" && service.spec.loadBalancerClass === undefined) {
      const addressed = (service.status?.loadBalancer?.ingress ?? []).length > 0;
      if (!addressed) found.push(waiting("service", service, "has no LoadBalancer address, its events say why"));
    }
    if (type !== "ExternalName" && selector !== undefined && !answered.has(objectKey(service))) {
      const selected = state.pods.filter(
        (pod) => pod.metadata.namespace === service.metadata.namespace && matchesLabels(selector, pod.metadata.labels),
      );
      const reason = selected.length === 0 ? "no pod matches its selector" : "no pod behind it is ready";
      found.push(waiting("service", service, reason));
    }
    return found;
  });
}
