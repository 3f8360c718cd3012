import { parseIp } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { Ingress, IngressBackend, IngressPath } from "../../objects/index.ts";
import { validateLoadBalancerIngress } from "../core-v1/load-balancer-status.ts";
import { defineKind } from "../define-kind.ts";
import { textOf } from "../fields.ts";
import type { Cell, Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, orNone } from "../printing/column.ts";
import { invalid, notSupported, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import {
  dnsLabelProblems,
  dnsSubdomainProblems,
  portNameProblems,
  portNumberProblems,
  wildcardSubdomainProblems,
} from "../validation/names.ts";
import { nonEmpty, problemsAt } from "../validation/values.ts";

const classAnnotation = "kubernetes.io/ingress.class";

/** `networking.k8s.io/v1.Ingress`. */
export const ingressKind: Kind = defineKind<Ingress>({
  resource: resources.ingresses,
  actedOn: true,
  shortNames: ["ing"],
  subresources: ["status"],
  columns: [
    nameColumn,
    column("Class", "The class of the controller that carries the Ingress."),
    column("Hosts", "Hosts that the rules name."),
    column("Address", "Addresses of the load balancer in front."),
    column("Ports", "Ports of the TLS configurations that are open."),
    ageColumn,
  ],
  row,
  prepareForCreate: (ingress) => ({ ...ingress, status: { loadBalancer: {} } }),
  validate: (ingress) => [...classErrors(ingress), ...validateSpec(ingress)],
  validateUpdate: validateSpec,
  validateStatus: (ingress) => validateLoadBalancerIngress(ingress.status?.loadBalancer?.ingress ?? [], false),
  warnings: ({ metadata }, old) =>
    metadata.annotations?.[classAnnotation] === undefined || old !== undefined
      ? []
      : [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`],
});

function row(ingress: Ingress, nowMs: number): readonly Cell[] {
  const { spec, status } = ingress;
  const hosts = (spec.rules ?? []).map(({ host }) => host ?? "").filter((host) => host !== "");
  const more = hosts.length > 3 ? ` + ${hosts.length - 3} more...` : "";
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
  return [
    ingress.metadata.name,
    orNone(spec.ingressClassName ?? ""),
    hosts.length === 0 ? "*" : `${hosts.slice(0, 3).join(",")}${more}`,
    addresses.filter((address) => address !== "").join(","),
    (spec.tls ?? []).length > 0 ? "80, 443" : "80",
    ageCell(ingress, nowMs),
  ];
}

function classErrors({ metadata, spec }: Ingress): readonly FieldError[] {
  const annotation = metadata.annotations?.[classAnnotation];
  const className = spec?.ingressClassName;
  if (annotation === undefined || className === undefined || annotation === className) return [];
  const detail = "must match `ingressClassName` when both are specified";
  return [invalid(`metadata.annotations.${classAnnotation}`, annotation, detail)];
}

function validateSpec(ingress: Ingress): readonly FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = ingress.spec ?? {};
  const errors: FieldError[] = [];
  if (rules.length === 0 && defaultBackend === undefined) {
    errors.push(invalid("spec", ingress.spec ?? {}, "either `defaultBackend` or `rules` must be specified"));
  }
  if (defaultBackend !== undefined) errors.push(...backendErrors(defaultBackend, "spec.defaultBackend"));
  for (const [i, rule] of rules.entries()) {
    const field = `spec.rules[${i}]`;
    errors.push(...hostErrors(rule.host ?? "", `${field}.host`));
    if (rule.http === undefined) continue;
    const paths = rule.http.paths ?? [];
    if (paths.length === 0) errors.push(required(`${field}.http.paths`));
    errors.push(...paths.flatMap((path, j) => pathErrors(path, `${field}.http.paths[${j}]`)));
  }
  for (const [i, { hosts = [], secretName = "" }] of tls.entries()) {
    for (const [j, host] of hosts.entries()) {
      const problems = host.includes("*") ? wildcardSubdomainProblems(host) : dnsSubdomainProblems(host);
      errors.push(...problemsAt(`spec.tls[${i}].hosts[${j}]`, host, problems));
    }
    if (secretName !== "")
      errors.push(...problemsAt(`spec.tls[${i}].secretName`, secretName, dnsSubdomainProblems(secretName)));
  }
  if (ingressClassName !== undefined) {
    errors.push(...problemsAt("spec.ingressClassName", ingressClassName, dnsSubdomainProblems(ingressClassName)));
  }
  return errors;
}

function hostErrors(host: string, field: string): readonly FieldError[] {
  if (host === "") return [];
  if (parseIp(host) !== undefined) return [invalid(field, host, "must be a DNS name, not an IP address")];
  return problemsAt(field, host, host.includes("*") ? wildcardSubdomainProblems(host) : dnsSubdomainProblems(host));
}

function pathErrors(path: IngressPath, field: string): readonly FieldError[] {
  const { pathType, path: text = "", backend } = path;
  const errors: FieldError[] = [];
  const supported = ["Exact", "ImplementationSpecific", "Prefix"];
  if (pathType === undefined) errors.push(required(`${field}.pathType`, "pathType must be specified"));
  else if (!supported.includes(pathType)) errors.push(notSupported(`${field}.pathType`, pathType, supported));
  else if (pathType === "ImplementationSpecific") {
    if (text !== "" && !text.startsWith("/")) errors.push(invalid(`${field}.path`, text, "must be an absolute path"));
  } else {
    if (!text.startsWith("/")) errors.push(invalid(`${field}.path`, text, "must be an absolute path"));
    for (const part of ["//", "/./", "/../", "%2f", "%2F"]) {
      if (text.includes(part)) errors.push(invalid(`${field}.path`, text, `must not contain '${part}'`));
    }
    for (const end of ["/..", "/."]) {
      if (text.endsWith(end)) errors.push(invalid(`${field}.path`, text, `cannot end with '${end}'`));
    }
  }
  return [...errors, ...backendErrors(backend ?? {}, `${field}.backend`)];
}

interface BackendPort {
  readonly name?: string;
  readonly number?: number;
}

function backendErrors({ service, resource }: IngressBackend, field: string): readonly FieldError[] {
  if (service !== undefined && resource !== undefined) {
    return [invalid(field, "", "cannot set both resource and service backends")];
  }
  if (resource !== undefined) {
    return [...nonEmpty(`${field}.resource.kind`, resource.kind), ...nonEmpty(`${field}.resource.name`, resource.name)];
  }
  if (service === undefined) return [required(field, "resource or service backend is required")];
  const name = textOf(service.name);
  const { port = {} } = service;
  const nameErrors =
    name === ""
      ? [required(`${field}.service.name`)]
      : problemsAt(`${field}.service.name`, name, dnsLabelProblems(name));
  return [...nameErrors, ...backendPortErrors(port, `${field}.service.port`)];
}

function backendPortErrors(port: BackendPort, field: string): readonly FieldError[] {
  const { name = "", number = 0 } = port;
  if (name !== "" && number !== 0) return [invalid(field, "", "cannot set both port name & port number")];
  if (name !== "") return problemsAt(`${field}.name`, name, portNameProblems(name));
  if (number === 0) return [required(field, "port name or number is required")];
  return problemsAt(`${field}.number`, number, portNumberProblems(number));
}
