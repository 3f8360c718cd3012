import type { Condition, KubeObject } from "../meta.ts";

/** `networking/v1.ServiceCIDR`. */
export interface ServiceCIDR extends KubeObject {
  readonly spec: { readonly cidrs?: readonly string[] };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** `networking/v1.IPAddress`: its name is the canonical address, its spec says which object holds it. */
export interface IPAddress extends KubeObject {
  readonly spec: {
    readonly parentRef: {
      readonly group?: string;
      readonly resource: string;
      readonly namespace?: string;
      readonly name: string;
    };
  };
}
