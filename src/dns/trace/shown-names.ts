import { matchesLabelRequirements } from "../../objects/index.ts";
import type { Service } from "../../objects/index.ts";
import type { KubernetesSettings, ServerBlock } from "../corefile/configuration.ts";

/** Which names of a cluster a configuration shows, and where it says so. */
export type ShownNames = Pick<
  KubernetesSettings,
  "namespaces" | "labels" | "ignoreEmptyService" | "withEndpoints" | "zonal"
> &
  Pick<ServerBlock, "file" | "line">;

/** Why a configuration leaves out all names of a namespace that is there; `undefined` when it does not. */
export function whyNamespaceLeftOut(namespace: string, shown: ShownNames | undefined): string | undefined {
  if (shown === undefined || shown.namespaces.length === 0 || shown.namespaces.includes(namespace)) return undefined;
  return `${placeOf(shown)} shows only the namespaces ${shown.namespaces.join(", ")}, not ${namespace}`;
}

/** Why a configuration leaves out a Service (`what` for people) that is there; `undefined` when it does not. */
export function whyServiceLeftOut(
  what: string,
  { metadata, spec }: Service,
  hasReadyEndpoint: boolean,
  shown: ShownNames | undefined,
): string | undefined {
  if (shown === undefined) return undefined;
  const place = placeOf(shown);
  if (!matchesLabelRequirements(shown.labels, metadata.labels)) {
    const keys = [...new Set(shown.labels.map(({ key }) => key))].join(", ");
    return `${place} leaves ${what} out, because of its labels (labels, about ${keys})`;
  }
  if (spec.type === "ExternalName") return undefined;
  if (spec.clusterIP === "None") {
    return shown.withEndpoints ? undefined : `headless ${what} has no addresses, because ${place} says noendpoints`;
  }
  if (!shown.ignoreEmptyService || hasReadyEndpoint) return undefined;
  return `${what} has no ready endpoint, and ${place} leaves such Services out (ignore empty_service)`;
}

/** Why there are no names of zones; `undefined` when there are. */
export function whyZonesLeftOut(shown: ShownNames | undefined): string | undefined {
  if (shown === undefined) return "names of zones are turned off";
  if (!shown.withEndpoints) return `there are no names of zones, because ${placeOf(shown)} says noendpoints`;
  return shown.zonal ? undefined : `names of zones are turned off: ${placeOf(shown)} does not say zonal`;
}

function placeOf({ file, line }: ShownNames): string {
  return `kubernetes in the block at ${file}:${line}`;
}
