import { isPort } from "../../core/index.ts";
import { matchesLabels } from "../../objects/index.ts";
import type { Container, Pod, Probe, Service } from "../../objects/index.ts";
import type { StandInPort } from "../stand-in/stand-in.ts";

/** The containers that run while the pod runs: the ordinary ones and init containers that are sidecars. */
export function runningContainers(pod: Pod): readonly Container[] {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...sidecars, ...pod.spec.containers];
}

/**
 * The ports on which a stand-in listens for these containers of a pod: those that they declare, and those that their
 * probes ask. A pod that declares none at all gets the numeric target ports of the Services that select it. (Beside
 * declared ports a wrong target port must fail, as it does in life.)
 */
export function standInPorts(
  pod: Pod,
  containers: readonly Container[],
  services: readonly Service[],
): readonly StandInPort[] {
  const ports = new Map<string, StandInPort>();
  const add = (port: StandInPort) => {
    const key = `${port.place} ${port.protocol} ${port.port}`;
    if (!ports.has(key)) ports.set(key, port);
  };
  for (const container of containers) {
    const by = { container: container.name, image: container.image ?? "" };
    for (const { containerPort, hostPort, protocol = "TCP" } of container.ports ?? []) {
      if (protocol === "SCTP") continue;
      add({ port: containerPort, protocol, place: "pod", ...by });
      if (isPort(hostPort) && pod.spec.hostNetwork !== true) add({ port: hostPort, protocol, place: "node", ...by });
    }
    for (const port of probePorts(container)) add({ port, protocol: "TCP", place: "pod", ...by });
  }
  const first = containers[0];
  if (first === undefined || !declaresNoPort(pod)) return [...ports.values()];
  const by = { container: first.name, image: first.image ?? "" };
  for (const service of services) {
    if (!selects(service, pod)) continue;
    for (const { protocol = "TCP", port, targetPort = port } of service.spec.ports ?? []) {
      if (protocol !== "SCTP" && isPort(targetPort)) add({ port: targetPort, protocol, place: "pod", ...by });
    }
  }
  return [...ports.values()];
}

/** Whether the ports of this pod's stand-in depend on Services. */
export function declaresNoPort(pod: Pod): boolean {
  return runningContainers(pod).every(({ ports = [] }) => ports.length === 0);
}

/** Whether the Service selects the pod. */
export function selects(service: Service, pod: Pod): boolean {
  const { selector = {} } = service.spec;
  if (service.metadata.namespace !== pod.metadata.namespace || Object.keys(selector).length === 0) return false;
  return matchesLabels(selector, pod.metadata.labels);
}

function probePorts(container: Container): readonly number[] {
  const probes = [container.readinessProbe, container.livenessProbe, container.startupProbe];
  return probes.map((probe) => probePort(probe)).filter(isPort);
}

function probePort(probe: Probe | undefined): number | undefined {
  const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
  return typeof port === "string" && /^[0-9]+$/.test(port) ? Number(port) : typeof port === "number" ? port : undefined;
}
