import { defaultIngressClassAnnotation, ingressClassName, ingressController } from "../objects/index.ts";
import type { EndpointSlice, IngressClass, KubeObject, Namespace, Pod, Service } from "../objects/index.ts";

/** Where the lab's own workloads live. */
export const systemNamespace = "sealane-system";

/** The LoadBalancer Service in front of the Ingress router. */
export const ingressServiceName = "ingress";

/** The image name by which an agent recognises the Ingress router's pods. */
export const ingressImage = "sealane/ingress";

/** Namespace and IngressClass of the built-in Ingress router, there from the start. */
export function ingressClassObjects(): readonly [Namespace, IngressClass] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: systemNamespace } },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: {
        name: ingressClassName,
        annotations: { [defaultIngressClassAnnotation]: "true" },
      },
      spec: { controller: ingressController },
    },
  ];
}

/**
 * The Ingress router's DaemonSet and its LoadBalancer Service (policy Local, so that it sees who asks). Made when the first Ingress appears: a
 * lab without one spends neither an address nor memory on it.
 */
export function ingressRouterObjects(): readonly KubeObject[] {
  const labels = { app: "sealane-ingress" };
  const daemonSet = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: ingressServiceName, namespace: systemNamespace, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: "router",
              image: ingressImage,
              ports: [
                { name: "http", containerPort: 80 },
                { name: "https", containerPort: 443 },
              ],
            },
          ],
        },
      },
    },
  };
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: ingressServiceName, namespace: systemNamespace, labels },
    spec: {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      selector: labels,
      ports: [
        { name: "http", port: 80, targetPort: "http" },
        { name: "https", port: 443, targetPort: "https" },
      ],
    },
  };
  return [daemonSet, service];
}

/** Whether the pod is one of the Ingress router's. */
export function isIngressRouter(pod: Pod): boolean {
  return pod.metadata.namespace === systemNamespace && pod.spec.containers.some(({ image }) => image === ingressImage);
}

/**
 * The cluster DNS Service. Every node answers at its address itself, so no proxy touches it: the label
 * `service.kubernetes.io/service-proxy-name` is upstream's way to say so. The slice names the nodes that answer.
 */
export function dnsObjects(
  clusterIP: string,
  nodes: readonly { readonly name: string; readonly address: string }[],
): readonly [Service, EndpointSlice] {
  const labels = { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" };
  const ports = [
    { name: "dns", port: 53, protocol: "UDP" },
    { name: "dns-tcp", port: 53, protocol: "TCP" },
    { name: "metrics", port: 9153, protocol: "TCP" },
  ] as const;
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kube-dns",
      namespace: "kube-system",
      labels: { ...labels, "service.kubernetes.io/service-proxy-name": "sealane-dns" },
    },
    spec: { clusterIP, ports: ports.map((port) => ({ ...port, targetPort: port.port })) },
  };
  const slice: EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "kube-dns",
      namespace: "kube-system",
      labels: { "kubernetes.io/service-name": "kube-dns", "endpointslice.kubernetes.io/managed-by": "sealane.dev" },
    },
    addressType: "IPv4",
    ports,
    endpoints: nodes.map(({ name, address }) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: name,
    })),
  };
  return [service, slice];
}
