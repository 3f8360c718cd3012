import { sameJson } from "../../core/index.ts";
import { isHeadless, isPodFinished, isPodReady } from "../../objects/index.ts";
import type { EndpointAddress, Endpoints, EndpointSubset, Pod, Service, StringMap } from "../../objects/index.ts";
import { addressOf } from "../endpointslice/endpoints-of-pods.ts";
import { headlessLabel } from "../endpointslice/plan.ts";
import { targetPortOf } from "../target-port.ts";
import { triggerTimeAnnotation } from "../trigger-time.ts";

/** Addresses in one object at most; what is beyond is left out, and an annotation says so. */
const capacity = 1_000;
const overCapacity = "endpoints.kubernetes.io/over-capacity";
const managedByLabel = "endpoints.kubernetes.io/managed-by";

type SubsetPorts = NonNullable<EndpointSubset["ports"]>;

/** The Endpoints of a Service; undefined when `old` says the same already. */
export function planEndpoints(
  service: Service,
  pods: readonly Pod[],
  old: Endpoints | undefined,
  triggerTime: string | undefined,
): Endpoints | undefined {
  const { subsets, truncated } = truncate(subsetsOf(service, pods));
  const labels: StringMap = {
    ...service.metadata.labels,
    [managedByLabel]: "endpoint-controller",
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
  };
  const wasTruncated = old?.metadata.annotations?.[overCapacity] !== undefined;
  const unchanged =
    old !== undefined &&
    sameJson(old.subsets ?? [], subsets) &&
    sameJson(old.metadata.labels ?? {}, labels) &&
    wasTruncated === truncated;
  if (unchanged) return undefined;
  const { [triggerTimeAnnotation]: _time, [overCapacity]: _over, ...others } = old?.metadata.annotations ?? {};
  const annotations = {
    ...others,
    ...(triggerTime === undefined ? {} : { [triggerTimeAnnotation]: triggerTime }),
    ...(truncated ? { [overCapacity]: "truncated" } : {}),
  };
  const { namespace, name } = service.metadata;
  const { annotations: _annotations, ...metadata } = old?.metadata ?? { name };
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      ...metadata,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    ...(subsets.length === 0 ? {} : { subsets }),
  };
}

/** Pods with the same ports make one subset, ready ones beside those that are not. */
function subsetsOf(service: Service, pods: readonly Pod[]): readonly EndpointSubset[] {
  const notReadyToo = service.spec.publishNotReadyAddresses === true;
  const family = service.spec.ipFamilies?.[0] ?? "IPv4";
  const groups = new Map<string, { ports: SubsetPorts; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  for (const pod of pods) {
    const ip = addressOf(pod, family);
    if (ip === undefined || isPodFinished(pod)) continue;
    if (pod.metadata.deletionTimestamp !== undefined && !notReadyToo) continue;
    const ports = portsOn(service, pod);
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue;
    const key = ports.map(({ name = "", port, protocol }) => `${name}/${protocol ?? ""}/${port}`).join(",");
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] };
    groups.set(key, group);
    (notReadyToo || isPodReady(pod) ? group.ready : group.notReady).push(addressEntry(service, pod, ip));
  }
  const byIp = (a: EndpointAddress, b: EndpointAddress): number => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, ready, notReady }]) => ({
      ...(ready.length === 0 ? {} : { addresses: ready.sort(byIp) }),
      ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady.sort(byIp) }),
      ...(ports.length === 0 ? {} : { ports }),
    }));
}

function portsOn(service: Service, pod: Pod): SubsetPorts {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPortOf(pod, port);
    if (number === undefined) return [];
    return {
      ...(port.name === undefined || port.name === "" ? {} : { name: port.name }),
      port: number,
      protocol: port.protocol ?? "TCP",
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    };
  });
}

function addressEntry(service: Service, pod: Pod, ip: string): EndpointAddress {
  const { namespace, name, uid } = pod.metadata;
  const { hostname, subdomain, nodeName } = pod.spec;
  const named = hostname !== undefined && hostname !== "" && subdomain === service.metadata.name;
  return {
    ip,
    ...(named ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: {
      kind: "Pod",
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    },
  };
}

/** Ready addresses stay first, then the others; each subset loses in proportion to its size. */
function truncate(subsets: readonly EndpointSubset[]): {
  readonly subsets: readonly EndpointSubset[];
  readonly truncated: boolean;
} {
  const count = (lists: readonly (readonly EndpointAddress[] | undefined)[]): number =>
    lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
  const ready = count(subsets.map(({ addresses }) => addresses));
  const notReady = count(subsets.map(({ notReadyAddresses }) => notReadyAddresses));
  if (ready + notReady <= capacity) return { subsets, truncated: false };
  const readyShare = Math.min(1, capacity / ready);
  const otherShare = ready >= capacity ? 0 : (capacity - ready) / notReady;
  const cut = (list: readonly EndpointAddress[] | undefined, share: number) =>
    list?.slice(0, Math.floor(list.length * share)) ?? [];
  const kept = subsets.map(({ addresses, notReadyAddresses, ports }) => {
    const first = cut(addresses, readyShare);
    const second = cut(notReadyAddresses, otherShare);
    return {
      ...(first.length === 0 ? {} : { addresses: first }),
      ...(second.length === 0 ? {} : { notReadyAddresses: second }),
      ...(ports === undefined ? {} : { ports }),
    };
  });
  const filled = kept.filter((subset) => "addresses" in subset || "notReadyAddresses" in subset);
  return { subsets: filled, truncated: true };
}
