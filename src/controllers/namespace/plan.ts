import type { Condition, KubeObject, Namespace } from "../../objects/index.ts";
import { withCondition } from "../conditions.ts";

/** What is still in a namespace that is to be emptied. */
export interface Remaining {
  readonly plural: string;
  readonly group: string;
  readonly objects: readonly KubeObject[];
}

/** The conditions that say why a namespace is not gone yet. */
export function terminatingConditions(
  namespace: Namespace,
  remaining: readonly Remaining[],
  nowMs: number,
): readonly Condition[] {
  const kinds = remaining.filter(({ objects }) => objects.length > 0).sort((a, b) => (name(a) < name(b) ? -1 : 1));
  const counts = kinds.map((kind) => `${name(kind)} has ${kind.objects.length} resource instances`);
  const finalizers = new Map<string, number>();
  for (const object of kinds.flatMap(({ objects }) => objects)) {
    for (const finalizer of object.metadata.finalizers ?? []) {
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    }
  }
  const held = [...finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  const content: Omit<Condition, "lastTransitionTime"> =
    counts.length === 0
      ? {
          type: "NamespaceContentRemaining",
          status: "False",
          reason: "ContentRemoved",
          message: "All content successfully removed",
        }
      : {
          type: "NamespaceContentRemaining",
          status: "True",
          reason: "SomeResourcesRemain",
          message: `Some resources are remaining: ${counts.join(", ")}`,
        };
  const blocked: Omit<Condition, "lastTransitionTime"> =
    held.length === 0
      ? {
          type: "NamespaceFinalizersRemaining",
          status: "False",
          reason: "ContentHasNoFinalizers",
          message: "All content-preserving finalizers finished",
        }
      : {
          type: "NamespaceFinalizersRemaining",
          status: "True",
          reason: "SomeFinalizersRemain",
          message: `Some content in the namespace has finalizers remaining: ${held.join(", ")}`,
        };
  return withCondition(withCondition(namespace.status?.conditions, content, nowMs), blocked, nowMs);
}

function name({ plural, group }: Remaining): string {
  return group === "" ? `${plural}.` : `${plural}.${group}`;
}
