/** What a URL names. */
export type Route =
  | { readonly kind: "objects"; readonly target: ObjectTarget }
  | { readonly kind: "document"; readonly path: readonly string[] }
  | { readonly kind: "none" };

/** A collection, an object, or part of one. */
export interface ObjectTarget {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Undefined for cluster-scoped kinds and for lists over all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource in the path, for proxies. */
  readonly rest: readonly string[];
}

/** Reads a path such as `/apis/apps/v1/namespaces/tour/deployments/web/scale`. Never throws. */
export function parseRoute(path: string): Route {
  const parts = decodeParts(path);
  if (parts === undefined) return { kind: "none" };
  const [root, ...rest] = parts;
  if (root === "api" && rest.length >= 2) return objects("", rest[0] ?? "", rest.slice(1));
  if (root === "apis" && rest.length >= 3) return objects(rest[0] ?? "", rest[1] ?? "", rest.slice(2));
  return { kind: "document", path: parts };
}

function decodeParts(path: string): readonly string[] | undefined {
  try {
    return path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Below `namespaces/NAME` stand the objects of a namespace, or a subresource of the namespace itself. */
function objects(group: string, version: string, parts: readonly string[]): Route {
  const [first = "", second, third, ...rest] = parts;
  const ofNamespace = group === "" && (third === "status" || third === "finalize");
  const inNamespace = first === "namespaces" && second !== undefined && third !== undefined && !ofNamespace;
  if (inNamespace) return { kind: "objects", target: target(group, version, second, [third, ...rest]) };
  return { kind: "objects", target: target(group, version, undefined, parts) };
}

function target(group: string, version: string, namespace: string | undefined, parts: readonly string[]): ObjectTarget {
  const [plural = "", name, subresource, ...rest] = parts;
  return { group, version, plural, namespace, name, subresource, rest };
}
