import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { decodeObject, findKindByName } from "../../src/kinds/index.ts";
import type { AnyObject, KubeObject, Service } from "../../src/objects/index.ts";
import { repositoryTree } from "./tree.ts";

const tree = repositoryTree();
const files = tree.paths.filter((path) => path.startsWith("examples/") && path.endsWith(".yaml"));

interface Written {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

function problemsIn(text: string): readonly string[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) return document.errors.map(({ message }) => message);
    const value = document.toJS() as Written;
    const kind = findKindByName(value.apiVersion, value.kind);
    if (kind === undefined) return [`there is no kind ${value.kind} in ${value.apiVersion}`];
    const namespace = kind.resource.namespaced ? { namespace: value.metadata.namespace ?? "default" } : {};
    const decoded = decodeObject(kind, { ...value, metadata: { ...value.metadata, ...namespace } });
    if (decoded.kind === "failed") return [`${value.metadata.name}: ${decoded.message}`];
    const object = allocated(kind.applyDefaults(kind.prepareForCreate(decoded.object)));
    return [
      ...decoded.unknownFields,
      ...kind.validate(object).map((error) => `${value.metadata.name}: ${error.field}: ${error.message}`),
    ];
  });
}

/** What the API server allocates before it validates, as far as validation asks for it. */
function allocated(object: KubeObject): KubeObject {
  const { spec } = object as AnyObject;
  const isLocal = (spec as Service["spec"] | undefined)?.externalTrafficPolicy === "Local";
  if (object.kind !== "Service" || !isLocal) return object;
  const service: Service = {
    ...(object as Service),
    spec: { ...(object as Service).spec, healthCheckNodePort: 32000 },
  };
  return service.spec.type === "LoadBalancer" ? service : object;
}

describe("examples", () => {
  it.each(files)("%s is accepted by the API as it is written", (path) => {
    expect(problemsIn(tree.text(path))).toEqual([]);
  });

  it.each(files.filter((path) => path !== "examples/tour.yaml"))("%s says how to see it work", (path) => {
    expect(tree.text(path)).toMatch(new RegExp(`^#   npx sealane up -d -f ${path}$`, "m"));
    expect(tree.text(path)).toMatch(/^# {3}npx sealane (exec|forward) /m);
  });

  it("do not disturb each other", () => {
    const names = files.flatMap((path) =>
      parseAllDocuments(tree.text(path)).map((document) => {
        const { kind, metadata } = document.toJS() as Written;
        return `${kind} ${metadata.namespace ?? "default"}/${metadata.name}`;
      }),
    );
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("are all listed in their README", () => {
    const readme = tree.text("examples/README.md");
    expect(files.filter((path) => !readme.includes(`(${path.slice("examples/".length)})`))).toEqual([]);
  });

  it("would be found wrong if they were", () => {
    const service = (port: number, extra = "") =>
      `{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: ${port}}]${extra}}}`;
    expect(problemsIn(service(80))).toEqual([]);
    expect(problemsIn(service(70_000))).not.toEqual([]);
    expect(problemsIn(service(80, ", selektor: {a: b}"))).not.toEqual([]);
    expect(problemsIn("{apiVersion: v1, kind: Servise, metadata: {name: a}}")).not.toEqual([]);
  });
});
