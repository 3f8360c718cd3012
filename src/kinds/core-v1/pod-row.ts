import type { Pod } from "../../objects/index.ts";
import { asFields, fieldsOf, itemsOf, numberOf, textOf } from "../fields.ts";
import type { Fields } from "../fields.ts";
import type { Cell, Column } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, orNone, sinceCell, wideColumn } from "../printing/column.ts";

/** The columns of `kubectl get pods`. */
export const podColumns: readonly Column[] = [
  nameColumn,
  column("Ready", "The aggregate readiness state of this pod for accepting traffic."),
  column("Status", "The aggregate status of the containers in this pod."),
  column("Restarts", "The number of times the containers in this pod have been restarted and when the last one was."),
  ageColumn,
  wideColumn("IP", "The address of the pod."),
  wideColumn("Node", "The node that the pod runs on."),
  wideColumn("Nominated Node", "The node that may make room for the pod."),
  wideColumn("Readiness Gates", "How many of the pod's readiness gates are passed."),
];

/** The row of a pod: STATUS is the most telling of its phase, its containers' states and its deletion. */
export function podRow(pod: Pod, nowMs: number): readonly Cell[] {
  const { reason, ready, restarts } = summary(pod, nowMs);
  const sidecars = itemsOf(asFields(pod.spec).initContainers).filter(
    ({ restartPolicy }) => restartPolicy === "Always",
  ).length;
  const status = fieldsOf(pod.status);
  const gates = itemsOf(asFields(pod.spec).readinessGates);
  const conditions = itemsOf(status.conditions);
  const passed = gates.filter(({ conditionType }) => conditionIsTrue(conditions, conditionType)).length;
  const address = textOf(itemsOf(status.podIPs)[0]?.ip) || textOf(status.podIP);
  return [
    pod.metadata.name,
    `${ready}/${pod.spec.containers.length + sidecars}`,
    reason,
    restarts,
    ageCell(pod, nowMs),
    orNone(address),
    orNone(pod.spec.nodeName ?? ""),
    orNone(textOf(status.nominatedNodeName)),
    gates.length === 0 ? "<none>" : `${passed}/${gates.length}`,
  ];
}

interface Summary {
  readonly reason: string;
  readonly ready: number;
  readonly restarts: string;
}

function summary(pod: Pod, nowMs: number): Summary {
  const status = fieldsOf(pod.status);
  const conditions = itemsOf(status.conditions);
  const gated = conditions.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated");
  const phase = textOf(status.reason) || textOf(status.phase);
  const init = initSummary(pod, gated ? "SchedulingGated" : phase);
  let { reason, ready } = init;
  let counted = init.statuses;
  if (!init.isInitializing || conditionIsTrue(conditions, "Initialized")) {
    const containers = itemsOf(status.containerStatuses);
    counted = [...init.restartable, ...containers];
    let hasRunning = false;
    for (const container of containers.toReversed()) {
      const state = fieldsOf(container.state);
      const stopped = waitingReason(state) || terminatedReason(state);
      if (stopped !== "") reason = stopped;
      else if (container.ready === true && state.running !== undefined) {
        hasRunning = true;
        ready++;
      }
    }
    if (reason === "Completed" && hasRunning) reason = conditionIsTrue(conditions, "Ready") ? "Running" : "NotReady";
  }
  const isFinished = status.phase === "Succeeded" || status.phase === "Failed";
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === "NodeLost") reason = "Unknown";
    else if (!isFinished) reason = "Terminating";
  }
  return { reason, ready, restarts: restartsCell(counted, nowMs) };
}

interface InitSummary {
  readonly reason: string;
  readonly ready: number;
  readonly isInitializing: boolean;
  /** The states of all init containers, and of those that run beside the others (sidecars). */
  readonly statuses: readonly Fields[];
  readonly restartable: readonly Fields[];
}

function initSummary(pod: Pod, phase: string): InitSummary {
  const specs = itemsOf(asFields(pod.spec).initContainers);
  const isSidecar = (status: Fields) =>
    specs.some(({ name, restartPolicy }) => name === status.name && restartPolicy === "Always");
  const statuses = itemsOf(fieldsOf(pod.status).initContainerStatuses);
  const restartable = statuses.filter(isSidecar);
  let ready = 0;
  for (const [i, status] of statuses.entries()) {
    const state = fieldsOf(status.state);
    const terminated = fieldsOf(state.terminated);
    if (state.terminated !== undefined && numberOf(terminated.exitCode) === 0) continue;
    if (isSidecar(status) && status.started === true) {
      if (status.ready === true) ready++;
      continue;
    }
    const waiting = waitingReason(state);
    const stopped = terminatedReason(state) || (waiting === "PodInitializing" ? "" : waiting);
    const reason = stopped === "" ? `Init:${i}/${specs.length}` : `Init:${stopped}`;
    return { reason, ready, isInitializing: true, statuses, restartable };
  }
  return { reason: phase, ready, isInitializing: false, statuses, restartable };
}

function waitingReason(state: Fields): string {
  return textOf(fieldsOf(state.waiting).reason);
}

function terminatedReason(state: Fields): string {
  if (state.terminated === undefined) return "";
  const { reason, signal, exitCode } = fieldsOf(state.terminated);
  if (textOf(reason) !== "") return textOf(reason);
  return numberOf(signal) === 0 ? `ExitCode:${numberOf(exitCode)}` : `Signal:${numberOf(signal)}`;
}

function restartsCell(statuses: readonly Fields[], nowMs: number): string {
  const count = statuses.reduce((sum, status) => sum + numberOf(status.restartCount), 0);
  const times = statuses.map((status) => textOf(fieldsOf(fieldsOf(status.lastState).terminated).finishedAt));
  const last = times.reduce((latest, time) => (time > latest ? time : latest), "");
  return count === 0 || last === "" ? `${count}` : `${count} (${sinceCell(last, nowMs)} ago)`;
}

function conditionIsTrue(conditions: readonly Fields[], type: unknown): boolean {
  return conditions.some((condition) => condition.type === type && condition.status === "True");
}
