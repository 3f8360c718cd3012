import type { IpFamily, Protocol } from "../../core/index.ts";
import type { Indexers } from "../cluster-api.ts";
import type { ObjectReference } from "../core-v1/event.ts";
import { keyOf } from "../meta.ts";
import type { KubeObject } from "../meta.ts";

/** `discovery/v1.EndpointPort`. A port of null means all ports and is ignored by proxies. */
export interface EndpointPort {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: Protocol;
  readonly appProtocol?: string;
}

/** `discovery/v1.Endpoint`. Absent conditions: ready and serving count as true, terminating as false. */
export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly targetRef?: ObjectReference;
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[];
    readonly forNodes?: readonly { readonly name: string }[];
  };
}

/** `discovery/v1.EndpointSlice`. */
export interface EndpointSlice extends KubeObject {
  readonly addressType: IpFamily | "FQDN";
  readonly endpoints: readonly Endpoint[];
  readonly ports?: readonly EndpointPort[];
}

export const serviceNameLabel = "kubernetes.io/service-name";
export const managedByLabel = "endpointslice.kubernetes.io/managed-by";

/** `namespace/name` of the Service that the slice belongs to; `undefined` when it names none. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[serviceNameLabel];
  return name === undefined || name === "" ? undefined : keyOf(slice.metadata.namespace, name);
}

/** The index of caches of EndpointSlices: `cache.indexed("service", "namespace/name")` are the slices of a Service. */
export const endpointSliceIndexers: Indexers<EndpointSlice> = {
  service: (slice) => {
    const key = serviceKeyOf(slice);
    return key === undefined ? [] : [key];
  },
};
