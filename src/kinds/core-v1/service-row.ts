import type { Service } from "../../objects/index.ts";
import { formatLabels } from "../apps-v1/rows.ts";
import type { Cell, Column } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, orNone, wideColumn } from "../printing/column.ts";

/** The columns of `kubectl get services`. */
export const serviceColumns: readonly Column[] = [
  nameColumn,
  column("Type", "How the Service is exposed."),
  column("Cluster-IP", "The Service's own address, None for headless ones."),
  column("External-IP", "Addresses from outside of the cluster."),
  column("Port(s)", "The ports, with their node ports."),
  ageColumn,
  wideColumn("Selector", "Labels of the pods that the Service sends traffic to."),
];

/** The row of a Service. */
export function serviceRow(service: Service, nowMs: number): readonly Cell[] {
  const { spec } = service;
  return [
    service.metadata.name,
    spec.type ?? "",
    orNone(spec.clusterIPs?.[0] ?? spec.clusterIP ?? ""),
    externalAddress(service),
    orNone((spec.ports ?? []).map(portText).join(",")),
    ageCell(service, nowMs),
    formatLabels(spec.selector),
  ];
}

function portText({ port, nodePort, protocol }: NonNullable<Service["spec"]["ports"]>[number]): string {
  return `${port}${nodePort === undefined ? "" : `:${nodePort}`}/${protocol ?? "TCP"}`;
}

function externalAddress({ spec, status }: Service): string {
  const external = spec.externalIPs ?? [];
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  if (spec.type !== "LoadBalancer") return orNone(external.join(","));
  const ingress = status?.loadBalancer?.ingress ?? [];
  const assigned = ingress.map(({ ip, hostname }) => ip ?? hostname ?? "").filter((text) => text !== "");
  const all = [...new Set([...assigned.toSorted(), ...external])];
  return all.length === 0 ? "<pending>" : all.join(",");
}
