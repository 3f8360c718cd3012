export { ApiError, isAlreadyExists, isConflict, isGone, isNotFound } from "./status.ts";
export type { Status, StatusCause } from "./status.ts";
export type {
  Cache,
  ChangeHandler,
  ClusterApi,
  DeleteOptions,
  EventRecorder,
  Indexers,
  ListOptions,
  ObjectList,
  Patch,
  Watch,
  WatchEvent,
  WatchHandlers,
  WantedFields,
} from "./cluster-api.ts";
export { apiVersionOf, resources } from "./resources.ts";
export type { Resource } from "./resources.ts";
export { controllerOf, formatTime, keyOf, objectKey, splitKey } from "./meta.ts";
export type { AnyObject, Condition, IntOrString, KubeObject, ObjectMeta, OwnerReference, StringMap } from "./meta.ts";
export { matchesLabels, matchesRequirement, matchesSelector } from "./selector.ts";
export type { LabelSelector, LabelSelectorRequirement } from "./selector.ts";
export {
  formatLabelSelector,
  matchesFieldRequirements,
  matchesLabelRequirements,
  parseFieldSelector,
  parseLabelSelector,
} from "./selector-text.ts";
export type { FieldRequirement, LabelRequirement } from "./selector-text.ts";
export { isHeadless } from "./core-v1/service.ts";
export type {
  LoadBalancerIngress,
  LoadBalancerStatus,
  Service,
  ServicePort,
  ServiceSpec,
  ServiceType,
  TrafficPolicy,
} from "./core-v1/service.ts";
export { isPodFinished, isPodReady } from "./core-v1/pod.ts";
export type {
  Container,
  ContainerPort,
  ContainerStatus,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Pod,
  PodPhase,
  PodSpec,
  PodStatus,
  PodTemplate,
  Probe,
  Toleration,
  TopologySpreadConstraint,
} from "./core-v1/pod.ts";
export { hostnameLabel, isNodeReady, nodeAddress, zoneLabel } from "./core-v1/node.ts";
export type { Node, Taint } from "./core-v1/node.ts";
export type { EndpointAddress, Endpoints, EndpointSubset } from "./core-v1/endpoints.ts";
export { referenceTo } from "./core-v1/event.ts";
export type { Event, ObjectReference } from "./core-v1/event.ts";
export type { ConfigMap, Namespace, ServiceAccount } from "./core-v1/namespace.ts";
export type { ReplicationController } from "./core-v1/replication-controller.ts";
export type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "./apps-v1/workloads.ts";
export {
  endpointSliceIndexers,
  managedByLabel,
  serviceKeyOf,
  serviceNameLabel,
} from "./discovery-v1/endpoint-slice.ts";
export type { Endpoint, EndpointPort, EndpointSlice } from "./discovery-v1/endpoint-slice.ts";
export type {
  Ingress,
  IngressBackend,
  IngressClass,
  IngressPath,
  IngressRule,
  PathType,
} from "./networking-v1/ingress.ts";
export type { IPAddress, ServiceCIDR } from "./networking-v1/service-cidr.ts";
export type { Lease } from "./coordination-v1/lease.ts";
export { importNameLabel, serviceImports, sourceClusterLabel } from "./multicluster-v1alpha1/service-import.ts";
export type { ServiceImport } from "./multicluster-v1alpha1/service-import.ts";
export { yamlReading } from "./yaml-reading.ts";
export {
  defaultIngressClass,
  defaultIngressClassAnnotation,
  ingressClassAnnotation,
  ingressClassName,
  ingressController,
  servesIngress,
} from "./networking-v1/ingress-class.ts";
