import { CodedError } from "../core/index.ts";
import type { ClusterApi, Service } from "../objects/index.ts";
import { isNodeReady, resources } from "../objects/index.ts";
import { UsageError } from "./command.ts";

/** What `sealane forward` was asked to reach. */
export interface ForwardTarget {
  readonly kind: "svc" | "lb" | "ingress";
  readonly name: string;
  /** Port number or name; undefined = the Service's only or first port. */
  readonly port: string | undefined;
}

/** Where its connections go, and from where they enter the lab. */
export interface ForwardRoute {
  readonly from: string;
  readonly host: string;
  readonly port: number;
}

/** Reads `svc/NAME[:PORT]`, `lb/NAME[:PORT]` or `ingress[:PORT]`. Throws `UsageError`. */
export function parseForwardTarget(text: string): ForwardTarget {
  const match = /^(?:(svc|service|lb)\/([a-z0-9][-a-z0-9.]*)|(ingress))(?::([-a-z0-9]+))?$/.exec(text);
  if (match === null) {
    throw new UsageError(`The target must be svc/NAME[:PORT], lb/NAME[:PORT] or ingress, not ${JSON.stringify(text)}`);
  }
  const [, kind, name, ingress, port] = match;
  if (ingress !== undefined) return { kind: "ingress", name: "ingress", port };
  return { kind: kind === "lb" ? "lb" : "svc", name: name ?? "", port };
}

/**
 * Finds the address behind a target. A Service is entered as a pod would, a LoadBalancer address and the Ingress as the
 * client outside would; `from` overrides that. Rejects with `CodedError` that names what is missing.
 */
export async function forwardRoute(
  api: ClusterApi,
  target: ForwardTarget,
  namespace: string,
  from: string | undefined,
): Promise<ForwardRoute> {
  const service = await api.get(
    resources.services,
    target.kind === "ingress" ? "sealane-system" : namespace,
    target.name,
  );
  const port = portOf(service, target.port);
  if (target.kind === "svc") {
    const host = service.spec.clusterIP;
    if (host !== undefined && host !== "None" && host !== "") return { from: from ?? (await anyNode(api)), host, port };
    throw new CodedError(
      "NoClusterIP",
      `Service ${target.name} has no virtual address (${service.spec.type === "ExternalName" ? "ExternalName" : "headless"}): forward to a Service with a cluster IP`,
    );
  }
  const host = service.status?.loadBalancer?.ingress?.[0]?.ip;
  if (host === undefined) {
    const hint = service.spec.type === "LoadBalancer" ? "it has no address yet" : `its type is ${service.spec.type}`;
    throw new CodedError(
      "NoLoadBalancer",
      `Service ${target.name} has no LoadBalancer address: ${hint}; use svc/${target.name}`,
    );
  }
  return { from: from ?? "client", host, port };
}

/** A node from which to enter, Ready if there is one. */
async function anyNode(api: ClusterApi): Promise<string> {
  const { items } = await api.list(resources.nodes);
  const node = items.find(isNodeReady) ?? items[0];
  return `node/${node?.metadata.name ?? "node-1"}`;
}

function portOf(service: Service, wanted: string | undefined): number {
  const ports = service.spec.ports ?? [];
  const found =
    wanted === undefined ? ports[0] : ports.find(({ port, name }) => String(port) === wanted || name === wanted);
  if (found !== undefined && (found.protocol ?? "TCP") === "TCP") return found.port;
  const known = ports.map(
    ({ port, name, protocol }) => `${port}${name === undefined ? "" : ` (${name})`}/${protocol ?? "TCP"}`,
  );
  throw new CodedError(
    "NoSuchPort",
    `Service ${service.metadata.name} has no TCP port ${wanted ?? ""}; it has ${known.join(", ") || "none"}`,
  );
}
