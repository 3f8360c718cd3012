import { reportedVersion, sameJson } from "../../core/index.ts";
import { formatTime, hostnameLabel, zoneLabel } from "../../objects/index.ts";
import type { Condition, Node, StringMap } from "../../objects/index.ts";
import { withCondition } from "../conditions.ts";

/** What a node's agent knows of its node. */
export interface NodeDescription {
  readonly name: string;
  readonly zone?: string;
  readonly addresses: readonly string[];
  readonly podCIDRs?: readonly string[];
  /** Go's names: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly kernelVersion?: string;
  readonly osImage?: string;
  /** What the node has, as quantities: `cpu`, `memory`, `pods`. */
  readonly capacity?: StringMap;
  readonly labels?: StringMap;
}

/** The Node object of this description; what others added to `old` (labels, taints) stays. */
export function planNode(description: NodeDescription, old: Node | undefined, nowMs: number): Node {
  const { name, zone, addresses, podCIDRs = [], architecture } = description;
  const capacity = { cpu: "2", memory: "4Gi", pods: "110", ...description.capacity };
  const labels = {
    ...old?.metadata.labels,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": "linux",
    "beta.kubernetes.io/arch": architecture,
    [hostnameLabel]: name,
    ...(zone === undefined ? {} : { [zoneLabel]: zone }),
    ...description.labels,
  };
  const first = podCIDRs[0];
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { ...old?.metadata, name, labels },
    spec: { ...old?.spec, ...(first === undefined ? {} : { podCIDR: first, podCIDRs }) },
    status: {
      ...old?.status,
      addresses: [
        ...addresses.map((address) => ({ type: "InternalIP", address })),
        { type: "Hostname", address: name },
      ],
      capacity,
      allocatable: capacity,
      conditions: healthyConditions(old?.status?.conditions, nowMs),
      nodeInfo: {
        machineID: name,
        systemUUID: name,
        bootID: name,
        kernelVersion: description.kernelVersion ?? "",
        osImage: description.osImage ?? "Sealane lab node",
        containerRuntimeVersion: "sealane://stand-in",
        kubeletVersion: reportedVersion,
        kubeProxyVersion: "",
        operatingSystem: "linux",
        architecture,
      },
    },
  };
}

/** Whether `planned` says nothing that `old` does not say: nothing needs to be written. */
export function isRegistered(planned: Node, old: Node): boolean {
  return (
    sameJson(planned.metadata.labels, old.metadata.labels) &&
    sameJson(planned.spec, old.spec) &&
    sameJson(planned.status, old.status)
  );
}

/** The conditions of a node that works. */
export function healthyConditions(old: readonly Condition[] | undefined, nowMs: number): readonly Condition[] {
  const heartbeat = formatTime(nowMs);
  const pressures = [
    ["MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    ["DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    ["PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
  ] as const;
  let conditions = old ?? [];
  for (const [type, reason, message] of pressures) {
    conditions = withCondition(
      conditions,
      { type, status: "False", reason, message, lastHeartbeatTime: heartbeat },
      nowMs,
    );
  }
  const ready = {
    type: "Ready",
    status: "True",
    reason: "KubeletReady",
    message: "kubelet is posting ready status",
  } as const;
  return withCondition(conditions, { ...ready, lastHeartbeatTime: heartbeat }, nowMs);
}
