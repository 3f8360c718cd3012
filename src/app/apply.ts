import { decodeObject, findKindByName, strictProblems } from "../kinds/index.ts";
import { CodedError, messageOf } from "../core/index.ts";
import { isAlreadyExists } from "../objects/index.ts";
import type { ClusterApi, KubeObject, Resource } from "../objects/index.ts";
import type { ManifestObject } from "./manifests.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** An object of a manifest that is known to be well formed. */
interface ReadyObject {
  readonly source: string;
  readonly resource: Resource<KubeObject>;
  readonly object: KubeObject;
}

/** What applying gave. */
export interface Applied {
  readonly objects: number;
  /** `job.batch/NAME in NAMESPACE` of objects that nothing acts on. */
  readonly storedOnly: readonly string[];
}

/**
 * Applies manifests as `kubectl apply` would on a fresh cluster: creates what is new, merges into what is there, and remembers the manifest
 * in the object, so that a later `kubectl apply` goes on from here. All objects are checked before the first is written.
 * Rejects with `CodedError` "BadManifest" that lists every object that was refused, and why.
 */
export async function applyManifests(api: ClusterApi, manifests: readonly ManifestObject[]): Promise<Applied> {
  const problems: string[] = [];
  const ready: ReadyObject[] = [];
  const storedOnly: string[] = [];
  for (const manifest of manifests) {
    try {
      const { kind, object } = check(manifest);
      ready.push({ source: manifest.source, resource: kind.resource, object });
      if (!kind.actedOn) storedOnly.push(nameOf(kind.resource, object));
    } catch (error) {
      problems.push(`${manifest.source}: ${messageOf(error)}`);
    }
  }
  if (problems.length > 0) throw new CodedError("BadManifest", problems.join("\n"));
  for (const { source, resource, object } of ready) {
    try {
      await applyOne(api, resource, object);
    } catch (error) {
      problems.push(`${source}: ${messageOf(error)}`);
    }
  }
  if (problems.length > 0) throw new CodedError("BadManifest", problems.join("\n"));
  return { objects: ready.length, storedOnly };
}

/** `deployment.apps/NAME in NAMESPACE`. */
export function nameOf(resource: Resource<KubeObject>, object: KubeObject): string {
  const kind = resource.kind.toLowerCase();
  const group = resource.group === "" ? "" : `.${resource.group}`;
  const { name, namespace } = object.metadata;
  return `${kind}${group}/${name}${namespace === undefined ? "" : ` in ${namespace}`}`;
}

function check({ value }: ManifestObject) {
  const apiVersion = String(value["apiVersion"]);
  const name = String(value["kind"]);
  const kind = findKindByName(apiVersion, name);
  if (kind === undefined) {
    throw new CodedError("UnknownKind", `no matches for kind "${name}" in version "${apiVersion}"`);
  }
  const decoded = decodeObject(kind, value);
  if (decoded.kind === "failed") throw new CodedError("BadManifest", decoded.message);
  const unknown = strictProblems([], decoded.unknownFields);
  if (unknown.length > 0) throw new CodedError("BadManifest", unknown.join(", "));
  return { kind, object: completed(kind.resource, decoded.object, value) };
}

function completed(resource: Resource<KubeObject>, object: KubeObject, manifest: ManifestObject["value"]): KubeObject {
  const namespace = resource.namespaced ? { namespace: object.metadata.namespace ?? "default" } : {};
  const applied = asApplied(manifest, namespace);
  const annotations = { ...object.metadata.annotations, [lastApplied]: applied };
  return { ...object, metadata: { ...object.metadata, ...namespace, annotations } };
}

/** The manifest to the byte as kubectl would remember it, so that its next `apply` of the same file changes nothing. */
function asApplied(manifest: Readonly<Record<string, unknown>>, namespace: object): string {
  const metadata = manifest["metadata"];
  const known = typeof metadata === "object" && metadata !== null ? metadata : {};
  const text = JSON.stringify({ ...manifest, metadata: { annotations: {}, ...known, ...namespace } }, sortedKeys);
  // The escapes of Go's encoder.
  const escaped = text.replaceAll(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${escaped}\n`;
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function applyOne(api: ClusterApi, resource: Resource<KubeObject>, object: KubeObject): Promise<void> {
  try {
    await api.create(resource, object);
  } catch (error) {
    const { namespace, name } = object.metadata;
    // Of a Service that is there already the first complaint is that its own address is taken.
    if (!isAlreadyExists(error) && !(await exists(api, resource, namespace, name))) throw error;
    await api.patch(resource, namespace, name, { type: "strategic", body: object });
  }
}

async function exists(
  api: ClusterApi,
  resource: Resource<KubeObject>,
  namespace: string | undefined,
  name: string,
): Promise<boolean> {
  try {
    await api.get(resource, namespace, name);
    return true;
  } catch {
    return false;
  }
}
