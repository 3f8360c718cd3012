import { cidrAddress, cidrFamily } from "../core/index.ts";
import type { Cidr } from "../core/index.ts";
import { managedByLabel, resources, serviceNameLabel } from "../objects/index.ts";
import type {
  AnyObject,
  EndpointSlice,
  Endpoints,
  KubeObject,
  Resource,
  Service,
  ServiceCIDR,
} from "../objects/index.ts";
import { findKind } from "../kinds/index.ts";
import type { Kind } from "../kinds/index.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";

/** Where pods reach the API server. */
export interface ApiEndpoint {
  readonly address: string;
  readonly port: number;
}

/** What is there before anybody asks for it. */
export interface BootstrapOptions {
  /** The network of Service addresses, or one for each family, the primary one first. */
  readonly serviceCidrs: readonly Cidr[];
  /** What stands behind `kubernetes.default`; without one the Service has no endpoints. */
  readonly endpoint?: ApiEndpoint;
}

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"] as const;

/** Creates the objects that every cluster has, as far as they are missing. */
export function bootstrap(pipeline: Pipeline, { serviceCidrs, endpoint }: BootstrapOptions): void {
  for (const name of namespaces) ensure(pipeline, resources.namespaces, namespace(name));
  ensure(pipeline, resources.serviceCIDRs, serviceCidr(serviceCidrs));
  const [primary] = serviceCidrs;
  if (primary === undefined) return;
  ensure(pipeline, resources.services, kubernetesService(primary, endpoint?.port ?? 6443));
  if (endpoint === undefined) return;
  replace(pipeline, resources.endpoints, kubernetesEndpoints(endpoint));
  replace(pipeline, resources.endpointSlices, kubernetesSlice(endpoint));
}

function ensure<T extends KubeObject>(pipeline: Pipeline, resource: Resource<T>, object: T): void {
  const { namespace, name } = object.metadata;
  const kind = kindOf(resource);
  if (pipeline.find(kind, namespace, name) === undefined) pipeline.create(kind, namespace, object);
}

function replace<T extends KubeObject>(pipeline: Pipeline, resource: Resource<T>, object: T): void {
  const { namespace, name } = object.metadata;
  const kind = kindOf(resource);
  // Not left to the update: of EndpointSlices it makes none that are missing.
  if (pipeline.find(kind, namespace, name) === undefined) pipeline.create(kind, namespace, object);
  else pipeline.update(kind, namespace, name, object, undefined);
}

function kindOf({ group, version, plural }: Resource<KubeObject>): Kind {
  const kind = findKind(group, version, plural);
  if (kind === undefined) throw new TypeError(`The kinds have no ${plural}`);
  return kind;
}

function namespace(name: string): AnyObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function serviceCidr(cidrs: readonly string[]): ServiceCIDR {
  return { apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata: { name: "kubernetes" }, spec: { cidrs } };
}

function kubernetesService(network: Cidr, port: number): Service {
  const address = cidrAddress(network, 1);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { component: "apiserver", provider: "kubernetes" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: address,
      clusterIPs: [address],
      ipFamilies: [cidrFamily(network)],
      ipFamilyPolicy: "SingleStack",
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
    },
  };
}

function kubernetesEndpoints({ address, port }: ApiEndpoint): Endpoints {
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { "endpointslice.kubernetes.io/skip-mirror": "true" },
    },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: "https", port, protocol: "TCP" }] }],
  };
}

function kubernetesSlice({ address, port }: ApiEndpoint): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { [serviceNameLabel]: "kubernetes", [managedByLabel]: "kube-apiserver" },
    },
    addressType: address.includes(":") ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}
