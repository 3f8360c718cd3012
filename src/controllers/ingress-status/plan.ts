import type { Ingress, IngressClass, LoadBalancerIngress, Service } from "../../objects/index.ts";

/** The `spec.controller` of IngressClasses whose Ingresses this project serves. */
export const ingressController = "sealane.dev/ingress";
const ownClassName = "sealane";
const defaultClassAnnotation = "ingressclass.kubernetes.io/is-default-class";
const legacyClassAnnotation = "kubernetes.io/ingress.class";

/**
 * Whether the Ingress router serves an Ingress: its class names our controller. The older annotation needs no
 * IngressClass; without a class the newest default class counts, of equals the first by name.
 */
export function isServed(ingress: Ingress, classes: readonly IngressClass[]): boolean {
  const legacy = ingress.metadata.annotations?.[legacyClassAnnotation];
  const name = ingress.spec.ingressClassName ?? legacy;
  const found = name === undefined ? defaultClass(classes) : classes.find(({ metadata }) => metadata.name === name);
  if (found !== undefined) return found.spec?.controller === ingressController;
  return ingress.spec.ingressClassName === undefined && legacy === ownClassName;
}

function defaultClass(classes: readonly IngressClass[]): IngressClass | undefined {
  const defaults = classes.filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === "true");
  return defaults.sort((a, b) => {
    const [atA, atB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
    if (atA !== atB) return atA < atB ? 1 : -1;
    return a.metadata.name < b.metadata.name ? -1 : 1;
  })[0];
}

/** The addresses that an Ingress of our class shall show; undefined when the Ingress is not ours. */
export function planIngressStatus(
  ingress: Ingress,
  classes: readonly IngressClass[],
  service: Service | undefined,
): readonly LoadBalancerIngress[] | undefined {
  if (!isServed(ingress, classes)) return undefined;
  // An Ingress has no ipMode.
  return (service?.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({
    ...(ip === undefined ? {} : { ip }),
    ...(hostname === undefined ? {} : { hostname }),
  }));
}
