import type { Ingress, IngressClass } from "./ingress.ts";

/** `spec.controller` of the IngressClasses whose Ingresses the built-in router serves. */
export const ingressController = "sealane.dev/ingress";
/** The name of the class that the lab creates. */
export const ingressClassName = "sealane";

/** Marks the class of Ingresses that name none, with the value "true". */
export const defaultIngressClassAnnotation = "ingressclass.kubernetes.io/is-default-class";
/** How Ingresses named their class before the field existed. */
export const ingressClassAnnotation = "kubernetes.io/ingress.class";

/**
 * Whether the Ingress is ours to serve: its class names our controller. An Ingress without a class belongs to the default
 * class. Without a default nobody serves it.
 */
export function servesIngress(ingress: Ingress, classes: readonly IngressClass[]): boolean {
  const named = ingress.spec.ingressClassName;
  if (named !== undefined) return isOurs(classes.find(({ metadata }) => metadata.name === named));
  const legacy = ingress.metadata.annotations?.[ingressClassAnnotation];
  if (legacy !== undefined) {
    const known = classes.find(({ metadata }) => metadata.name === legacy);
    // The annotation is older than the IngressClass object, and needs none.
    return known === undefined ? legacy === ingressClassName : isOurs(known);
  }
  return isOurs(defaultIngressClass(classes));
}

function isOurs(ingressClass: IngressClass | undefined): boolean {
  return ingressClass?.spec?.controller === ingressController;
}

/** The class of Ingresses that name none: of several the newest, of those made together the first by name. */
export function defaultIngressClass(classes: readonly IngressClass[]): IngressClass | undefined {
  const defaults = classes.filter(({ metadata }) => metadata.annotations?.[defaultIngressClassAnnotation] === "true");
  return defaults.sort((a, b) => {
    const timeA = a.metadata.creationTimestamp ?? "";
    const timeB = b.metadata.creationTimestamp ?? "";
    if (timeA !== timeB) return timeA < timeB ? 1 : -1;
    return a.metadata.name < b.metadata.name ? -1 : 1;
  })[0];
}
