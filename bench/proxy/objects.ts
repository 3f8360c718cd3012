import { resources } from "#layers/objects";
import type { ClusterApi, EndpointSlice, Service, ServicePort } from "#layers/objects";
import { podAddress } from "./network.ts";

/** A cluster to measure: Services with endpoints that nobody runs, and one with a pod that answers. */
export interface Load {
  readonly services: number;
  readonly endpointsPerService: number;
}

/** The Service behind which a pod really answers. Of the lowest addresses, which no Service gets that asks for none. */
export const trafficAddress = "10.96.0.200";

/** Writes the objects of a load. The Service with the real pod comes in the middle of them. */
export async function fill(api: ClusterApi, { services, endpointsPerService }: Load): Promise<void> {
  await api.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "bench" } });
  for (let i = 0; i < services; i++) {
    if (i === services >> 1) await addTraffic(api);
    await api.create(resources.services, serviceObject(`svc-${i}`));
    for (const slice of slicesOf(i, endpointsPerService, 0)) await api.create(resources.endpointSlices, slice);
  }
}

async function addTraffic(api: ClusterApi): Promise<void> {
  await api.create(resources.services, serviceObject("traffic", trafficAddress));
  const slice = sliceObject("traffic", 0, [endpoint(podAddress, 1)]);
  await api.create(resources.endpointSlices, slice);
}

/** Replaces one endpoint of a Service; `round` is another number each time. */
export async function changeOne(
  api: ClusterApi,
  load: Load,
  service: number,
  round: number,
): Promise<() => Promise<void>> {
  const [slice] = slicesOf(service, load.endpointsPerService, round + 1);
  const name = `svc-${service}-0`;
  const now = await api.get(resources.endpointSlices, "bench", name);
  return async () => {
    await api.update(resources.endpointSlices, { ...now, endpoints: slice?.endpoints ?? [] });
  };
}

function serviceObject(name: string, clusterIP?: string): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "bench", name },
    spec: {
      ports: portsOf(clusterIP !== undefined),
      ...(clusterIP === undefined ? {} : { clusterIP }),
    },
  };
}

/** The Service with the real pod has ports for long streams, too. */
function portsOf(isTraffic: boolean): readonly ServicePort[] {
  const http = { name: "http", port: 80, targetPort: 8080, protocol: "TCP" } as const;
  const upload = { name: "upload", port: 81, targetPort: 8081, protocol: "TCP" } as const;
  const download = { name: "download", port: 82, targetPort: 8082, protocol: "TCP" } as const;
  return isTraffic ? [http, upload, download] : [http];
}

const streamPorts = [
  { name: "upload", port: 8081, protocol: "TCP" },
  { name: "download", port: 8082, protocol: "TCP" },
] as const;

/** Slices of at most 100 endpoints, as the controller writes them. The last endpoint of the first one differs by round. */
function slicesOf(service: number, endpoints: number, round: number): readonly EndpointSlice[] {
  const slices: EndpointSlice[] = [];
  for (let first = 0; first < endpoints; first += 100) {
    const count = Math.min(100, endpoints - first);
    const list = Array.from({ length: count }, (_, i) => {
      const changes = first === 0 && i === count - 1 && round > 0;
      const number = service * endpoints + first + i;
      // Neither the round before nor the same one of another hundred has this address.
      const second = changes ? 1 + (round % 89) : 128 + ((number >> 16) & 63);
      return endpoint(`10.${second}.${(number >> 8) & 255}.${number & 255}`, 2 + (i % 3));
    });
    slices.push(sliceObject(`svc-${service}`, slices.length, list));
  }
  return slices;
}

function sliceObject(service: string, number: number, endpoints: EndpointSlice["endpoints"]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "bench", name: `${service}-${number}`, labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }, ...(service === "traffic" ? streamPorts : [])],
    endpoints,
  };
}

function endpoint(address: string, node: number): EndpointSlice["endpoints"][number] {
  return {
    addresses: [address],
    nodeName: `node-${node}`,
    conditions: { ready: true, serving: true, terminating: false },
  };
}
