import { controllerOf, isNotFound } from "../objects/index.ts";
import type { Cache, ClusterApi, KubeObject, OwnerReference, Resource } from "../objects/index.ts";
import { orphansOf } from "./cache-specs.ts";
import { controllerReference } from "./pod-from-template.ts";

/** Which of the candidates belong to an owner, which it takes, which it lets go. */
export interface Claims<T> {
  readonly owned: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/**
 * Sorts the objects that `owner` controls and the orphans beside it: what matches is kept or adopted, what no longer
 * matches is released. An owner that is being deleted adopts nothing; nor is anything adopted that goes away.
 */
export function planClaims<T extends KubeObject>(
  owner: KubeObject,
  candidates: readonly T[],
  matches: (object: T) => boolean,
): Claims<T> {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  const ownerLeaves = owner.metadata.deletionTimestamp !== undefined;
  for (const object of candidates) {
    const controller = controllerOf(object);
    if (controller !== undefined && controller.uid !== owner.metadata.uid) continue;
    const leaves = object.metadata.deletionTimestamp !== undefined;
    if (controller !== undefined) {
      if (matches(object) || ownerLeaves || leaves) owned.push(object);
      else release.push(object);
    } else if (matches(object) && !ownerLeaves && !leaves) adopt.push(object);
  }
  return { owned, adopt, release };
}

/** The objects that `owner` controls, after adopting and releasing what its selector says. */
export async function claim<T extends KubeObject>(
  api: ClusterApi,
  resource: Resource<T>,
  cache: Cache<T>,
  owner: KubeObject,
  matches: (object: T) => boolean,
): Promise<readonly T[]> {
  const candidates = [
    ...cache.indexed("owner", owner.metadata.uid ?? ""),
    ...cache.indexed("owner", orphansOf(owner.metadata.namespace)),
  ];
  const plan = planClaims(owner, candidates, matches);
  const uid = owner.metadata.uid ?? "";
  const adopted = await Promise.all(
    plan.adopt.map((object) => setOwners(api, resource, object, (owners) => [...owners, controllerReference(owner)])),
  );
  await Promise.all(
    plan.release.map((object) =>
      setOwners(api, resource, object, (owners) => owners.filter((reference) => reference.uid !== uid)),
    ),
  );
  return [...plan.owned, ...adopted.filter((object) => object !== undefined)];
}

async function setOwners<T extends KubeObject>(
  api: ClusterApi,
  resource: Resource<T>,
  object: T,
  change: (owners: readonly OwnerReference[]) => readonly OwnerReference[],
): Promise<T | undefined> {
  const { uid, resourceVersion, ownerReferences = [], namespace, name } = object.metadata;
  const body = { metadata: { uid, resourceVersion, ownerReferences: change(ownerReferences) } };
  try {
    return await api.patch(resource, namespace, name, { type: "merge", body });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
