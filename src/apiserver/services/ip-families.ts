import { ipFamily, parseIp } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { invalid as invalidField } from "../../kinds/index.ts";
import type { FieldError } from "../../kinds/index.ts";
import type { Service, ServiceSpec } from "../../objects/index.ts";

/** A Service with its families decided, or why they cannot be. */
export type FamilyDecision =
  | { readonly kind: "decided"; readonly service: Service }
  | { readonly kind: "refused"; readonly errors: readonly FieldError[] };

/**
 * Decides `ipFamilyPolicy` and `ipFamilies` (KEP-563). `cluster` is what the cluster has, the primary family first.
 * `clusterIPs` are already normalised; an ExternalName Service has no families.
 */
export function decideFamilies(
  service: Service,
  old: Service | undefined,
  cluster: readonly IpFamily[],
): FamilyDecision {
  if (service.spec.type === "ExternalName") return { kind: "decided", service };
  const before = old?.spec.type === "ExternalName" ? undefined : old?.spec;
  const { clusterIPs = [], ipFamilies = [] } = service.spec;
  const selectorless = Object.keys(service.spec.selector ?? {}).length === 0;
  const anyFamily = clusterIPs[0] === "None" && selectorless;
  const policy =
    service.spec.ipFamilyPolicy ?? before?.ipFamilyPolicy ?? (anyFamily ? "RequireDualStack" : "SingleStack");

  if (before !== undefined && policy === "SingleStack" && releasesSecondary(service.spec, before)) {
    return { kind: "decided", service: withFamilies(service, policy, ipFamilies.slice(0, 1), clusterIPs.slice(0, 1)) };
  }
  const several = severalWithoutPolicy(service, policy, before);
  if (several !== undefined) return { kind: "refused", errors: [several] };
  if (policy === "RequireDualStack" && cluster.length < 2 && !anyFamily) {
    const detail = "this cluster is not configured for dual-stack services";
    return { kind: "refused", errors: [invalidField("spec.ipFamilyPolicy", policy, detail)] };
  }
  const derived = ipFamilies.length > 0 ? ipFamilies : familiesOf(clusterIPs);
  const chosen = derived.length > 0 ? derived : cluster.slice(0, 1);
  const errors = anyFamily ? [] : unconfigured(chosen, ipFamilies.length > 0, clusterIPs, cluster);
  if (errors.length > 0) return { kind: "refused", errors };

  const mayGrow = before === undefined || !sameLists(service.spec, before) || before.ipFamilyPolicy !== policy;
  const grows = policy !== "SingleStack" && chosen.length === 1 && mayGrow && (cluster.length > 1 || anyFamily);
  const other: IpFamily = chosen[0] === "IPv6" ? "IPv4" : "IPv6";
  return { kind: "decided", service: withFamilies(service, policy, grows ? [...chosen, other] : chosen, clusterIPs) };
}

function withFamilies(
  service: Service,
  ipFamilyPolicy: NonNullable<ServiceSpec["ipFamilyPolicy"]>,
  ipFamilies: readonly IpFamily[],
  clusterIPs: readonly string[],
): Service {
  const addresses = clusterIPs.length === 0 ? {} : { clusterIPs };
  return { ...service, spec: { ...service.spec, ...addresses, ipFamilies, ipFamilyPolicy } };
}

/** Two unchanged families under a policy that was changed to SingleStack: the second one is given back. */
function releasesSecondary(spec: ServiceSpec, before: ServiceSpec): boolean {
  return before.ipFamilyPolicy !== "SingleStack" && (spec.ipFamilies ?? []).length === 2 && sameLists(spec, before);
}

function sameLists(spec: ServiceSpec, before: ServiceSpec): boolean {
  const text = ({ clusterIPs = [], ipFamilies = [] }: ServiceSpec) => `${clusterIPs.join()} ${ipFamilies.join()}`;
  return text(spec) === text(before);
}

function severalWithoutPolicy(
  { spec }: Service,
  policy: NonNullable<ServiceSpec["ipFamilyPolicy"]>,
  before: ServiceSpec | undefined,
): FieldError | undefined {
  if (policy !== "SingleStack") return undefined;
  const releasing = (before?.ipFamilies ?? []).length === 2;
  const addresses = (spec.clusterIPs ?? []).length > 1;
  if (!addresses && (spec.ipFamilies ?? []).length < 2) return undefined;
  const detail = releasing
    ? `must be 'SingleStack' to release the secondary ${addresses ? "cluster IP" : "IP family"}`
    : `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${addresses ? "cluster IPs" : "IP families"} are specified`;
  return invalidField("spec.ipFamilyPolicy", policy, detail);
}

function familiesOf(clusterIPs: readonly string[]): readonly IpFamily[] {
  return clusterIPs
    .map((text) => parseIp(text))
    .flatMap((address) => (address === undefined ? [] : [ipFamily(address)]));
}

function unconfigured(
  families: readonly IpFamily[],
  named: boolean,
  clusterIPs: readonly string[],
  cluster: readonly IpFamily[],
): readonly FieldError[] {
  return families.flatMap((family, i) => {
    if (cluster.includes(family)) return [];
    if (named) return [invalidField(`spec.ipFamilies[${i}]`, family, "not configured on this cluster")];
    return [invalidField(`spec.clusterIPs[${i}]`, clusterIPs, `${family} is not configured on this cluster`)];
  });
}
