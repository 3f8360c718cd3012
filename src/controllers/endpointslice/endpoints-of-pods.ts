import type { IpFamily } from "../../core/index.ts";
import { isPodFinished, isPodReady, zoneLabel } from "../../objects/index.ts";
import type { Endpoint, EndpointPort, Node, Pod, Service } from "../../objects/index.ts";
import { targetPortOf } from "../target-port.ts";
import { podWeight } from "./pod-weight.ts";

/** Endpoints that have the same ports; they share slices. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface DesiredEndpoints {
  /** By the text of their ports. */
  readonly groups: ReadonlyMap<string, PortGroup>;
  /** Addresses whose weight is not 1. */
  readonly weights: ReadonlyMap<string, number>;
  /** What is wrong with what pods say of their weight. */
  readonly problems: readonly string[];
  /** Pods left out because their node is not known yet. */
  readonly withoutNode: readonly Pod[];
}

/** The endpoints of one family that these pods give to a Service. */
export function endpointsOfPods(
  service: Service,
  family: IpFamily,
  pods: readonly Pod[],
  nodeNamed: (name: string) => Node | undefined,
): DesiredEndpoints {
  const groups = new Map<string, { readonly ports: readonly EndpointPort[]; readonly endpoints: Endpoint[] }>();
  const withoutNode: Pod[] = [];
  const weights = new Map<string, number>();
  const problems: string[] = [];
  const notReadyToo = service.spec.publishNotReadyAddresses === true;
  for (const pod of pods) {
    const address = addressOf(pod, family);
    if (isPodFinished(pod) || address === undefined) continue;
    const node = pod.spec.nodeName === undefined ? undefined : nodeNamed(pod.spec.nodeName);
    if (node === undefined && !notReadyToo) {
      withoutNode.push(pod);
      continue;
    }
    const ports = portsOn(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(service, pod, address, node));
    const { weight, problem } = podWeight(pod);
    if (weight !== 1) weights.set(address, weight);
    if (problem !== undefined) problems.push(problem);
  }
  return { groups, weights, problems, withoutNode };
}

/** A text that is equal for equal port lists. */
export function portsKey(ports: readonly EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map(
      ({ name = "", protocol = "TCP", port, appProtocol = "" }) => `${name}/${protocol}/${port ?? ""}/${appProtocol}`,
    )
    .sort()
    .join(",");
}

/** The address of a pod in this family. */
export function addressOf(pod: Pod, family: IpFamily): string | undefined {
  const all = pod.status?.podIPs?.map(({ ip }) => ip) ?? (pod.status?.podIP === undefined ? [] : [pod.status.podIP]);
  return all.find((ip) => ip !== "" && ip.includes(":") === (family === "IPv6"));
}

function portsOn(service: Service, pod: Pod): readonly EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const port of service.spec.ports ?? []) {
    const number = targetPortOf(pod, port);
    if (number === undefined) continue;
    ports.push({
      name: port.name ?? "",
      port: number,
      protocol: port.protocol ?? "TCP",
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    });
  }
  return ports;
}

function endpointOf(service: Service, pod: Pod, address: string, node: Node | undefined): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { namespace, name, uid } = pod.metadata;
  const { hostname, subdomain, nodeName } = pod.spec;
  const named = hostname !== undefined && hostname !== "" && subdomain === service.metadata.name;
  const zone = node?.metadata.labels?.[zoneLabel];
  return {
    addresses: [address],
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(named && service.metadata.namespace === namespace ? { hostname } : {}),
    targetRef: {
      kind: "Pod",
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
  };
}
