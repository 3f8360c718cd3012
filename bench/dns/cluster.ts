import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminKubeconfig, createApiServer, createIdentity } from "#layers/apiserver";
import { cidr } from "#layers/core";
import { resources } from "#layers/objects";
import type { ClusterApi, EndpointSlice, Service } from "#layers/objects";

/** A cluster to serve: half of its Services, the odd ones, are headless. */
export interface ClusterSize {
  readonly services: number;
  readonly endpointsPerService: number;
}

/** A real API server in this process with the objects of a cluster. */
export interface BenchCluster {
  readonly api: ClusterApi;
  /** A folder for files of this cluster; gone after `close`. */
  readonly folder: string;
  /** How to reach the API over TLS. */
  readonly kubeconfig: string;
  close(): Promise<void>;
}

const namespaces = 100;

/** Starts an API server and writes the objects of a cluster. */
export async function startBenchCluster({ services, endpointsPerService }: ClusterSize): Promise<BenchCluster> {
  const folder = mkdtempSync(join(tmpdir(), "sealane-bench-dns-"));
  const server = await createApiServer({ serviceCidrs: [cidr("10.96.0.0/12")] });
  const close = async (): Promise<void> => {
    await server.close();
    rmSync(folder, { recursive: true });
  };
  try {
    for (let i = 0; i < namespaces; i++) {
      const name = namespaceOf(i);
      await server.api.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    }
    for (let i = 0; i < services; i++) {
      await server.api.create(resources.services, serviceObject(i));
      await server.api.create(resources.endpointSlices, sliceObject(i, addressesOf(i, endpointsPerService)));
    }
    const identity = createIdentity(Date.now());
    const { port } = await server.listenTls({ kind: "tcp", host: "127.0.0.1", port: 0 }, identity, "bench");
    const kubeconfig = join(folder, "kubeconfig");
    const access = { server: `https://127.0.0.1:${port}`, caPem: identity.caPem, token: "bench" };
    writeFileSync(kubeconfig, adminKubeconfig(access), { mode: 0o600 });
    return { api: server.api, folder, kubeconfig, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function namespaceOf(i: number): string {
  return `team-${i % namespaces}`;
}

/** `svc-7.team-7.svc.cluster.local` */
export function serviceHost(i: number): string {
  return `svc-${i}.${namespaceOf(i)}.svc.cluster.local`;
}

export function isHeadless(i: number): boolean {
  return i % 2 === 1;
}

/** The cluster IP of a Service that is not headless. */
export function clusterIpOf(i: number): string {
  const number = i + 256;
  return `10.${96 + ((number >> 16) & 15)}.${(number >> 8) & 255}.${number & 255}`;
}

/** How many different lists of addresses a Service can have, one after the other. */
export const rounds = 24;

/** The addresses of a Service's endpoints, other ones in each of the `rounds`. */
export function addressesOf(i: number, endpoints: number, round = 0): readonly string[] {
  return Array.from({ length: endpoints }, (_, j) => {
    const number = i * endpoints + j;
    return `10.${4 * (round % rounds) + ((number >> 16) & 3)}.${(number >> 8) & 255}.${number & 255}`;
  });
}

/** Where in the API a Service is. */
export function serviceKey(i: number): readonly [namespace: string, name: string] {
  return [namespaceOf(i), `svc-${i}`];
}

/** Where in the API the slice of a Service is. */
export function sliceKey(i: number): readonly [namespace: string, name: string] {
  return [namespaceOf(i), `svc-${i}-x7k2p`];
}

/** The object of a Service. */
export function serviceObject(i: number): Service {
  const labels = { "app.kubernetes.io/name": `svc-${i}`, "app.kubernetes.io/part-of": "shop" };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: namespaceOf(i), name: `svc-${i}`, labels },
    spec: {
      clusterIP: isHeadless(i) ? "None" : clusterIpOf(i),
      selector: { "app.kubernetes.io/name": `svc-${i}` },
      ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
    },
  };
}

/** A slice as the controller of a cluster writes it, with what DNS does not read. */
export function sliceObject(i: number, addresses: readonly string[]): EndpointSlice {
  const [namespace, name] = sliceKey(i);
  const service = `svc-${i}`;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      namespace,
      name,
      generateName: `${service}-`,
      labels: {
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/part-of": "shop",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": service,
      },
      annotations: { "endpoints.kubernetes.io/last-change-trigger-time": "2026-11-01T10:00:00Z" },
    },
    addressType: "IPv4",
    endpoints: endpointsOf(i, addresses),
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  };
}

/** The endpoints of a Service's slice. */
export function endpointsOf(i: number, addresses: readonly string[]): EndpointSlice["endpoints"] {
  return addresses.map((address, j) => ({
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${(i + j) % 200}.example.com`,
    zone: `zone-${j % 3}`,
    targetRef: {
      kind: "Pod",
      namespace: namespaceOf(i),
      name: `svc-${i}-6d4b75cb6d-${suffixOf(i, j)}`,
      uid: `00000000-0000-4000-8000-${`${i}`.padStart(8, "0")}${`${j}`.padStart(4, "0")}`,
    },
  }));
}

/** Five letters, as pods have them. */
function suffixOf(i: number, j: number): string {
  return ((i * 31 + j) * 7919 + 10_000_000).toString(36).slice(-5);
}
