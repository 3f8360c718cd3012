import { connectCluster } from "../../client/index.ts";
import { cidr, CodedError } from "../../core/index.ts";
import { nodeNetwork, planService } from "../../model/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { resources, serviceNameLabel } from "../../objects/index.ts";
import type { EndpointSlice, Node, Service } from "../../objects/index.ts";
import { nodeFacts } from "../../proxy/index.ts";
import type { ProxySettings, ServiceRulesContext } from "../../proxy/index.ts";
import { imagineCluster } from "../imagined-cluster.ts";
import type { LabOptions } from "../lab-options.ts";
import type { ManifestObject } from "../manifests.ts";

/** What a node must do for one Service, and what of the node that depends on. */
export interface PlannedService {
  readonly plans: readonly ServicePlan[];
  readonly context: ServiceRulesContext;
  /** What of the Service cannot be carried out as it is written. */
  readonly problems: readonly string[];
}

/** Which Service, as which node sees it. */
export interface PlannedServiceRequest {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
}

/** The plan of a Service of a running lab. Rejects with `CodedError` when there is no such Service or node. */
export async function planInLab(
  request: PlannedServiceRequest,
  apiSocket: string,
  options: Pick<LabOptions, "serviceCidr" | "proxy">,
): Promise<PlannedService> {
  const api = await connectCluster({ socketPath: apiSocket });
  try {
    const [services, slices, nodes] = await Promise.all([
      api.list(resources.services),
      api.list(resources.endpointSlices, { namespace: request.namespace }),
      api.list(resources.nodes),
    ]);
    return planFor(request, services.items, slices.items, nodes.items, options);
  } finally {
    api.close();
  }
}

/** The plan that a Service would have in a lab with these manifests. Rejects as `planInLab` does, or with "BadManifest". */
export async function planFromManifests(
  request: PlannedServiceRequest,
  manifests: readonly ManifestObject[],
  options: LabOptions,
): Promise<PlannedService> {
  const { services, endpointSlices, nodes } = await imagineCluster(manifests, options);
  return planFor(request, services, endpointSlices, nodes, options);
}

function planFor(
  { namespace, name, node: nodeName }: PlannedServiceRequest,
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  nodes: readonly Node[],
  { serviceCidr, proxy }: { readonly serviceCidr: string; readonly proxy: ProxySettings },
): PlannedService {
  const node = nodes.find(({ metadata }) => metadata.name === nodeName);
  if (node === undefined) {
    const names = nodes.map(({ metadata }) => metadata.name).sort();
    throw new CodedError(
      "NoSuchNode",
      `There is no node ${JSON.stringify(nodeName)}; the nodes are ${names.join(", ")}`,
    );
  }
  const service = services.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  if (service === undefined) throw new CodedError("NoSuchService", noSuchService(namespace, name, services));
  const { place, podCidrs } = nodeFacts(nodeName, node);
  const own = slices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === name,
  );
  const { ports, problems = [] } = planService(service, own, place);
  const network = nodeNetwork({
    serviceCidrs: [cidr(serviceCidr)],
    localTraffic: proxy.localTraffic.kind === "node-cidr" ? { kind: "pod-cidrs", cidrs: podCidrs } : proxy.localTraffic,
    masqueradeAll: proxy.masqueradeAll,
    masqueradeBit: proxy.masqueradeBit,
    localhostNodePorts: proxy.localhostNodePorts,
  });
  const { addresses: nodeAddresses = [] } = place;
  const context = { network, nodeAddresses, ...(proxy.scheduler === undefined ? {} : { scheduler: proxy.scheduler }) };
  return { plans: ports, context, problems };
}

function noSuchService(namespace: string, name: string, services: readonly Service[]): string {
  const elsewhere = services.filter(({ metadata }) => metadata.name === name).map(({ metadata }) => metadata.namespace);
  const text = `There is no Service ${name} in namespace ${namespace}`;
  if (elsewhere.length > 0) return `${text}, but in ${elsewhere.join(", ")}: say -n ${elsewhere[0]}`;
  const here = services.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name);
  return here.length === 0 ? `${text}, nor any other` : `${text}; there are ${here.sort().join(", ")}`;
}
