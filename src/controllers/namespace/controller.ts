import { sameJson } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { Cache, KubeObject, Namespace, Resource } from "../../objects/index.ts";
import { controllerCacheSpecs } from "../cache-specs.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { terminatingConditions } from "./plan.ts";
import type { Remaining } from "./plan.ts";

/** How soon to look again for kinds whose changes are not watched here. */
const recheckMs = 1_000;

/**
 * Empties namespaces that are being deleted, of all `namespacedResources`, then lets them go. The API is asked rather
 * than the caches: what was created at the last moment must not be left behind.
 */
export function startNamespaceController(
  context: ControllerContext,
  namespacedResources: readonly Resource<KubeObject>[] = Object.values<Resource<KubeObject>>(resources).filter(
    ({ namespaced }) => namespaced,
  ),
): RunningController {
  const { api, caches, clock } = context;
  const { namespaces } = caches;
  const names = Object.keys(controllerCacheSpecs) as (keyof typeof controllerCacheSpecs)[];
  const watched = names.filter((name) => controllerCacheSpecs[name].resource.namespaced);
  const emptied: readonly Cache<KubeObject>[] = watched.map((name) => caches[name]);
  const cached = new Set(watched.map((name) => controllerCacheSpecs[name].resource.plural));

  const reconcile = async (name: string): Promise<ReconcileResult> => {
    const namespace = namespaces.get(undefined, name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    if ((namespace.spec?.finalizers ?? []).length === 0) return;
    const before = await contentOf(name);
    await Promise.all(before.flatMap(({ resource, objects }) => objects.map((object) => remove(resource, object))));
    const left = before.some(({ objects }) => objects.length > 0) ? await contentOf(name) : [];
    const remaining = left.filter(({ objects }) => objects.length > 0);
    const conditions = terminatingConditions(namespace, remaining.map(describe), clock.now());
    if (remaining.length === 0) return finalize(namespace, conditions);
    if (!sameJson(conditions, namespace.status?.conditions)) {
      const status = { phase: "Terminating" as const, conditions };
      await unlessGone(api.updateStatus(resources.namespaces, { ...namespace, status }));
    }
    // What has a cache here reports its own end; the rest must be asked for.
    const silent = remaining.some(({ resource }) => !cached.has(resource.plural));
    if (silent) return { againAfterMs: recheckMs };
  };

  const contentOf = (name: string) =>
    Promise.all(
      namespacedResources.map(async (resource) => ({
        resource,
        objects: (await api.list(resource, { namespace: name })).items,
      })),
    );

  const remove = async (resource: Resource<KubeObject>, object: KubeObject): Promise<void> => {
    if (object.metadata.deletionTimestamp !== undefined) return;
    await unlessGone(api.delete(resource, object.metadata.namespace, object.metadata.name));
  };

  const finalize = async (
    namespace: Namespace,
    conditions: NonNullable<Namespace["status"]>["conditions"],
  ): Promise<void> => {
    const status = { phase: "Terminating" as const, ...(conditions === undefined ? {} : { conditions }) };
    const spec = { finalizers: (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== "kubernetes") };
    await unlessGone(api.updateStatus(resources.namespaces, { ...namespace, spec, status }));
  };

  return runController(context, {
    name: "namespace",
    needs: [namespaces, ...emptied],
    reconcile,
    watch: (queue) => [
      namespaces.subscribe((now) => {
        if (now?.metadata.deletionTimestamp !== undefined) queue.add(now.metadata.name);
      }),
      ...emptied.map((cache) =>
        cache.subscribe((now, before) => {
          const name = (now ?? before)?.metadata.namespace;
          if (name === undefined || (now !== undefined && before !== undefined)) return;
          if (namespaces.get(undefined, name)?.metadata.deletionTimestamp !== undefined) queue.add(name);
        }),
      ),
    ],
  });
}

function describe({
  resource,
  objects,
}: {
  resource: Resource<KubeObject>;
  objects: readonly KubeObject[];
}): Remaining {
  return { plural: resource.plural, group: resource.group, objects };
}
