import type { KubeObject, ListOptions, Resource } from "../objects/index.ts";

/** The path under which the API serves a collection: of one namespace, or of all. */
export function collectionPath(resource: Resource<KubeObject>, namespace: string | undefined): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${resource.plural}`;
}

/** The path of one object, or of a subresource of it. */
export function objectPath(
  resource: Resource<KubeObject>,
  namespace: string | undefined,
  name: string,
  subresource?: string,
): string {
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** The query of a list or watch request, with its question mark; empty when nothing is asked for. */
export function listQuery(options: ListOptions, extra: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(extra);
  if (options.labelSelector !== undefined) query.set("labelSelector", options.labelSelector);
  if (options.fieldSelector !== undefined) query.set("fieldSelector", options.fieldSelector);
  if (options.resourceVersion !== undefined) query.set("resourceVersion", options.resourceVersion);
  if (options.limit !== undefined) query.set("limit", `${options.limit}`);
  if (options.continue !== undefined) query.set("continue", options.continue);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
