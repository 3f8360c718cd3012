import { cidrFamily, cidrPrefix, parseCidr } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { IPAddress, ServiceCIDR } from "../../objects/index.ts";
import { immutable } from "../apps-v1/template.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn } from "../printing/column.ts";
import { invalid, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { cidrProblems, isCanonicalCidr } from "../validation/addresses.ts";
import { nonEmpty, problemsAt } from "../validation/values.ts";

/** `networking.k8s.io/v1.ServiceCIDR`: a range of Service addresses, one for each family. */
export const serviceCidrKind: Kind = defineKind<ServiceCIDR>({
  resource: resources.serviceCIDRs,
  actedOn: true,
  subresources: ["status"],
  columns: [nameColumn, column("CIDRs", "The ranges of addresses."), ageColumn],
  row: (object, nowMs) => [object.metadata.name, (object.spec?.cidrs ?? []).join(","), ageCell(object, nowMs)],
  validate,
  validateUpdate: (object, old) => {
    const now = object.spec?.cidrs ?? [];
    const before = old.spec.cidrs ?? [];
    // The second family may be added; nothing else changes.
    const grows = before.length === 1 && now.length === 2;
    const kept = grows ? immutable("spec.cidrs[0]", now[0], before[0]) : immutable("spec.cidrs", now, before);
    return [...kept, ...validate(object)];
  },
});

function validate({ spec }: ServiceCIDR): readonly FieldError[] {
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required("spec.cidrs", "at least one CIDR required")];
  if (cidrs.length > 2) return [invalid("spec", spec, "may only hold up to 2 values")];
  const networks = cidrs.map(parseCidr);
  const errors = cidrs.flatMap((text, i) => {
    const field = `spec.cidrs[${i}]`;
    const network = networks[i];
    if (network === undefined) return problemsAt(field, text, cidrProblems(text));
    if (!isCanonicalCidr(text)) return [invalid(field, text, `must be in canonical form (${JSON.stringify(network)})`)];
    const isTooBig = cidrFamily(network) === "IPv6" && cidrPrefix(network) < 64;
    return isTooBig ? [invalid(field, text, "IPv6 Service CIDRs must have a prefix of at least 64 bits")] : [];
  });
  const families = networks.map((network) => (network === undefined ? undefined : cidrFamily(network)));
  if (families.length === 2 && families[0] !== undefined && families[0] === families[1]) {
    errors.push(
      invalid("spec", spec, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96"),
    );
  }
  return errors;
}

/** `networking.k8s.io/v1.IPAddress`: an allocated Service address; its name is the address. */
export const ipAddressKind: Kind = defineKind<IPAddress>({
  resource: resources.ipAddresses,
  actedOn: true,
  nameRule: "ip",
  shortNames: ["ip"],
  hasGeneration: true,
  columns: [nameColumn, column("ParentRef", "The object that holds the address."), ageColumn],
  row: (object, nowMs) => {
    const { group, resource, namespace, name } = object.spec.parentRef;
    const kind = group === undefined || group === "" ? resource : `${resource}.${group}`;
    const parent = [kind, ...(namespace === undefined || namespace === "" ? [] : [namespace]), name].join("/");
    return [object.metadata.name, parent, ageCell(object, nowMs)];
  },
  selectableFields: ({ spec }) => ({ "spec.parentRef.name": spec?.parentRef?.name ?? "" }),
  validate: validateParent,
  validateUpdate: (object, old) => [
    ...validateParent(object),
    ...immutable("spec.parentRef", object.spec?.parentRef, old.spec.parentRef),
  ],
});

function validateParent({ spec }: IPAddress): readonly FieldError[] {
  if (spec?.parentRef === undefined) return [required("spec.parentRef")];
  const { resource, name } = spec.parentRef;
  return [...nonEmpty("spec.parentRef.resource", resource), ...nonEmpty("spec.parentRef.name", name)];
}
