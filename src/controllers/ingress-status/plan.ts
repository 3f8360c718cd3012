import { servesIngress } from "../../objects/index.ts";
import type { Ingress, IngressClass, LoadBalancerIngress, Service } from "../../objects/index.ts";

/** The addresses that an Ingress of our class shall show; undefined when the Ingress is not ours. */
export function planIngressStatus(
  ingress: Ingress,
  classes: readonly IngressClass[],
  service: Service | undefined,
): readonly LoadBalancerIngress[] | undefined {
  if (!servesIngress(ingress, classes)) return undefined;
  // An Ingress has no ipMode.
  return (service?.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ({
    ...(ip === undefined ? {} : { ip }),
    ...(hostname === undefined ? {} : { hostname }),
  }));
}
