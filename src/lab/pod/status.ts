import type { Ip } from "../../core/index.ts";
import { formatTime } from "../../objects/index.ts";
import type { Condition, Container, ContainerStatus, Pod, PodStatus } from "../../objects/index.ts";

/** The condition that says that nothing of the pod's images runs. */
export const standInCondition = "sealane.dev/stand-in";

/** What the runtime knows of one running container. */
export interface ContainerFacts {
  readonly name: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly startedAtMs: number;
  /** Set while the container waits, e.g. in back-off. */
  readonly waiting?: { readonly reason: string; readonly message: string };
  /** How and when the previous run ended. */
  readonly lastEnd?: { readonly startedAtMs: number; readonly finishedAtMs: number };
}

/** What the runtime knows of one pod. */
export interface PodFacts {
  readonly podIP: Ip;
  readonly hostIP: Ip;
  readonly startTimeMs: number;
  readonly containers: readonly ContainerFacts[];
  /** False for pods that are part of this program, such as the ingress. */
  readonly standIn: boolean;
}

/** The status of a pod with these facts. Keeps what others wrote, and transition times of what did not change. */
export function podStatus(pod: Pod, facts: PodFacts, nowMs: number): PodStatus {
  const old = pod.status ?? {};
  const ready = facts.containers.filter((container) => container.ready).map(({ name }) => name);
  const unready = facts.containers.filter((container) => !container.ready).map(({ name }) => name);
  const containersReady = ready.length === facts.containers.length;
  const gates = (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const closedGates = gates.filter(
    (gate) => !(old.conditions ?? []).some(({ type, status }) => type === gate && status === "True"),
  );
  const unreadyReason = {
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
  const conditions: Condition[] = [
    { type: "PodReadyToStartContainers", status: "True" },
    { type: "Initialized", status: "True" },
    condition("ContainersReady", containersReady, unreadyReason),
    !containersReady
      ? condition("Ready", false, unreadyReason)
      : condition("Ready", closedGates.length === 0, {
          reason: "ReadinessGatesNotReady",
          message: closedGates.map((gate) => `the status of pod readiness gate "${gate}" is not "True"`).join(", "),
        }),
    old.conditions?.find(({ type }) => type === "PodScheduled") ?? { type: "PodScheduled", status: "True" },
    ...(facts.standIn
      ? [
          {
            type: standInCondition,
            status: "True",
            reason: "StandIn",
            message: "a stand-in answers on the ports of this pod; its images do not run",
          } as const,
        ]
      : []),
  ];
  const statuses = new Map(facts.containers.map((container) => [container.name, container]));
  const main = pod.spec.containers.map((container) => containerStatus(pod, facts, container, statuses));
  const init = (pod.spec.initContainers ?? []).map((container) =>
    statuses.has(container.name)
      ? containerStatus(pod, facts, container, statuses)
      : completedStatus(pod, container, facts.startTimeMs),
  );
  return {
    ...old,
    phase: "Running",
    podIP: facts.podIP,
    podIPs: [{ ip: facts.podIP }],
    hostIP: facts.hostIP,
    hostIPs: [{ ip: facts.hostIP }],
    startTime: old.startTime ?? formatTime(facts.startTimeMs),
    conditions: mergeConditions(old.conditions ?? [], conditions, formatTime(nowMs)),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: main,
  };
}

function condition(
  type: string,
  holds: boolean,
  otherwise: { readonly reason: string; readonly message: string },
): Condition {
  return holds ? { type, status: "True" } : { type, status: "False", ...otherwise };
}

function mergeConditions(old: readonly Condition[], wanted: readonly Condition[], now: string): readonly Condition[] {
  const before = new Map(old.map((entry) => [entry.type, entry]));
  const mine = new Set(wanted.map(({ type }) => type));
  const merged = wanted.map((entry) => {
    const previous = before.get(entry.type);
    const kept = previous?.status === entry.status ? previous.lastTransitionTime : undefined;
    return { ...entry, lastTransitionTime: kept ?? now };
  });
  return [...old.filter(({ type }) => !mine.has(type)), ...merged];
}

function containerStatus(
  pod: Pod,
  facts: PodFacts,
  container: Container,
  statuses: ReadonlyMap<string, ContainerFacts>,
): ContainerStatus {
  const known = statuses.get(container.name);
  const startedAtMs = known?.startedAtMs ?? facts.startTimeMs;
  const restartCount = known?.restartCount ?? 0;
  const image = container.image ?? "";
  return {
    name: container.name,
    image,
    imageID: facts.standIn ? `stand-in://${image}` : image,
    containerID: containerId(pod, container.name, restartCount),
    ready: known?.ready ?? false,
    started: known?.started ?? false,
    restartCount,
    state:
      known?.waiting === undefined ? { running: { startedAt: formatTime(startedAtMs) } } : { waiting: known.waiting },
    ...(known?.lastEnd === undefined
      ? {}
      : {
          lastState: {
            terminated: {
              exitCode: 137,
              reason: "Error",
              startedAt: formatTime(known.lastEnd.startedAtMs),
              finishedAt: formatTime(known.lastEnd.finishedAtMs),
              containerID: containerId(pod, container.name, restartCount - 1),
            },
          },
        }),
  };
}

function completedStatus(pod: Pod, container: Container, atMs: number): ContainerStatus {
  const at = formatTime(atMs);
  const image = container.image ?? "";
  const containerID = containerId(pod, container.name, 0);
  return {
    name: container.name,
    image,
    imageID: `stand-in://${image}`,
    containerID,
    ready: true,
    started: false,
    restartCount: 0,
    state: { terminated: { exitCode: 0, reason: "Completed", startedAt: at, finishedAt: at, containerID } },
  };
}

function containerId(pod: Pod, container: string, restart: number): string {
  return `sealane://${pod.metadata.uid ?? pod.metadata.name}/${container}/${restart}`;
}
