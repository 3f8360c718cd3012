import type { Ingress, IngressClass } from "../../objects/index.ts";
import type { KindRules } from "./kind-rules.ts";

const defaultAnnotation = "ingressclass.kubernetes.io/is-default-class";
/** How Ingresses chose a class before the field existed. */
const classAnnotation = "kubernetes.io/ingress.class";

/** An Ingress without a class gets the default one: the newest of several, the first by name of those made together. */
export const ingressRules: KindRules = {
  onCreate: (object, { store }) => {
    const ingress = object as Ingress;
    const chosen = ingress.spec?.ingressClassName ?? ingress.metadata.annotations?.[classAnnotation];
    if (chosen !== undefined) return { object, sideWrites: [] };
    const classes = store.list("ingressclasses.networking.k8s.io").items as readonly IngressClass[];
    const [first] = classes
      .filter(({ metadata }) => metadata.annotations?.[defaultAnnotation] === "true")
      .sort(
        (a, b) =>
          compare(b.metadata.creationTimestamp, a.metadata.creationTimestamp) ||
          compare(a.metadata.name, b.metadata.name),
      );
    if (first === undefined) return { object, sideWrites: [] };
    const defaulted: Ingress = { ...ingress, spec: { ...ingress.spec, ingressClassName: first.metadata.name } };
    return { object: defaulted, sideWrites: [] };
  },
};

function compare(a = "", b = ""): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
