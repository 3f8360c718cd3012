import { kindsByGroupVersion } from "../../kinds/index.ts";
import type { Kind } from "../../kinds/index.ts";
import { reviewKinds } from "./reviews.ts";
import type { ReviewKind } from "./reviews.ts";

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;
const partVerbs = ["get", "patch", "update"] as const;

/** A resource or subresource as discovery shows it. */
interface Served {
  /** `pods`, `pods/status`. */
  readonly name: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
}

/** A group-version with its resources. */
interface ServedVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Served[];
}

/** `APIVersions`, the answer at `/api`. */
export function coreVersions(serverAddress: string): unknown {
  const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress }];
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
}

/** `APIGroupList`, the answer at `/apis`. */
export function groupList(): unknown {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups().map((name) => groupOf(name)) };
}

/** `APIGroup`, the answer at `/apis/GROUP`; undefined when there is none. */
export function apiGroup(name: string): unknown {
  return groups().includes(name) ? { kind: "APIGroup", apiVersion: "v1", ...groupOf(name) } : undefined;
}

/** `APIResourceList`, the answer at `/api/v1` and `/apis/GROUP/VERSION`; undefined when there is none. */
export function resourceList(group: string, version: string): unknown {
  const found = servedVersions().find((served) => served.group === group && served.version === version);
  if (found === undefined) return undefined;
  const resources = found.resources.map((served) => ({
    name: served.name,
    singularName: served.singular,
    namespaced: served.namespaced,
    ...(served.responseKind.group === group && served.responseKind.version === version
      ? {}
      : { group: served.responseKind.group, version: served.responseKind.version }),
    kind: served.responseKind.kind,
    verbs: served.verbs,
    ...(served.shortNames.length === 0 ? {} : { shortNames: served.shortNames }),
    ...(served.categories.length === 0 ? {} : { categories: served.categories }),
  }));
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: groupVersion(found), resources };
}

/** `APIGroupDiscoveryList` for `/api` or `/apis`, in the version that the client named. */
export function aggregated(core: boolean, version: "v2" | "v2beta1"): unknown {
  const served = servedVersions();
  const names = core ? [""] : groups();
  const items = names.map((name) => ({
    metadata: { ...(name === "" ? {} : { name }), creationTimestamp: null },
    versions: served
      .filter(({ group }) => group === name)
      .map((entry) => ({ version: entry.version, resources: aggregatedResources(entry), freshness: "Current" })),
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
}

function aggregatedResources({ resources }: ServedVersion): readonly unknown[] {
  const whole = resources.filter(({ name }) => !name.includes("/"));
  return whole.map((served) => {
    const subresources = resources
      .filter(({ name }) => name.startsWith(`${served.name}/`))
      .map(({ name, responseKind, verbs }) => ({
        subresource: name.slice(served.name.length + 1),
        responseKind,
        verbs,
      }));
    return {
      resource: served.name,
      responseKind: served.responseKind,
      scope: served.namespaced ? "Namespaced" : "Cluster",
      singularResource: served.singular,
      verbs: served.verbs,
      ...(served.shortNames.length === 0 ? {} : { shortNames: served.shortNames }),
      ...(served.categories.length === 0 ? {} : { categories: served.categories }),
      ...(subresources.length === 0 ? {} : { subresources }),
    };
  });
}

function groupOf(name: string): {
  readonly name: string;
  readonly versions: unknown;
  readonly preferredVersion: unknown;
} {
  const versions = servedVersions()
    .filter(({ group }) => group === name)
    .map((served) => ({ groupVersion: groupVersion(served), version: served.version }));
  return { name, versions, preferredVersion: versions[0] };
}

function groupVersion({ group, version }: Pick<ServedVersion, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The names of all groups but the core one. */
function groups(): readonly string[] {
  return [...new Set(servedVersions().map(({ group }) => group))].filter((group) => group !== "");
}

function servedVersions(): readonly ServedVersion[] {
  const served = [...kindsByGroupVersion.values()].map((kinds): ServedVersion => {
    const { group = "", version = "" } = kinds[0]?.resource ?? {};
    return { group, version, resources: kinds.flatMap(servedKind) };
  });
  const reviews = [...new Set(reviewKinds.map(({ group }) => group))].map((group): ServedVersion => {
    return { group, version: "v1", resources: reviewKinds.filter((kind) => kind.group === group).map(servedReview) };
  });
  return [...served, ...reviews];
}

function servedKind(kind: Kind): readonly Served[] {
  const { group, version, kind: name, plural, namespaced } = kind.resource;
  const { singular, shortNames, categories } = kind;
  const responseKind = { group, version, kind: name };
  const part = (subresource: string, verbs: readonly string[], response = responseKind): Served => ({
    name: `${plural}/${subresource}`,
    singular: "",
    namespaced,
    responseKind: response,
    verbs,
    shortNames: [],
    categories: [],
  });
  const parts = kind.subresources.map((subresource) =>
    subresource === "scale"
      ? part(subresource, partVerbs, { group: "autoscaling", version: "v1", kind: "Scale" })
      : part(subresource, partVerbs),
  );
  const ofPods = [
    part("eviction", ["create"], { group: "policy", version: "v1", kind: "Eviction" }),
    part("binding", ["create"], { group: "", version: "v1", kind: "Binding" }),
  ];
  return [
    { name: plural, singular, namespaced, responseKind, verbs: allVerbs, shortNames, categories },
    ...parts,
    ...(group === "" && plural === "pods" ? ofPods : []),
    ...(group === "" && plural === "namespaces" ? [part("finalize", ["update"])] : []),
  ];
}

function servedReview({ group, version, kind, plural, namespaced }: ReviewKind): Served {
  const responseKind = { group, version, kind };
  const singular = kind.toLowerCase();
  return { name: plural, singular, namespaced, responseKind, verbs: ["create"], shortNames: [], categories: [] };
}
