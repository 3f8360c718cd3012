import { resources } from "../../objects/index.ts";
import type { EndpointAddress, EndpointSubset, Endpoints } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import { withDefaults } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn } from "../printing/column.ts";
import { shortList } from "../printing/short-list.ts";
import { endpointIpProblems } from "../validation/addresses.ts";
import { required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import {
  dnsLabelProblems,
  dnsSubdomainProblems,
  portNumberProblems,
  qualifiedNameProblems,
} from "../validation/names.ts";
import { oneOf, problemsAt } from "../validation/values.ts";

/** `v1.Endpoints`. */
export const endpointsKind: Kind = defineKind<Endpoints>({
  resource: resources.endpoints,
  actedOn: true,
  shortNames: ["ep"],
  columns: [nameColumn, column("Endpoints", "Ready addresses with their ports."), ageColumn],
  row: (endpoints, nowMs) => [
    endpoints.metadata.name,
    shortList(readyPairs(endpoints), "<none>"),
    ageCell(endpoints, nowMs),
  ],
  applyDefaults: (endpoints) =>
    endpoints.subsets === undefined ? endpoints : { ...endpoints, subsets: endpoints.subsets.map(defaultSubset) },
  validate: ({ subsets = [] }) => subsets.flatMap((subset, i) => subsetErrors(subset, `subsets[${i}]`)),
  warnings: () => ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"],
});

function readyPairs({ subsets = [] }: Endpoints): readonly string[] {
  return subsets.flatMap(({ addresses = [], ports = [] }) => {
    if (ports.length === 0) return addresses.map(({ ip }) => ip);
    return ports.flatMap(({ port }) =>
      addresses.map(({ ip }) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)),
    );
  });
}

function defaultSubset(subset: EndpointSubset): EndpointSubset {
  if (subset.ports === undefined) return subset;
  return { ...subset, ports: subset.ports.map((port) => withDefaults(port, { protocol: "TCP" })) };
}

function subsetErrors(
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
  field: string,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (addresses.length + notReadyAddresses.length === 0) {
    errors.push(required(field, "must specify `addresses` or `notReadyAddresses`"));
  }
  for (const [i, { name = "", port, protocol, appProtocol }] of ports.entries()) {
    const path = `${field}.ports[${i}]`;
    if (ports.length > 1 && name === "") errors.push(required(`${path}.name`));
    else if (name !== "") errors.push(...problemsAt(`${path}.name`, name, dnsLabelProblems(name)));
    errors.push(
      ...problemsAt(`${path}.port`, port ?? 0, portNumberProblems(port ?? 0)),
      ...oneOf(`${path}.protocol`, protocol, ["SCTP", "TCP", "UDP"], "required"),
    );
    if (appProtocol !== undefined) {
      errors.push(...problemsAt(`${path}.appProtocol`, appProtocol, qualifiedNameProblems(appProtocol)));
    }
  }
  return [
    ...addresses.flatMap((address, i) => addressErrors(address, `${field}.addresses[${i}]`)),
    ...notReadyAddresses.flatMap((address, i) => addressErrors(address, `${field}.notReadyAddresses[${i}]`)),
    ...errors,
  ];
}

function addressErrors(
  { ip = "", hostname = "", nodeName }: Partial<EndpointAddress>,
  field: string,
): readonly FieldError[] {
  return [
    ...problemsAt(`${field}.ip`, ip, endpointIpProblems(ip)),
    ...(hostname === "" ? [] : problemsAt(`${field}.hostname`, hostname, dnsLabelProblems(hostname))),
    ...(nodeName === undefined ? [] : problemsAt(`${field}.nodeName`, nodeName, dnsSubdomainProblems(nodeName))),
  ];
}
