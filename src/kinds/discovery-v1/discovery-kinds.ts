import { ipFamily, parseIp } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { Endpoint, EndpointPort, EndpointSlice } from "../../objects/index.ts";
import { immutable } from "../apps-v1/template.ts";
import { defineKind } from "../define-kind.ts";
import { mapItems, withDefaults } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn } from "../printing/column.ts";
import { shortList } from "../printing/short-list.ts";
import { endpointIpProblems } from "../validation/addresses.ts";
import { duplicate, required, tooMany } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { dnsLabelProblems, dnsSubdomainProblems, qualifiedNameProblems } from "../validation/names.ts";
import { oneOf, problemsAt } from "../validation/values.ts";

/** `discovery.k8s.io/v1.EndpointSlice`. A PUT does not create one. */
export const endpointSliceKind: Kind = defineKind<EndpointSlice>({
  resource: resources.endpointSlices,
  actedOn: true,
  hasGeneration: true,
  createOnUpdate: false,
  columns: [
    nameColumn,
    column("AddressType", "The family of the addresses."),
    column("Ports", "Ports of the endpoints."),
    column("Endpoints", "Addresses of the endpoints."),
    ageColumn,
  ],
  row: (slice, nowMs) => [
    slice.metadata.name,
    slice.addressType,
    shortList(
      (slice.ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? "*") : String(port))),
      "<unset>",
    ),
    shortList(
      (slice.endpoints ?? []).flatMap(({ addresses }) => addresses),
      "<unset>",
    ),
    ageCell(slice, nowMs),
  ],
  applyDefaults: (slice) =>
    mapItems(withDefaults(slice, { endpoints: [] }), "ports", (port) =>
      withDefaults(port, { name: "", protocol: "TCP" }),
    ),
  validate,
  validateUpdate: (slice, old) => [...validate(slice), ...immutable("addressType", slice.addressType, old.addressType)],
  warnings: ({ addressType }) => (addressType === "FQDN" ? ["addressType: FQDN endpoints are deprecated"] : []),
});

/** The kinds of `discovery.k8s.io/v1`. */
export const discoveryKinds: readonly Kind[] = [endpointSliceKind];

const addressTypes = ["FQDN", "IPv4", "IPv6"];
const endpointsLimit = 1000;
const portsLimit = 20_000;
const addressesLimit = 100;
const hintsLimit = 8;

function validate({ addressType, endpoints = [], ports = [] }: Partial<EndpointSlice>): readonly FieldError[] {
  const isKnown = addressType !== undefined && addressTypes.includes(addressType);
  return [
    ...oneOf("addressType", addressType, addressTypes, "required"),
    ...(endpoints.length > endpointsLimit ? [tooMany("endpoints", endpoints.length, endpointsLimit)] : []),
    ...(isKnown ? endpoints.flatMap((endpoint, i) => endpointErrors(endpoint, addressType, `endpoints[${i}]`)) : []),
    ...portErrors(ports),
  ];
}

function endpointErrors(
  endpoint: Partial<Endpoint>,
  type: EndpointSlice["addressType"],
  field: string,
): readonly FieldError[] {
  const { addresses = [], hostname, nodeName, hints } = endpoint;
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(`${field}.addresses`, "must contain at least 1 address"));
  if (addresses.length > addressesLimit) errors.push(tooMany(`${field}.addresses`, addresses.length, addressesLimit));
  for (const [i, address] of addresses.entries()) {
    errors.push(...problemsAt(`${field}.addresses[${i}]`, address, addressProblems(address, type)));
  }
  if (hostname !== undefined) errors.push(...problemsAt(`${field}.hostname`, hostname, dnsLabelProblems(hostname)));
  if (nodeName !== undefined) errors.push(...problemsAt(`${field}.nodeName`, nodeName, dnsSubdomainProblems(nodeName)));
  return [
    ...errors,
    ...hintErrors(hints?.forZones ?? [], `${field}.hints.forZones`),
    ...hintErrors(hints?.forNodes ?? [], `${field}.hints.forNodes`),
  ];
}

function addressProblems(address: string, type: EndpointSlice["addressType"]): readonly string[] {
  if (type === "FQDN") return dnsSubdomainProblems(address);
  const parsed = parseIp(address);
  if (parsed === undefined) return endpointIpProblems(address);
  if (ipFamily(parsed) !== type) return [`must be an ${type} address`];
  return endpointIpProblems(address);
}

function hintErrors(hints: readonly { readonly name?: string }[], field: string): readonly FieldError[] {
  const seen = new Set<string>();
  const errors = hints.length > hintsLimit ? [tooMany(field, hints.length, hintsLimit)] : [];
  for (const [i, { name = "" }] of hints.entries()) {
    if (seen.has(name)) errors.push(duplicate(`${field}[${i}].name`, name));
    seen.add(name);
    errors.push(...problemsAt(`${field}[${i}].name`, name, qualifiedNameProblems(name)));
  }
  return errors;
}

function portErrors(ports: readonly EndpointPort[]): readonly FieldError[] {
  const names = new Set<string>();
  const errors: FieldError[] = ports.length > portsLimit ? [tooMany("ports", ports.length, portsLimit)] : [];
  for (const [i, { name = "", protocol, appProtocol }] of ports.entries()) {
    const field = `ports[${i}]`;
    if (name !== "") errors.push(...problemsAt(`${field}.name`, name, dnsLabelProblems(name)));
    if (names.has(name)) errors.push(duplicate(`${field}.name`, name));
    names.add(name);
    errors.push(...oneOf(`${field}.protocol`, protocol, ["SCTP", "TCP", "UDP"], "required"));
    if (appProtocol !== undefined) {
      errors.push(...problemsAt(`${field}.appProtocol`, appProtocol, qualifiedNameProblems(appProtocol)));
    }
  }
  return errors;
}
