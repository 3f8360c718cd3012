import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "./apps-v1/workloads.ts";
import type { Lease } from "./coordination-v1/lease.ts";
import type { Endpoints } from "./core-v1/endpoints.ts";
import type { Event } from "./core-v1/event.ts";
import type { ConfigMap, Namespace, ServiceAccount } from "./core-v1/namespace.ts";
import type { Node } from "./core-v1/node.ts";
import type { Pod } from "./core-v1/pod.ts";
import type { ReplicationController } from "./core-v1/replication-controller.ts";
import type { Service } from "./core-v1/service.ts";
import type { EndpointSlice } from "./discovery-v1/endpoint-slice.ts";
import type { AnyObject, KubeObject } from "./meta.ts";
import type { Ingress, IngressClass } from "./networking-v1/ingress.ts";
import type { IPAddress, ServiceCIDR } from "./networking-v1/service-cidr.ts";

declare const objectType: unique symbol;

/** The name of a kind as the API serves it. `T` is the type of its objects. */
export interface Resource<T extends KubeObject = AnyObject> {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, as in URLs. */
  readonly plural: string;
  readonly namespaced: boolean;
  readonly [objectType]?: T;
}

function namespaced<T extends KubeObject>(group: string, kind: string, plural: string): Resource<T> {
  return { group, version: "v1", kind, plural, namespaced: true };
}

function clusterWide<T extends KubeObject>(group: string, kind: string, plural: string): Resource<T> {
  return { group, version: "v1", kind, plural, namespaced: false };
}

/** The kinds that something in this program acts on. */
export const resources = {
  namespaces: clusterWide<Namespace>("", "Namespace", "namespaces"),
  nodes: clusterWide<Node>("", "Node", "nodes"),
  pods: namespaced<Pod>("", "Pod", "pods"),
  services: namespaced<Service>("", "Service", "services"),
  endpoints: namespaced<Endpoints>("", "Endpoints", "endpoints"),
  replicationControllers: namespaced<ReplicationController>("", "ReplicationController", "replicationcontrollers"),
  configMaps: namespaced<ConfigMap>("", "ConfigMap", "configmaps"),
  secrets: namespaced<AnyObject>("", "Secret", "secrets"),
  serviceAccounts: namespaced<ServiceAccount>("", "ServiceAccount", "serviceaccounts"),
  events: namespaced<Event>("", "Event", "events"),
  deployments: namespaced<Deployment>("apps", "Deployment", "deployments"),
  replicaSets: namespaced<ReplicaSet>("apps", "ReplicaSet", "replicasets"),
  statefulSets: namespaced<StatefulSet>("apps", "StatefulSet", "statefulsets"),
  daemonSets: namespaced<DaemonSet>("apps", "DaemonSet", "daemonsets"),
  controllerRevisions: namespaced<ControllerRevision>("apps", "ControllerRevision", "controllerrevisions"),
  endpointSlices: namespaced<EndpointSlice>("discovery.k8s.io", "EndpointSlice", "endpointslices"),
  ingresses: namespaced<Ingress>("networking.k8s.io", "Ingress", "ingresses"),
  ingressClasses: clusterWide<IngressClass>("networking.k8s.io", "IngressClass", "ingressclasses"),
  serviceCIDRs: clusterWide<ServiceCIDR>("networking.k8s.io", "ServiceCIDR", "servicecidrs"),
  ipAddresses: clusterWide<IPAddress>("networking.k8s.io", "IPAddress", "ipaddresses"),
  leases: namespaced<Lease>("coordination.k8s.io", "Lease", "leases"),
} as const;

/** `apiVersion` as objects carry it: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Pick<Resource, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}
