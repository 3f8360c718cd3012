import { kubernetesVersion } from "../../core/index.ts";
import { documentRoots, objectPaths } from "./paths.ts";

/**
 * OpenAPI v3 as far as kubectl needs it: for each kind, that PATCH takes `dryRun` and `fieldValidation`, so that
 * kubectl leaves validation to the server. Schemas say no more than that something is an object.
 */
export function openApiV3Index(): unknown {
  const paths = documentRoots().map((root): [string, unknown] => [
    root,
    { serverRelativeURL: `/openapi/v3/${root}?hash=${kubernetesVersion}` },
  ]);
  return { paths: Object.fromEntries(paths) };
}

/** The document of a group-version such as `apis/apps/v1`; undefined when there is none. */
export function openApiV3Document(root: string): unknown {
  const served = objectPaths(root);
  if (served.length === 0) return undefined;
  const paths = served.map(({ path, kind }): [string, unknown] => {
    const { group, version, kind: name } = kind.resource;
    return [
      path,
      {
        patch: {
          operationId: `patch${name}`,
          parameters: [queryParameter("dryRun"), queryParameter("fieldManager"), queryParameter("fieldValidation")],
          requestBody: { content: { "application/merge-patch+json": { schema: { type: "object" } } } },
          responses: { "200": { description: "OK" } },
          "x-kubernetes-action": "patch",
          "x-kubernetes-group-version-kind": { group, version, kind: name },
        },
      },
    ];
  });
  const schemas = served.map(({ kind }): [string, unknown] => {
    const { group, version, kind: name } = kind.resource;
    const extension = { "x-kubernetes-group-version-kind": [{ group, version, kind: name }] };
    return [`${group === "" ? "core" : group}.${version}.${name}`, { type: "object", ...extension }];
  });
  return {
    openapi: "3.0.0",
    info: { title: "Sealane", version: kubernetesVersion },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function queryParameter(name: string): unknown {
  return { name, in: "query", schema: { type: "string", uniqueItems: true } };
}
