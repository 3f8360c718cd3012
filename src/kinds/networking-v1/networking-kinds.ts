import { resources } from "../../objects/index.ts";
import type { IPAddress, Ingress, IngressClass, ServiceCIDR } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";

/** The kinds of `networking.k8s.io/v1` that something acts on. */
export const networkingKinds: readonly Kind[] = [
  defineKind<Ingress>({ resource: resources.ingresses, actedOn: true, shortNames: ["ing"], subresources: ["status"] }),
  defineKind<IngressClass>({ resource: resources.ingressClasses, actedOn: true, hasGeneration: true }),
  defineKind<ServiceCIDR>({ resource: resources.serviceCIDRs, actedOn: true, subresources: ["status"] }),
  defineKind<IPAddress>({
    resource: resources.ipAddresses,
    actedOn: true,
    nameRule: "ip",
    shortNames: ["ip"],
    hasGeneration: true,
  }),
];
