import type { Protocol } from "../../core/index.ts";
import type { KubeObject } from "../meta.ts";
import type { ObjectReference } from "./event.ts";

export interface EndpointAddress {
  readonly ip: string;
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly targetRef?: ObjectReference;
}

export interface EndpointSubset {
  readonly addresses?: readonly EndpointAddress[];
  readonly notReadyAddresses?: readonly EndpointAddress[];
  readonly ports?: readonly {
    readonly name?: string;
    readonly port: number;
    readonly protocol?: Protocol;
    readonly appProtocol?: string;
  }[];
}

/** `v1.Endpoints` (deprecated upstream since 1.33; still written for old clients). */
export interface Endpoints extends KubeObject {
  readonly subsets?: readonly EndpointSubset[];
}
