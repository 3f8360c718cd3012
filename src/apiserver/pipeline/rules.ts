import type { KindRules } from "./kind-rules.ts";
import { ingressRules } from "./ingress-rules.ts";
import { namespaceRules } from "./namespace-rules.ts";
import { podRules } from "./pod-rules.ts";
import { serviceCidrRules } from "./service-cidr-rules.ts";
import { serviceRules } from "./service-rules.ts";

const noRules: KindRules = {};
const returned: KindRules = { returnsDeleted: true };

const rules: ReadonlyMap<string, KindRules> = new Map([
  ["namespaces", namespaceRules],
  ["ingresses.networking.k8s.io", ingressRules],
  ["pods", podRules],
  ["services", serviceRules],
  ["servicecidrs.networking.k8s.io", serviceCidrRules],
  // Upstream answers the deletion of these kinds with the object.
  ["serviceaccounts", returned],
  ["persistentvolumes", returned],
  ["persistentvolumeclaims", returned],
  ["podtemplates", returned],
  ["resourcequotas", returned],
]);

/** The rules of the kind in this table. */
export function rulesOf(table: string): KindRules {
  return rules.get(table) ?? noRules;
}
