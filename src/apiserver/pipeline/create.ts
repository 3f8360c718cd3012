import type { KubeObject } from "../../objects/index.ts";
import { resources } from "../../objects/index.ts";
import { required } from "../../kinds/index.ts";
import type { Kind } from "../../kinds/index.ts";
import type { Namespace } from "../../objects/index.ts";
import { alreadyExists, badRequest, forbidden, invalid, notFound } from "../errors.ts";
import { timestamp } from "./context.ts";
import type { PipelineContext, WriteOptions } from "./context.ts";
import { generatedName, newMetadata } from "./metadata.ts";
import { rulesOf } from "./rules.ts";
import { storageOf } from "./storage.ts";

const generateAttempts = 8;

/** Puts a decoded object into the store and returns it in its stored form. Throws `ApiError`. */
export function createObject(
  context: PipelineContext,
  kind: Kind,
  namespace: string | undefined,
  wanted: KubeObject,
  options: WriteOptions,
): KubeObject {
  const { resource } = kind;
  const storage = storageOf(kind);
  const { table } = storage;
  if ((wanted.metadata.resourceVersion ?? "") !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  const space = namespaceOf(kind, namespace, wanted);
  const name = chooseName(context, kind, space, wanted);
  if (space !== undefined) requireNamespace(context, kind, space, name);
  const rules = rulesOf(table);
  const given = { name, namespace: space, uid: context.uid(), time: timestamp(context) };
  const named = { ...wanted, metadata: newMetadata(wanted.metadata, given, kind.hasGeneration) };
  const prepared = storage.kind.prepareForCreate(storage.toStored(kind.applyDefaults(named)));
  const draft = rules.onCreate?.(prepared, context) ?? { object: prepared, sideWrites: [] };
  const errors = kind.validate(storage.fromStored(draft.object));
  if (errors.length > 0) throw invalid(resource, name, errors);
  if (context.store.get(table, space, name) !== undefined) throw alreadyExists(resource, name);
  if (options.dryRun === true) return draft.object;
  const [stored] = context.store.commit([
    { kind: "put", table, object: draft.object, expect: { kind: "absent" } },
    ...draft.sideWrites,
  ]);
  return stored ?? draft.object;
}

/** The namespace that a request and the object in it agree on; undefined for cluster-scoped kinds. */
export function namespaceOf(kind: Kind, requested: string | undefined, { metadata }: KubeObject): string | undefined {
  if (!kind.resource.namespaced) return undefined;
  const named = metadata.namespace ?? "";
  const namespace = requested ?? named;
  if (namespace === "") throw badRequest("an empty namespace may not be set during creation");
  if (named === "" || named === namespace) return namespace;
  throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
}

function chooseName(context: PipelineContext, kind: Kind, namespace: string | undefined, wanted: KubeObject): string {
  const { name, generateName = "" } = wanted.metadata;
  if (name !== "") return name;
  if (generateName === "") {
    throw invalid(kind.resource, "", [required("metadata.name", "name or generateName is required")]);
  }
  for (let attempt = 1; ; attempt++) {
    const candidate = generatedName(generateName, context.random);
    const free = context.store.get(storageOf(kind).table, namespace, candidate) === undefined;
    if (free || attempt === generateAttempts) return candidate;
  }
}

function requireNamespace(context: PipelineContext, kind: Kind, namespace: string, name: string): void {
  const found = context.store.get("namespaces", undefined, namespace);
  if (found === undefined) throw notFound(resources.namespaces, namespace);
  const terminating =
    found.metadata.deletionTimestamp !== undefined || (found as Namespace).status?.phase === "Terminating";
  if (!terminating) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const message = `namespace ${namespace} is being terminated`;
  throw forbidden(kind.resource, name, why, [{ reason: "NamespaceTerminating", message, field: "metadata.namespace" }]);
}
