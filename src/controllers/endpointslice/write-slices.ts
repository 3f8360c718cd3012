import { isNotFound, resources } from "../../objects/index.ts";
import type { Cache, ClusterApi, EndpointSlice } from "../../objects/index.ts";
import type { Expectations } from "../expectations.ts";
import type { SlicePlan } from "./plan.ts";

/** Carries a plan out for the owner `key`: additions before removals, so that no endpoint is missing in between. */
export async function writeSlices(
  api: ClusterApi,
  cache: Cache<EndpointSlice>,
  expectations: Expectations,
  key: string,
  plan: SlicePlan,
): Promise<void> {
  const written = (slice: EndpointSlice): void =>
    expectations.written(key, slice, cache.get(slice.metadata.namespace, slice.metadata.name));
  await settle([
    ...plan.create.map(async (slice) => written(await api.create(resources.endpointSlices, slice))),
    ...plan.update.map(async (slice) => written(await api.update(resources.endpointSlices, slice))),
  ]);
  await settle(
    plan.remove.map(async (slice) => {
      const { namespace, name, uid } = slice.metadata;
      try {
        await api.delete(resources.endpointSlices, namespace, name, uid === undefined ? {} : { uid });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      expectations.deleted(key, slice, cache.get(namespace, name));
    }),
  );
}

/** Waits for all; rejects with the first failure. */
async function settle(requests: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(requests)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
