import { isHeadless } from "../../objects/index.ts";
import type { Service, ServicePort, ServiceSpec } from "../../objects/index.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { cidrProblems, endpointIpProblems } from "../validation/addresses.ts";
import { validateLabels } from "../validation/metadata.ts";
import {
  dnsLabelProblems,
  dnsSubdomainProblems,
  portNumberProblems,
  qualifiedNameProblems,
} from "../validation/names.ts";
import { oneOf, portReference, problemsAt } from "../validation/values.ts";
import { isExternallyReachable, needsHealthCheckNodePort } from "./service-defaults.ts";
import { validateServiceAddresses } from "./service-addresses.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/** What is wrong with a Service whose addresses and ports have been allocated. */
export function validateService(service: Service): readonly FieldError[] {
  const { spec } = service;
  const isExternalName = spec.type === "ExternalName";
  const needsPorts = (spec.ports ?? []).length === 0 && !isHeadless(service) && !isExternalName;
  return [
    ...(needsPorts ? [required("spec.ports")] : []),
    ...typeErrors(service),
    ...portErrors(spec),
    ...validateLabels(spec.selector, "spec.selector"),
    ...affinityErrors(spec),
    ...validateServiceAddresses(spec),
    ...externalIpErrors(spec),
    ...trafficErrors(spec),
    ...loadBalancerErrors(service),
    ...(isExternalName ? externalNameErrors(spec) : []),
  ];
}

function typeErrors(service: Service): readonly FieldError[] {
  const { type = "" } = service.spec;
  const errors = [...oneOf("spec.type", type, types, "required")];
  if (isHeadless(service) && (type === "NodePort" || type === "LoadBalancer")) {
    errors.push(invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${type} services`));
  }
  return errors;
}

function externalNameErrors({ externalName = "" }: ServiceSpec): readonly FieldError[] {
  if (externalName === "") return [required("spec.externalName")];
  return problemsAt("spec.externalName", externalName, dnsSubdomainProblems(externalName.replace(/\.$/, "")));
}

function portErrors({ ports = [], type }: ServiceSpec): readonly FieldError[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  return ports.flatMap((port, i) => {
    const field = `spec.ports[${i}]`;
    const errors = [...singlePortErrors(port, field, ports.length > 1, names)];
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) errors.push(duplicate(field, { port: port.port, protocol: port.protocol }));
    numbers.add(key);
    if (port.nodePort !== undefined) {
      if (type === "ClusterIP" || type === "ExternalName") {
        errors.push(forbidden(`${field}.nodePort`, `may not be used when \`type\` is '${type}'`));
      }
      const nodeKey = `${port.protocol}/${port.nodePort}`;
      if (nodePorts.has(nodeKey)) errors.push(duplicate(`${field}.nodePort`, port.nodePort));
      nodePorts.add(nodeKey);
    }
    return errors;
  });
}

