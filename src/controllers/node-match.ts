import { matchesLabels } from "../objects/index.ts";
import type { Node, NodeSelectorRequirement, PodSpec, StringMap, Taint, Toleration } from "../objects/index.ts";

/** Whether the node has the labels that the pod's `nodeSelector` asks for, and satisfies its required node affinity. */
export function matchesNodeSelector(spec: PodSpec, node: Node): boolean {
  if (!matchesLabels(spec.nodeSelector ?? {}, node.metadata.labels)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  const labels = node.metadata.labels ?? {};
  const fields = { "metadata.name": node.metadata.name };
  // One term is enough; a term without requirements matches nothing.
  return required.nodeSelectorTerms.some(
    ({ matchExpressions = [], matchFields = [] }) =>
      matchExpressions.length + matchFields.length > 0 &&
      matchExpressions.every((requirement) => satisfies(requirement, labels)) &&
      matchFields.every((requirement) => satisfies(requirement, fields)),
  );
}

function satisfies({ key, operator, values = [] }: NodeSelectorRequirement, present: StringMap): boolean {
  const value = present[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

/** Whether a toleration covers a taint. An empty key with `Exists` covers all, an empty effect every effect. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = "", operator = "Equal", value = "", effect = "" } = toleration;
  if (effect !== "" && effect !== taint.effect) return false;
  if (key === "") return operator === "Exists";
  return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
}

/** The first taint of these effects that the pod does not tolerate. */
export function untoleratedTaint(
  tolerations: readonly Toleration[] | undefined,
  node: Node,
  effects: readonly Taint["effect"][],
): Taint | undefined {
  return node.spec.taints?.find(
    (taint) =>
      effects.includes(taint.effect) && !(tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  );
}
