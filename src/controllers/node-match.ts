import { matchesLabels } from "../objects/index.ts";
import type { Node, PodSpec, Taint, Toleration } from "../objects/index.ts";

/** Whether the node has every label that the pod's `nodeSelector` asks for. */
export function matchesNodeSelector(spec: PodSpec, node: Node): boolean {
  return matchesLabels(spec.nodeSelector ?? {}, node.metadata.labels);
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