function singlePortErrors(
  port: ServicePort,
  field: string,
  isNameRequired: boolean,
  names: Set<string>,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { name = "" } = port;
  if (name === "") {
    if (isNameRequired) errors.push(required(`${field}.name`));
  } else {
    errors.push(...problemsAt(`${field}.name`, name, dnsLabelProblems(name)));
    if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
  }
  return [
    ...errors,
    ...problemsAt(`${field}.port`, port.port ?? 0, portNumberProblems(port.port ?? 0)),
    ...oneOf(`${field}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"], "required"),
    ...portReference(`${field}.targetPort`, port.targetPort),
    ...(port.appProtocol === undefined
      ? []
      : problemsAt(`${field}.appProtocol`, port.appProtocol, qualifiedNameProblems(port.appProtocol))),
  ];
}

function affinityErrors({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): readonly FieldError[] {
  const errors = [...oneOf("spec.sessionAffinity", sessionAffinity, ["ClientIP", "None"], "required")];
  const field = "spec.sessionAffinityConfig";
  if (sessionAffinity === "None" && sessionAffinityConfig !== undefined) {
    errors.push(forbidden(field, "must not be set when session affinity is None"));
  }
  if (sessionAffinity !== "ClientIP") return errors;
  const timeout = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const path = `${field}.clientIP.timeoutSeconds`;
  if (timeout === undefined) errors.push(required(path, "when session affinity type is ClientIP"));
  else if (timeout <= 0 || timeout > 86_400) {
    errors.push(invalid(path, timeout, "must be greater than 0 and less than 86400"));
  }
  return errors;
}

function externalIpErrors({ externalIPs = [] }: ServiceSpec): readonly FieldError[] {
  return externalIPs.flatMap((address, i) =>
    problemsAt(`spec.externalIPs[${i}]`, address, endpointIpProblems(address)),
  );
}

function trafficErrors(spec: ServiceSpec): readonly FieldError[] {
  const { externalTrafficPolicy, internalTrafficPolicy, healthCheckNodePort, type } = spec;
  const errors: FieldError[] = [];
  const reachable = isExternallyReachable(spec);
  const policies = ["Cluster", "Local"];
  if (externalTrafficPolicy !== undefined && !reachable) {
    const detail = "may only be set for externally-accessible services";
    errors.push(invalid("spec.externalTrafficPolicy", externalTrafficPolicy, detail));
  } else if (reachable) {
    errors.push(...oneOf("spec.externalTrafficPolicy", externalTrafficPolicy, policies, "required"));
  }
  if (type !== "ExternalName" || internalTrafficPolicy !== undefined) {
    errors.push(...oneOf("spec.internalTrafficPolicy", internalTrafficPolicy, policies, "required"));
  }
  if (needsHealthCheckNodePort(spec)) {
    if (healthCheckNodePort === undefined) {
      const detail = "must be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
      errors.push(required("spec.healthCheckNodePort", detail));
    }
  } else if (healthCheckNodePort !== undefined) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalid("spec.healthCheckNodePort", healthCheckNodePort, detail));
  }
  const distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
  if (spec.trafficDistribution !== undefined && !distributions.includes(spec.trafficDistribution)) {
    errors.push(notSupported("spec.trafficDistribution", spec.trafficDistribution, distributions));
  }
  return errors;
}

const sourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";

function loadBalancerErrors(service: Service): readonly FieldError[] {
  const { spec, metadata } = service;
  const isLoadBalancer = spec.type === "LoadBalancer";
  const errors: FieldError[] = [];
  const only = "may only be used when `type` is 'LoadBalancer'";
  const annotation = metadata.annotations?.[sourceRangesAnnotation];
  // The spelling of this path is upstream's.
  const path = "spec.LoadBalancerSourceRanges";
  if (spec.loadBalancerSourceRanges !== undefined) {
    if (!isLoadBalancer) errors.push(forbidden(path, only));
    for (const [i, range] of spec.loadBalancerSourceRanges.entries()) {
      errors.push(...problemsAt(`${path}[${i}]`, range, cidrProblems(range.trim())));
    }
  } else if (annotation !== undefined) {
    const annotationPath = `metadata.annotations[${sourceRangesAnnotation}]`;
    if (!isLoadBalancer) errors.push(forbidden(annotationPath, only));
    for (const range of annotation.trim() === "" ? [] : annotation.split(",")) {
      errors.push(...problemsAt(annotationPath, annotation, cidrProblems(range.trim())));
    }
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isLoadBalancer) {
    errors.push(forbidden("spec.allocateLoadBalancerNodePorts", only));
  } else if (isLoadBalancer && spec.allocateLoadBalancerNodePorts === undefined) {
    errors.push(required("allocateLoadBalancerNodePorts"));
  }
  if (spec.loadBalancerClass !== undefined) {
    if (!isLoadBalancer) errors.push(forbidden("spec.loadBalancerClass", only));
    else {
      const problems = qualifiedNameProblems(spec.loadBalancerClass);
      errors.push(...problemsAt("spec.loadBalancerClass", spec.loadBalancerClass, problems));
    }
  }
  return errors;
}
