import { randomNameSuffix } from "../../core/index.ts";
import type { Random } from "../../core/index.ts";
import { sameJson } from "../../core/index.ts";
import type { KubeObject, ObjectMeta } from "../../objects/index.ts";

/** Longest base of a generated name: with the suffix it must fit a DNS label. */
const longestGenerateName = 58;

/** The name for `metadata.generateName`. */
export function generatedName(generateName: string, random: Random): string {
  return generateName.slice(0, longestGenerateName) + randomNameSuffix(random);
}

/** The metadata of a new object: what the server alone decides is set, what it does not keep is dropped. */
export function newMetadata(
  metadata: ObjectMeta,
  given: { readonly name: string; readonly namespace: string | undefined; readonly uid: string; readonly time: string },
  hasGeneration: boolean,
): ObjectMeta {
  const { generateName, labels, annotations, ownerReferences, finalizers } = metadata;
  return {
    name: given.name,
    ...(generateName === undefined ? {} : { generateName }),
    ...(given.namespace === undefined ? {} : { namespace: given.namespace }),
    uid: given.uid,
    ...(hasGeneration ? { generation: 1 } : {}),
    creationTimestamp: given.time,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    ...(finalizers === undefined ? {} : { finalizers }),
  };
}

/** The metadata of a changed object: identity and lifecycle stay those of the old one. */
export function keptMetadata(metadata: ObjectMeta, old: ObjectMeta): ObjectMeta {
  const { labels, annotations, ownerReferences, finalizers } = metadata;
  return {
    name: old.name,
    ...(old.generateName === undefined ? {} : { generateName: old.generateName }),
    ...(old.namespace === undefined ? {} : { namespace: old.namespace }),
    ...(old.uid === undefined ? {} : { uid: old.uid }),
    ...(old.resourceVersion === undefined ? {} : { resourceVersion: old.resourceVersion }),
    ...(old.generation === undefined ? {} : { generation: old.generation }),
    ...(old.creationTimestamp === undefined ? {} : { creationTimestamp: old.creationTimestamp }),
    ...(old.deletionTimestamp === undefined ? {} : { deletionTimestamp: old.deletionTimestamp }),
    ...(old.deletionGracePeriodSeconds === undefined
      ? {}
      : { deletionGracePeriodSeconds: old.deletionGracePeriodSeconds }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    ...(finalizers === undefined ? {} : { finalizers }),
  };
}

/** Whether two objects say the same. */
export function equalObjects(a: KubeObject, b: KubeObject): boolean {
  return sameJson(a, b);
}

/** Whether two objects differ in what a controller has to act on: everything but metadata and status. */
export function specChanged(a: KubeObject, b: KubeObject): boolean {
  const before: Readonly<Record<string, unknown>> = { ...b };
  const now: Readonly<Record<string, unknown>> = { ...a };
  const differs = (name: string) => name !== "metadata" && name !== "status" && !sameJson(now[name], before[name]);
  return Object.keys(now).some(differs) || Object.keys(before).some((name) => now[name] === undefined && differs(name));
}
