import { kinds } from "../../kinds/index.ts";
import type { Kind } from "../../kinds/index.ts";

/** The path of one object of a kind, as OpenAPI writes it. */
export interface ObjectPath {
  readonly path: string;
  readonly kind: Kind;
}

/** Paths that can be patched, of all kinds or of one group-version (`api/v1`, `apis/apps/v1`). */
export function objectPaths(groupVersion?: string): readonly ObjectPath[] {
  return kinds
    .map((kind) => ({ path: pathOf(kind), kind }))
    .filter(({ kind }) => groupVersion === undefined || root(kind) === groupVersion);
}

/** The group-versions that have documents, in the order of discovery. */
export function documentRoots(): readonly string[] {
  return [...new Set(kinds.map(root))];
}

function root({ resource: { group, version } }: Kind): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

function pathOf(kind: Kind): string {
  const { plural, namespaced } = kind.resource;
  return `/${root(kind)}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}/{name}`;
}
