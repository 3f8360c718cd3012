import { controllerOf, resources, serviceNameLabel } from "../objects/index.ts";
import type { Cache, EndpointSlice, Indexers, KubeObject, Pod, Resource } from "../objects/index.ts";

/** A cache that the controllers want: of which kind, and by what its objects are found. */
export interface CacheSpec<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly indexers: Indexers<T>;
}

/** The value under which objects without a controller are filed in index `owner`. */
export function orphansOf(namespace: string | undefined): string {
  return `orphans/${namespace ?? ""}`;
}

/** The value under which a pod with this label is filed in index `label`. */
export function labelValue(namespace: string | undefined, key: string, value: string): string {
  return `${namespace ?? ""}/${key}=${value}`;
}

/** Index `owner`: uids of all owners, and the namespace's orphans when none of them controls the object. */
function ownersOf(object: KubeObject): readonly string[] {
  const owners = (object.metadata.ownerReferences ?? []).map(({ uid }) => uid);
  return controllerOf(object) === undefined ? [...owners, orphansOf(object.metadata.namespace)] : owners;
}

function labelsOf(pod: Pod): readonly string[] {
  return Object.entries(pod.metadata.labels ?? {}).map(([k, v]) => labelValue(pod.metadata.namespace, k, v));
}

function nodeOf(pod: Pod): readonly string[] {
  return [pod.spec.nodeName ?? ""];
}

function serviceOf(slice: EndpointSlice): readonly string[] {
  const service = slice.metadata.labels?.[serviceNameLabel];
  return service === undefined ? [] : [`${slice.metadata.namespace ?? ""}/${service}`];
}

function spec<T extends KubeObject>(resource: Resource<T>, indexers: Indexers<T> = {}): CacheSpec<T> {
  return { resource, indexers: { ...indexers, owner: ownersOf } };
}

/**
 * The caches that `startControllers` uses. Index `owner` is on all of them; pods also have `label` (see `labelValue`)
 * and `node` (empty for pods without one), slices have `service` (`namespace/name`).
 */
export const controllerCacheSpecs = {
  namespaces: spec(resources.namespaces),
  nodes: spec(resources.nodes),
  pods: spec(resources.pods, { label: labelsOf, node: nodeOf }),
  services: spec(resources.services),
  endpoints: spec(resources.endpoints),
  replicationControllers: spec(resources.replicationControllers),
  configMaps: spec(resources.configMaps),
  secrets: spec(resources.secrets),
  serviceAccounts: spec(resources.serviceAccounts),
  deployments: spec(resources.deployments),
  replicaSets: spec(resources.replicaSets),
  statefulSets: spec(resources.statefulSets),
  daemonSets: spec(resources.daemonSets),
  controllerRevisions: spec(resources.controllerRevisions),
  endpointSlices: spec(resources.endpointSlices, { service: serviceOf }),
  ingresses: spec(resources.ingresses),
  ingressClasses: spec(resources.ingressClasses),
  leases: spec(resources.leases),
} as const;

type Specs = typeof controllerCacheSpecs;
type ObjectOf<S> = S extends CacheSpec<infer T> ? T : never;

/** One cache for each of `controllerCacheSpecs`. */
export type ControllerCaches = { readonly [K in keyof Specs]: Cache<ObjectOf<Specs[K]>> };

/** Makes all caches with `make`, which a composition root builds from `createCache` of the client layer. */
export function makeControllerCaches(make: <T extends KubeObject>(spec: CacheSpec<T>) => Cache<T>): ControllerCaches {
  const specs = controllerCacheSpecs;
  return {
    namespaces: make(specs.namespaces),
    nodes: make(specs.nodes),
    pods: make(specs.pods),
    services: make(specs.services),
    endpoints: make(specs.endpoints),
    replicationControllers: make(specs.replicationControllers),
    configMaps: make(specs.configMaps),
    secrets: make(specs.secrets),
    serviceAccounts: make(specs.serviceAccounts),
    deployments: make(specs.deployments),
    replicaSets: make(specs.replicaSets),
    statefulSets: make(specs.statefulSets),
    daemonSets: make(specs.daemonSets),
    controllerRevisions: make(specs.controllerRevisions),
    endpointSlices: make(specs.endpointSlices),
    ingresses: make(specs.ingresses),
    ingressClasses: make(specs.ingressClasses),
    leases: make(specs.leases),
  };
}
