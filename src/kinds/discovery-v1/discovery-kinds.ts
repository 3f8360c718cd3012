import { resources } from "../../objects/index.ts";
import type { EndpointSlice } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";

/** The kinds of `discovery.k8s.io/v1`. */
export const discoveryKinds: readonly Kind[] = [
  defineKind<EndpointSlice>({
    resource: resources.endpointSlices,
    actedOn: true,
    hasGeneration: true,
    createOnUpdate: false,
  }),
];
