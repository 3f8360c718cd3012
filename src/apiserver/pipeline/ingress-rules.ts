import { defaultIngressClass, ingressClassAnnotation } from "../../objects/index.ts";
import type { Ingress, IngressClass } from "../../objects/index.ts";
import type { KindRules } from "./kind-rules.ts";

/** An Ingress without a class gets the default one: the newest of several, the first by name of those made together. */
export const ingressRules: KindRules = {
  onCreate: (object, { store }) => {
    const ingress = object as Ingress;
    const chosen = ingress.spec?.ingressClassName ?? ingress.metadata.annotations?.[ingressClassAnnotation];
    if (chosen !== undefined) return { object, sideWrites: [] };
    const classes = store.list("ingressclasses.networking.k8s.io").items as readonly IngressClass[];
    const first = defaultIngressClass(classes);
    if (first === undefined) return { object, sideWrites: [] };
    const defaulted: Ingress = { ...ingress, spec: { ...ingress.spec, ingressClassName: first.metadata.name } };
    return { object: defaulted, sideWrites: [] };
  },
};
