import { slimEndpointSlices } from "../../client/index.ts";
import type { CacheOptions, RunningCache } from "../../client/index.ts";
import { importNameLabel, resources, serviceImports } from "../../objects/index.ts";
import type { EndpointSlice, KubeObject, Resource, ServiceImport } from "../../objects/index.ts";

/** Begins to watch objects; `called` is what metrics call them. */
export type WatchObjects = <T extends KubeObject>(
  resource: Resource<T>,
  options: Pick<CacheOptions<T>, "listOptions" | "mayBeMissing" | "slim">,
  called: string,
) => RunningCache<T>;

/** The caches of what other clusters export. */
export interface WatchedImports {
  readonly serviceImports: RunningCache<ServiceImport>;
  readonly endpointSlices: RunningCache<EndpointSlice>;
}

/** Begins to watch what other clusters export: nothing, while the API does not have the kind. */
export function watchImports(watch: WatchObjects): WatchedImports {
  const listOptions = { labelSelector: importNameLabel };
  const options = { listOptions, slim: slimEndpointSlices() };
  return {
    serviceImports: watch(serviceImports, { mayBeMissing: true }, serviceImports.kind),
    endpointSlices: watch(resources.endpointSlices, options, "EndpointSlice of a ServiceImport"),
  };
}
