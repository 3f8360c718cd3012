import { ipFamily, parseIp } from "../../core/index.ts";
import type { ServiceSpec } from "../../objects/index.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { ipProblems } from "../validation/addresses.ts";
import { problemsAt } from "../validation/values.ts";

const policies = ["SingleStack", "PreferDualStack", "RequireDualStack"];
const families = ["IPv4", "IPv6"];

/** What is wrong with the cluster IPs and IP families of a Service (KEP-563). */
export function validateServiceAddresses(spec: ServiceSpec): readonly FieldError[] {
  const { clusterIP = "", clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  if (spec.type === "ExternalName") return externalNameErrors(spec);
  const errors: FieldError[] = [];
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy)) {
    errors.push(notSupported("spec.ipFamilyPolicy", ipFamilyPolicy, policies));
  }
  const seen = new Set<string>();
  for (const [i, family] of ipFamilies.entries()) {
    if (!families.includes(family)) errors.push(notSupported(`spec.ipFamilies[${i}]`, family, families));
    if (seen.has(family)) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  }
  if (ipFamilies.length > 2) errors.push(invalid("spec.ipFamilies", ipFamilies, "may only hold up to 2 values"));
  if (clusterIPs.length === 0) {
    if (clusterIP !== "") errors.push(required("spec.clusterIPs"));
    return errors;
  }
  if (clusterIP === "")
    return [...errors, invalid("spec.clusterIPs", clusterIPs, "must be empty when `clusterIP` is not specified")];
  if (clusterIPs[0] !== clusterIP)
    errors.push(invalid("spec.clusterIPs", clusterIPs, "first value must match `clusterIP`"));
  if (clusterIPs.length > 2) errors.push(invalid("spec.clusterIPs", clusterIPs, "may only hold up to 2 values"));
  return [...errors, ...addressErrors(clusterIPs, ipFamilies), ...policyErrors(spec, clusterIPs, ipFamilies)];
}

function addressErrors(clusterIPs: readonly string[], ipFamilies: readonly string[]): readonly FieldError[] {
  if (clusterIPs.includes("None")) {
    if (clusterIPs.length === 1) return [];
    return [invalid("spec.clusterIPs", clusterIPs, "'None' must be the first and only value")];
  }
  const errors = clusterIPs.flatMap((text, i) => {
    const field = `spec.clusterIPs[${i}]`;
    const address = parseIp(text);
    if (address === undefined) return problemsAt(field, text, ipProblems(text));
    const expected = ipFamilies[i];
    if (expected === undefined || expected === ipFamily(address)) return [];
    return [invalid(field, text, `expected an ${expected} value as indicated by \`ipFamilies[${i}]\``)];
  });
  const found = clusterIPs
    .map((text) => parseIp(text))
    .map((address) => (address === undefined ? "" : ipFamily(address)));
  if (found.length === 2 && found[0] === found[1]) {
    const detail = "may specify no more than one IP for each IP family";
    return [...errors, invalid("spec.clusterIPs", clusterIPs, detail)];
  }
  return errors;
}

function policyErrors(
  spec: ServiceSpec,
  clusterIPs: readonly string[],
  ipFamilies: readonly string[],
): readonly FieldError[] {
  const { ipFamilyPolicy } = spec;
  if (ipFamilyPolicy === "RequireDualStack" || ipFamilyPolicy === "PreferDualStack") return [];
  if (clusterIPs.length > 1 && ipFamilyPolicy !== undefined) {
    const detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified";
    return [invalid("spec.ipFamilyPolicy", ipFamilyPolicy, detail)];
  }
  if (ipFamilies.length > 1 && ipFamilyPolicy !== undefined) {
    const detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
    return [invalid("spec.ipFamilyPolicy", ipFamilyPolicy, detail)];
  }
  return [];
}

function externalNameErrors({ clusterIPs, clusterIP, ipFamilies, ipFamilyPolicy }: ServiceSpec): readonly FieldError[] {
  const detail = "may not be set for ExternalName services";
  return [
    ...(clusterIPs === undefined && clusterIP === undefined ? [] : [forbidden("spec.clusterIPs", detail)]),
    ...(ipFamilies === undefined ? [] : [forbidden("spec.ipFamilies", detail)]),
    ...(ipFamilyPolicy === undefined ? [] : [forbidden("spec.ipFamilyPolicy", detail)]),
  ];
}

/** What is wrong with a change of the addresses: the first of each stays, the second may come and go. */
export function validateServiceAddressesUpdate(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  if (spec.type === "ExternalName" || old.type === "ExternalName") return [];
  const isHeadless = spec.clusterIP === "None" && old.clusterIP === "None";
  return [
    ...listErrors(spec, "clusterIPs", "primary clusterIP can not be unset", "clusterIP", old),
    ...(isHeadless ? [] : listErrors(spec, "ipFamilies", "primary ipFamily can not be unset", "ipFamily", old)),
  ];
}

function listErrors(
  spec: ServiceSpec,
  name: "clusterIPs" | "ipFamilies",
  unset: string,
  what: string,
  old: ServiceSpec,
): readonly FieldError[] {
  const now: readonly string[] = spec[name] ?? [];
  const before: readonly string[] = old[name] ?? [];
  if (before.length === 0) return [];
  if (now.length === 0) return [invalid(`spec.${name}[0]`, now, unset)];
  const errors: FieldError[] = [];
  for (const i of [0, 1]) {
    const value = now[i];
    if (value === undefined || before[i] === undefined || value === before[i]) continue;
    errors.push(invalid(`spec.${name}[${i}]`, now, "may not change once set"));
  }
  if (before.length > 1 && now.length === 1 && spec.ipFamilyPolicy !== "SingleStack") {
    const detail = `must be set to 'SingleStack' when releasing the secondary ${what}`;
    errors.push(invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy ?? "", detail));
  }
  return errors;
}
