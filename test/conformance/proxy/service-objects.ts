import { weightsAnnotation } from "../../../src/model/index.ts";
import { ip, ipFromBigInt, ipToBigInt } from "../../../src/core/index.ts";
import type { IpFamily, Port, Protocol } from "../../../src/core/index.ts";
import type { Endpoint, EndpointSlice, Service, ServicePort, ServiceSpec } from "../../../src/objects/index.ts";
import { addressOf, families, nodeOf } from "./places.ts";
import type { PodName } from "./places.ts";

export const namespace = "suite";

/** The port of every Service of the suite, and the one that its pods listen on. */
export const servicePort = 80;
export const podPort = 8080;

/** The protocols, each with its port's name. */
export const protocols: readonly Protocol[] = ["TCP", "UDP", "SCTP"];

/** What of a Service is virtual; each has its own by its number, from 1 to 2000. */
export interface VirtualAddresses {
  readonly cluster: string;
  readonly loadBalancer: string;
  readonly external: string;
  readonly nodePort: Port;
}

const bases: Readonly<Record<IpFamily, readonly [string, string, string]>> = {
  IPv4: ["10.96.1.0", "172.20.0.0", "172.21.0.0"],
  IPv6: ["fd00:96::100", "fd00:20::", "fd00:21::"],
};

export function virtualAddresses(number: number, family: IpFamily): VirtualAddresses {
  const [cluster, loadBalancer, external] = bases[family];
  const at = (base: string) => ipFromBigInt(family, ipToBigInt(ip(base)) + BigInt(number));
  return {
    cluster: at(cluster),
    loadBalancer: at(loadBalancer),
    external: at(external),
    nodePort: 30_000 + number,
  };
}

/** What a Service has beside its cluster IPs. */
export interface ServiceOptions {
  readonly spec?: Partial<ServiceSpec>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Has a node port, LoadBalancer addresses and external IPs; default: all or nothing by `spec.type`. */
  readonly ipMode?: "VIP" | "Proxy";
  readonly protocols?: readonly Protocol[];
}

/** A dual-stack Service with port 80 in each protocol; one of type LoadBalancer has every kind of address. */
export function serviceOf(name: string, number: number, options: ServiceOptions = {}): Service {
  const { spec = {}, annotations, ipMode, protocols: spoken = protocols } = options;
  const byFamily = families.map((family) => virtualAddresses(number, family));
  const external = spec.type === "LoadBalancer" || spec.type === "NodePort";
  const nodePort = 30_000 + number;
  const ports: readonly ServicePort[] = spoken.map((protocol) => ({
    name: protocol.toLowerCase(),
    protocol,
    port: servicePort,
    ...(external ? { nodePort } : {}),
  }));
  const ingress = byFamily.map(({ loadBalancer }) => ({
    ip: loadBalancer,
    ...(ipMode === undefined ? {} : { ipMode }),
  }));
  const clusterIPs = byFamily.map(({ cluster }) => cluster);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, ...(annotations === undefined ? {} : { annotations }) },
    spec: {
      clusterIP: clusterIPs[0] ?? "",
      clusterIPs,
      ipFamilies: families,
      ports,
      ...(spec.type === "LoadBalancer" ? { externalIPs: byFamily.map((addresses) => addresses.external) } : {}),
      ...spec,
    },
    ...(spec.type === "LoadBalancer" ? { status: { loadBalancer: { ingress } } } : {}),
  };
}

/** A pod in a slice, with conditions or hints. */
export interface SliceEntry {
  readonly pod: PodName;
  readonly more?: Partial<Endpoint>;
  readonly weight?: number;
}

/** The slices of a Service: one for each family, with the three protocols. */
export function slicesOf(
  name: string,
  entries: readonly (PodName | SliceEntry)[],
  spoken: readonly Protocol[] = protocols,
): readonly EndpointSlice[] {
  const list = entries.map((entry) => (typeof entry === "string" ? { pod: entry } : entry));
  return families.map((family) => {
    const weights = Object.fromEntries(
      list.flatMap(({ pod, weight }) => (weight === undefined ? [] : [[addressOf(pod, family), weight]])),
    );
    const hasWeights = Object.keys(weights).length > 0;
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${name}-${family.toLowerCase()}`,
        namespace,
        labels: { "kubernetes.io/service-name": name },
        ...(hasWeights ? { annotations: { [weightsAnnotation]: JSON.stringify(weights) } } : {}),
      },
      addressType: family,
      ports: spoken.map((protocol) => ({ name: protocol.toLowerCase(), protocol, port: podPort })),
      endpoints: list.map(({ pod, more = {} }) => ({
        addresses: [addressOf(pod, family)],
        nodeName: nodeOf(pod),
        targetRef: { kind: "Pod", namespace, name: pod },
        ...more,
      })),
    };
  });
}
