import type { Kind } from "../kind.ts";
import { ingressClassKind } from "./ingress-class.ts";
import { ingressKind } from "./ingress.ts";
import { ipAddressKind, serviceCidrKind } from "./service-cidr.ts";

/** The kinds of `networking.k8s.io/v1` that something acts on. */
export const networkingKinds: readonly Kind[] = [ingressKind, ingressClassKind, serviceCidrKind, ipAddressKind];
