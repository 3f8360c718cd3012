import { parseIp } from "../../core/index.ts";
import { isHeadless, resources } from "../../objects/index.ts";
import type { Service } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";
import { forbidden, invalid } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { isCanonicalCidr } from "../validation/addresses.ts";
import { immutable } from "../apps-v1/template.ts";
import { validateLoadBalancerIngress } from "./load-balancer-status.ts";
import { validateServiceAddressesUpdate } from "./service-addresses.ts";
import { defaultService, needsHealthCheckNodePort } from "./service-defaults.ts";
import { serviceColumns, serviceRow } from "./service-row.ts";
import { prepareChangedService, prepareNewService } from "./service-update.ts";
import { validateService } from "./service-validation.ts";

/** `v1.Service`. Addresses and node ports are allocated by the API server between preparing and validating. */
export const serviceKind: Kind = defineKind<Service>({
  resource: resources.services,
  actedOn: true,
  nameRule: "serviceName",
  shortNames: ["svc"],
  categories: ["all"],
  subresources: ["status"],
  hasGeneration: false,
  columns: serviceColumns,
  row: serviceRow,
  selectableFields: ({ spec }) => ({ "spec.clusterIP": spec?.clusterIP ?? "", "spec.type": spec?.type ?? "" }),
  applyDefaults: defaultService,
  prepareForCreate: prepareNewService,
  prepareForUpdate: prepareChangedService,
  validate: (service) => [...annotationErrors(service), ...validateService(service)],
  validateUpdate: (service, old) => [
    ...changeErrors(service, old),
    ...annotationErrors(service),
    ...validateService(service),
  ],
  validateStatus: (service) => {
    const ingress = service.status?.loadBalancer?.ingress ?? [];
    if (ingress.length > 0 && service.spec.type !== "LoadBalancer") {
      const detail = "may only be used when `spec.type` is 'LoadBalancer'";
      return [forbidden("status.loadBalancer.ingress", detail)];
    }
    return validateLoadBalancerIngress(ingress, true);
  },
  warnings,
});

function changeErrors({ spec }: Service, { spec: old }: Service): readonly FieldError[] {
  const errors = [...validateServiceAddressesUpdate(spec, old)];
  if (spec.type === "LoadBalancer" && old.type === "LoadBalancer" && spec.loadBalancerClass !== old.loadBalancerClass) {
    errors.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set"));
  }
  if (needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(old) && old.healthCheckNodePort !== undefined) {
    errors.push(...immutable("spec.healthCheckNodePort", spec.healthCheckNodePort, old.healthCheckNodePort));
  }
  return errors;
}

const topologyMode = "service.kubernetes.io/topology-mode";
const topologyHints = "service.kubernetes.io/topology-aware-hints";

function annotationErrors({ metadata }: Service): readonly FieldError[] {
  const mode = metadata.annotations?.[topologyMode];
  const hints = metadata.annotations?.[topologyHints];
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const field = `metadata.annotations[${topologyMode}]`;
  return [invalid(field, mode, `must match annotations[${topologyHints}] when both are specified`)];
}

function warnings(service: Service, old: Service | undefined): readonly string[] {
  const { spec, metadata } = service;
  const texts: string[] = [];
  const ignored = "this field is ignored when the Service is headless";
  if (metadata.annotations?.[topologyHints] !== undefined) {
    texts.push(`annotation ${topologyHints} is deprecated, please use ${topologyMode} instead`);
  }
  if (isHeadless(service)) {
    if (spec.loadBalancerIP !== undefined) texts.push('spec.loadBalancerIP is ignored when spec.clusterIP is "None"');
    if (spec.externalIPs !== undefined) texts.push('spec.externalIPs is ignored when spec.clusterIP is "None"');
    if (spec.sessionAffinity !== undefined && spec.sessionAffinity !== "None") {
      texts.push(`spec.SessionAffinity is ignored for headless services: ${ignored}`);
    }
  }
  if (spec.externalName !== undefined && spec.type !== "ExternalName") {
    texts.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.externalIPs !== undefined && old?.spec.externalIPs === undefined) {
    texts.push("spec.externalIPs is deprecated in v1.36+ and will be removed in a future release");
  }
  if (spec.trafficDistribution === "PreferClose") {
    texts.push('spec.trafficDistribution: "PreferClose" is deprecated, use "PreferSameZone"');
  }
  for (const name of ["externalIPs", "clusterIPs"] as const) {
    for (const [i, address] of (spec[name] ?? []).entries()) {
      const canonical = parseIp(address);
      if (canonical !== undefined && canonical !== address) {
        texts.push(
          `spec.${name}[${i}]: IPv6 address ${JSON.stringify(address)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`,
        );
      }
    }
  }
  for (const [i, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    if (!isCanonicalCidr(range))
      texts.push(`spec.loadBalancerSourceRanges[${i}]: CIDR value ${JSON.stringify(range)} is not in canonical form`);
  }
  return texts;
}
