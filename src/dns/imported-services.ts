import { parseIp } from "../core/index.ts";
import { importNameLabel, serviceNameLabel, sourceClusterLabel } from "../objects/index.ts";
import type { Cache, Endpoint, EndpointSlice, KubeObject, Service, ServiceImport } from "../objects/index.ts";
import { dashedAddress } from "./address-bytes.ts";
import { asLabel } from "./service-facts.ts";
import type { EndpointNames } from "./service-facts.ts";

/** What other clusters export to this one (Multi-Cluster Services API). */
export interface ImportedCaches {
  readonly serviceImports: Cache<ServiceImport>;
  /** Those with the label `multicluster.kubernetes.io/service-name`. */
  readonly endpointSlices: Cache<EndpointSlice>;
}

/** A ServiceImport as a Service: names are made of both in the same way. */
export function serviceOfImport({ metadata, spec }: ServiceImport): Service {
  const [ips, ports] = [spec?.ips ?? [], spec?.ports ?? []];
  const [clusterIP] = ips;
  const address =
    spec?.type === "Headless" ? { clusterIP: "None" } : clusterIP === undefined ? {} : { clusterIP, clusterIPs: ips };
  return { apiVersion: "v1", kind: "Service", metadata, spec: { ...address, ports } };
}

/**
 * An EndpointSlice of a ServiceImport as one of a Service. Its endpoints' hostnames are two labels, `HOST.CLUSTER`, where it says its
 * cluster; where it does not, they are as in the cluster itself.
 */
export function sliceOfImport(slice: EndpointSlice, names: EndpointNames): EndpointSlice {
  const { metadata } = slice;
  const cluster = asLabel(metadata.labels?.[sourceClusterLabel]);
  const owner = metadata.labels?.[importNameLabel];
  const { [serviceNameLabel]: _, ...others } = metadata.labels ?? {};
  const labels = owner === undefined ? others : { ...others, [serviceNameLabel]: owner };
  const endpoints = (slice.endpoints ?? []).flatMap((endpoint) => hostsOf(endpoint, names, cluster));
  return { ...slice, metadata: { ...metadata, labels }, endpoints };
}

/** One for each address: without a hostname, that is its name. */
function hostsOf(endpoint: Endpoint, names: EndpointNames, cluster: string | undefined): readonly Endpoint[] {
  const own = asLabel(endpoint.hostname) ?? (names === "pod" ? asLabel(endpoint.targetRef?.name) : undefined);
  return endpoint.addresses.map((text) => {
    const address = parseIp(text);
    const host = own ?? (address === undefined ? text : dashedAddress(address));
    return { ...endpoint, addresses: [text], hostname: cluster === undefined ? host : `${host}.${cluster}` };
  });
}

/** The same objects for whoever looks them up one by one. */
export function importedObjects({ serviceImports, endpointSlices }: ImportedCaches, names: EndpointNames) {
  const slice = (one: EndpointSlice) => sliceOfImport(one, names);
  return { services: seenAs(serviceImports, serviceOfImport), endpointSlices: seenAs(endpointSlices, slice) };
}

function seenAs<From extends KubeObject, To extends KubeObject>(
  cache: Cache<From>,
  convert: (object: From) => To,
): Pick<Cache<To>, "get" | "list"> {
  return {
    get: (namespace, name) => {
      const found = cache.get(namespace, name);
      return found === undefined ? undefined : convert(found);
    },
    list: (namespace) => cache.list(namespace).map(convert),
  };
}
