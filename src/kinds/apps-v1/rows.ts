import { formatLabelSelector } from "../../objects/index.ts";
import type {
  DaemonSet,
  Deployment,
  LabelSelector,
  PodTemplate,
  ReplicaSet,
  StatefulSet,
} from "../../objects/index.ts";
import type { Cell, Column } from "../kind.ts";
import { ageCell, ageColumn, column, nameColumn, orNone, wideColumn } from "../printing/column.ts";

const containersColumn = wideColumn("Containers", "Names of each container in the template.");
const imagesColumn = wideColumn("Images", "Images referenced by each container in the template.");
const selectorColumn = wideColumn("Selector", "Label selector of the pods.");

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  column("Ready", "Number of the pods with Ready condition."),
  column("Up-to-date", "Number of pods that have the desired template."),
  column("Available", "Number of available pods (ready for at least minReadySeconds)."),
  ageColumn,
  containersColumn,
  imagesColumn,
  selectorColumn,
];

export function deploymentRow(deployment: Deployment, nowMs: number): readonly Cell[] {
  const { spec, status } = deployment;
  return [
    deployment.metadata.name,
    `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    ageCell(deployment, nowMs),
    ...templateCells(spec.template),
    selectorCell(spec.selector),
  ];
}

/** Of ReplicaSets and ReplicationControllers. */
export const replicaColumns: readonly Column[] = [
  nameColumn,
  column("Desired", "Number of desired pods.", "integer"),
  column("Current", "Number of pods that there are.", "integer"),
  column("Ready", "Number of ready pods.", "integer"),
  ageColumn,
  containersColumn,
  imagesColumn,
  selectorColumn,
];

export function replicaSetRow(replicaSet: ReplicaSet, nowMs: number): readonly Cell[] {
  const { spec, status } = replicaSet;
  return [
    replicaSet.metadata.name,
    spec.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageCell(replicaSet, nowMs),
    ...templateCells(spec.template),
    selectorCell(spec.selector),
  ];
}

export const statefulSetColumns: readonly Column[] = [
  nameColumn,
  column("Ready", "Number of the pods with Ready condition."),
  ageColumn,
  containersColumn,
  imagesColumn,
];

export function statefulSetRow(set: StatefulSet, nowMs: number): readonly Cell[] {
  const { spec, status } = set;
  const ready = `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`;
  return [set.metadata.name, ready, ageCell(set, nowMs), ...templateCells(spec.template)];
}

export const daemonSetColumns: readonly Column[] = [
  nameColumn,
  column("Desired", "Number of nodes that should run the pod.", "integer"),
  column("Current", "Number of nodes that run at least one pod and should.", "integer"),
  column("Ready", "Number of nodes that have a ready pod.", "integer"),
  column("Up-to-date", "Number of nodes whose pod has the desired template.", "integer"),
  column("Available", "Number of nodes that have an available pod.", "integer"),
  column("Node Selector", "Labels of the nodes that should run the pod."),
  ageColumn,
  containersColumn,
  imagesColumn,
  selectorColumn,
];

export function daemonSetRow(set: DaemonSet, nowMs: number): readonly Cell[] {
  const { spec, status } = set;
  return [
    set.metadata.name,
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    formatLabels(spec.template.spec.nodeSelector),
    ageCell(set, nowMs),
    ...templateCells(spec.template),
    selectorCell(spec.selector),
  ];
}

/** The wide cells that name a template's containers and images. */
export function templateCells(template: PodTemplate | undefined): readonly [string, string] {
  const containers = template?.spec.containers ?? [];
  return [containers.map(({ name }) => name).join(","), containers.map(({ image }) => image ?? "").join(",")];
}

/** Labels as `a=b,c=d` ordered by key, `<none>` when there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  return orNone(formatLabelSelector({ matchLabels: labels ?? {} }));
}

function selectorCell(selector: LabelSelector | undefined): string {
  return orNone(formatLabelSelector(selector));
}
