import { coreKinds } from "./core-v1/core-kinds.ts";
import { appsKinds } from "./apps-v1/apps-kinds.ts";
import { discoveryKinds } from "./discovery-v1/discovery-kinds.ts";
import { eventKinds, leaseKind } from "./stored/event-kinds.ts";
import type { Kind } from "./kind.ts";
import { networkingKinds } from "./networking-v1/networking-kinds.ts";
import { storedKinds } from "./stored/stored-kinds.ts";
import { apiVersionOf } from "../objects/index.ts";

/** Every kind that the API server serves, in the order of discovery within its group. */
export const kinds: readonly Kind[] = [
  ...coreKinds,
  ...appsKinds,
  ...discoveryKinds,
  ...networkingKinds,
  leaseKind,
  ...eventKinds,
  ...storedKinds,
];

/** All kinds under their `apiVersion` (`v1`, `apps/v1`). */
export const kindsByGroupVersion: ReadonlyMap<string, readonly Kind[]> = groupByVersion();

/** The kind at a URL such as `/apis/GROUP/VERSION/.../PLURAL`; the group of `/api/v1` is "". */
export function findKind(group: string, version: string, plural: string): Kind | undefined {
  const list = kindsByGroupVersion.get(apiVersionOf({ group, version }));
  return list?.find((kind) => kind.resource.plural === plural);
}

/** The kind that an object names in its `apiVersion` and `kind`. */
export function findKindByName(apiVersion: string, kind: string): Kind | undefined {
  return kindsByGroupVersion.get(apiVersion)?.find((candidate) => candidate.resource.kind === kind);
}

function groupByVersion(): Map<string, Kind[]> {
  const groups = new Map<string, Kind[]>();
  for (const kind of kinds) {
    const apiVersion = apiVersionOf(kind.resource);
    const list = groups.get(apiVersion);
    if (list === undefined) groups.set(apiVersion, [kind]);
    else list.push(kind);
  }
  return groups;
}
