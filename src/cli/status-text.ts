import type { LabStatus } from "../app/index.ts";
import { style, table } from "./terminal.ts";

/** How many things that are not ready are named. */
const mostShown = 12;

/** A lab's status as people read it, at 80 columns where names allow. */
export function statusText(status: LabStatus): string {
  const parts = [
    table(
      ["NODE", "ZONE", "ADDRESS", "PODS", "POD NETWORK", "PROXY", "STATUS"],
      status.nodes.map((node) => [
        node.name,
        node.zone,
        node.address,
        String(node.pods),
        node.podCidr,
        node.proxyMode ?? "-",
        node.ready ? "Ready" : "NotReady",
      ]),
    ),
    table(
      ["SERVICE", "TYPE", "CLUSTER-IP", "EXTERNAL", "PORTS", "READY"],
      status.services.map((service) => [
        `${service.namespace}/${service.name}`,
        service.type,
        service.clusterIP,
        service.external,
        service.ports,
        service.ready === undefined ? "-" : String(service.ready),
      ]),
    ),
  ];
  if (status.ingresses.length > 0) {
    parts.push(
      table(
        ["INGRESS", "ADDRESS", "HOSTS"],
        status.ingresses.map((ingress) => [
          `${ingress.namespace}/${ingress.name}`,
          ingress.address === "" ? "<pending>" : ingress.address,
          ingress.hosts.join(","),
        ]),
      ),
    );
  }
  const { total, ready, standIns } = status.pods;
  const standInText = standIns === 0 ? "" : `; ${standIns} are stand-ins, which answer who they are`;
  const outside = [
    `client ${status.addresses.client}`,
    `router ${status.addresses.router}`,
    ...status.outsideHosts.map(({ name, address }) => `${name} ${address}`),
  ];
  const facts = [
    `Pods: ${ready} of ${total} ready${standInText}`,
    `Outside: ${outside.join(", ")}`,
    `LoadBalancer pool: ${status.addresses.pool}`,
  ];
  if (status.storedOnly.length > 0) facts.push(`Stored, but nothing acts on: ${listed(status.storedOnly, 6)}`);
  parts.push(facts.join("\n"));
  if (status.limitations.length > 0) {
    const shown = status.limitations.slice(0, mostShown).map(({ service, reason, nodes }) => {
      const where = nodes.length === 0 ? "" : ` (${listed(nodes, 3)})`;
      return `  ${service}${where}: ${reason}`;
    });
    parts.push([style("yellow", "Served otherwise than asked:"), ...shown].join("\n"));
  }
  if (status.notReady.length > 0) {
    const shown = status.notReady.slice(0, mostShown).map(({ object, namespace, reason }) => {
      return `  ${object}${namespace === undefined ? "" : ` in ${namespace}`}: ${reason}`;
    });
    const rest = status.notReady.length - shown.length;
    const lines = rest === 0 ? shown : [...shown, `  and ${rest} more: sealane status -o json`];
    parts.push([style("yellow", "Not ready:"), ...lines].join("\n"));
  }
  return parts.join("\n\n");
}

function listed(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}
