import { sameJson } from "../../core/index.ts";
import type { Deployment, PodTemplate, ReplicaSet, StringMap } from "../../objects/index.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";
export const hashLabel = "pod-template-hash";
const historyAnnotation = "deployment.kubernetes.io/revision-history";

/** Annotations that a Deployment keeps to itself. */
const notCopied = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  "deprecated.deployment.rollback.to",
]);

/** The revision that a ReplicaSet stands for; 0 when it has none. */
export function revisionOf(set: ReplicaSet): number {
  return Number(set.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
}

/** Oldest first; by name where the times are equal. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const [atA, atB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  if (atA !== atB) return atA < atB ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The set whose template is the Deployment's own; the oldest where there are several. */
export function findNewReplicaSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template);
  return [...sets]
    .sort(byAge)
    .find(({ spec }) => spec.template !== undefined && sameJson(withoutHash(spec.template), wanted));
}

function withoutHash(template: PodTemplate): PodTemplate {
  const labels = Object.entries(template.metadata?.labels ?? {}).filter(([key]) => key !== hashLabel);
  return {
    spec: template.spec,
    metadata: {
      ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
      ...(template.metadata?.annotations === undefined || Object.keys(template.metadata.annotations).length === 0
        ? {}
        : { annotations: template.metadata.annotations }),
    },
  };
}

/** The annotations of the new set: the Deployment's, its revision, and how many replicas are wanted and allowed. */
export function newSetAnnotations(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  revision: number,
  desired: number,
  allowed: number,
): StringMap {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !notCopied.has(key));
  const old = set?.metadata.annotations ?? {};
  const was = set === undefined ? 0 : revisionOf(set);
  const history = [...(old[historyAnnotation] ?? "").split(",").filter((text) => text !== ""), String(was)];
  return {
    ...old,
    ...Object.fromEntries(copied),
    ...(was !== 0 && was < revision ? { [historyAnnotation]: history.join(",") } : {}),
    [revisionAnnotation]: String(Math.max(was, revision)),
    [desiredAnnotation]: String(desired),
    [maxAnnotation]: String(allowed),
  };
}
