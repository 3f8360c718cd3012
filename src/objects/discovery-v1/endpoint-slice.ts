import type { IpFamily, Protocol } from "../../core/index.ts";
import type { ObjectReference } from "../core-v1/event.ts";
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
