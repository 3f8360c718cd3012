import { sameJson } from "../core/index.ts";
import { isAlreadyExists, isNotFound, resources } from "../objects/index.ts";
import type { ClusterApi, ControllerRevision, KubeObject, PodTemplate, StringMap } from "../objects/index.ts";
import { controllerReference } from "./pod-from-template.ts";
import { templateHash } from "./template-hash.ts";

/** The label by which a pod says of which revision it is. */
export const revisionHashLabel = "controller-revision-hash";

/** The object that a pod template is remembered by, as a strategic merge patch of its owner. */
export function newRevision(
  owner: KubeObject,
  template: PodTemplate,
  revision: number,
  collisionCount: number | undefined,
): ControllerRevision {
  const hash = templateHash(template, collisionCount);
  const { namespace, name, annotations } = owner.metadata;
  const labels: StringMap = { ...template.metadata?.labels, [revisionHashLabel]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    data: { spec: { template: { ...template, $patch: "replace" } } },
    revision,
  };
}

/** The value of the pods' revision label. */
export function revisionHash(revision: ControllerRevision): string {
  return revision.metadata.labels?.[revisionHashLabel] ?? revision.metadata.name;
}

/** Revisions from the oldest to the newest. */
export function sortRevisions(revisions: readonly ControllerRevision[]): readonly ControllerRevision[] {
  return [...revisions].sort((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The pod template that a revision remembers; undefined when another program wrote something else. */
export function templateOf(revision: ControllerRevision): PodTemplate | undefined {
  const data = revision.data as { readonly spec?: { readonly template?: PodTemplate } } | undefined;
  const template = data?.spec?.template;
  if (template === undefined) return undefined;
  const { $patch: _patch, ...rest } = template as PodTemplate & { readonly $patch?: string };
  return rest;
}

/** What must be written so that the owner's template is the newest revision. */
export type RevisionPlan =
  | { readonly kind: "current"; readonly revision: ControllerRevision }
  /** A template of the past is back: its revision gets the newest number. */
  | { readonly kind: "renumber"; readonly revision: ControllerRevision }
  | { readonly kind: "create"; readonly revision: ControllerRevision };

/** Finds the owner's template among its revisions. */
export function planRevision(
  owner: KubeObject,
  template: PodTemplate,
  revisions: readonly ControllerRevision[],
  collisionCount: number | undefined,
): RevisionPlan {
  const sorted = sortRevisions(revisions);
  const newest = sorted.at(-1);
  const wanted = newRevision(owner, template, (newest?.revision ?? 0) + 1, collisionCount);
  const equal = sorted.filter(({ data }) => sameJson(data, wanted.data)).at(-1);
  if (equal === undefined) return { kind: "create", revision: wanted };
  if (equal === newest) return { kind: "current", revision: equal };
  return { kind: "renumber", revision: { ...equal, revision: wanted.revision } };
}

/** The old revisions beyond `limit` that no pod uses, the oldest first. */
export function planHistory(
  revisions: readonly ControllerRevision[],
  used: ReadonlySet<string>,
  limit: number,
): readonly ControllerRevision[] {
  const unused = sortRevisions(revisions).filter(({ metadata }) => !used.has(metadata.name));
  return unused.slice(0, Math.max(0, unused.length - limit));
}

/** Writes what `planRevision` found. Undefined: the name is taken by another template, so count a collision. */
export async function writeRevision(api: ClusterApi, plan: RevisionPlan): Promise<ControllerRevision | undefined> {
  if (plan.kind === "current") return plan.revision;
  if (plan.kind === "renumber") return api.update(resources.controllerRevisions, plan.revision);
  const { revision } = plan;
  try {
    return await api.create(resources.controllerRevisions, revision);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const { namespace, name } = revision.metadata;
    const present = await api.get(resources.controllerRevisions, namespace, name);
    return sameJson(present.data, revision.data) ? present : undefined;
  }
}

/** Deletes revisions; one that is gone already is fine. */
export async function removeRevisions(api: ClusterApi, revisions: readonly ControllerRevision[]): Promise<void> {
  for (const { metadata } of revisions) {
    try {
      await api.delete(resources.controllerRevisions, metadata.namespace, metadata.name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
