import type { Kind, Subresource } from "../../kinds/index.ts";
import type { KubeObject, Patch } from "../../objects/index.ts";
import { badRequest, methodNotAllowed, noSuchResource, unsupportedMediaType } from "../errors.ts";
import type { WriteOptions } from "../pipeline/context.ts";
import type { ListRequest, Pipeline, Written } from "../pipeline/pipeline.ts";
import { fromJson, fromYaml, mediaType, readBody, readBytes, readObject, strictness } from "./body.ts";
import { deleteCollection, deleteOne } from "./delete-requests.ts";
import { addWarnings, flag, parameter, sendJson } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { represent, representationFor, representList } from "./representation.ts";
import type { ObjectTarget } from "./route.ts";
import { streamWatch } from "./watch-stream.ts";
import type { WatchServices } from "./watch-stream.ts";

/** Answers a request for objects of a kind: a collection, an object, or its status or scale. */
export async function serveObjects(
  services: WatchServices,
  kind: Kind,
  target: ObjectTarget,
  exchange: Exchange,
): Promise<void> {
  const { pipeline } = services;
  const { name, subresource } = target;
  if (target.rest.length > 0) throw noSuchResource();
  if (target.namespace !== undefined && !kind.resource.namespaced) throw noSuchResource();
  if (name === undefined) return serveCollection(services, kind, target.namespace, exchange);
  if (kind.resource.namespaced && target.namespace === undefined) throw noSuchResource();
  const part = partOf(kind, subresource);
  switch (exchange.method) {
    case "GET":
    case "HEAD": {
      if (part === "finalize") throw methodNotAllowed();
      const object =
        part === "scale" ? pipeline.getScale(kind, target.namespace, name) : pipeline.get(kind, target.namespace, name);
      return sendObject(pipeline, kind, object, exchange, 200);
    }
    case "PUT":
      return replace(pipeline, kind, target.namespace, name, part, exchange);
    case "PATCH":
      if (part === "finalize") throw methodNotAllowed();
      return patch(pipeline, kind, target.namespace, name, part, exchange);
    case "DELETE":
      if (part !== undefined) throw methodNotAllowed();
      return deleteOne(pipeline, kind, target.namespace, name, exchange);
    default:
      throw methodNotAllowed();
  }
}

function partOf(kind: Kind, subresource: string | undefined): Subresource | "finalize" | undefined {
  if (subresource === undefined) return undefined;
  if (subresource === "finalize" && kind.resource.plural === "namespaces") return "finalize";
  const known = kind.subresources.find((candidate) => candidate === subresource);
  if (known === undefined) throw noSuchResource();
  return known;
}

async function serveCollection(
  services: WatchServices,
  kind: Kind,
  namespace: string | undefined,
  exchange: Exchange,
): Promise<void> {
  const { pipeline } = services;
  switch (exchange.method) {
    case "GET":
    case "HEAD": {
      const request = listRequest(exchange, namespace);
      const form = representationFor(exchange);
      addWarnings(exchange, readWarnings(kind));
      if (flag(exchange, "watch")) return streamWatch(services, kind, request, form, exchange);
      const page = pipeline.list(kind, request);
      return sendJson(exchange, 200, representList(kind, page, form, pipeline.context.clock.now()));
    }
    case "POST":
      return create(pipeline, kind, namespace, exchange);
    case "DELETE":
      return deleteCollection(pipeline, kind, listRequest(exchange, namespace), exchange);
    default:
      throw methodNotAllowed();
  }
}

function listRequest(exchange: Exchange, namespace: string | undefined): ListRequest {
  const limit = Number(parameter(exchange, "limit") ?? 0);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest("limit must be a number that is not negative");
  return {
    namespace,
    labelSelector: parameter(exchange, "labelSelector"),
    fieldSelector: parameter(exchange, "fieldSelector"),
    resourceVersion: parameter(exchange, "resourceVersion"),
    resourceVersionMatch: parameter(exchange, "resourceVersionMatch"),
    limit,
    continueToken: parameter(exchange, "continue"),
  };
}

async function create(
  pipeline: Pipeline,
  kind: Kind,
  namespace: string | undefined,
  exchange: Exchange,
): Promise<void> {
  const options = writeOptions(exchange);
  const warnings: string[] = [];
  const object = await readObject(exchange, kind, warnings);
  // A cluster-wide URL creates namespaced objects only upstream's way: with the namespace in the object refused.
  if (kind.resource.namespaced && namespace === undefined) throw methodNotAllowed();
  return sendWritten(pipeline, kind, pipeline.create(kind, namespace, object, options), warnings, exchange);
}

async function replace(
  pipeline: Pipeline,
  kind: Kind,
  namespace: string | undefined,
  name: string,
  part: Subresource | "finalize" | undefined,
  exchange: Exchange,
): Promise<void> {
  const options = writeOptions(exchange);
  const warnings: string[] = [];
  if (part === "scale") {
    const { value } = await readBody(exchange);
    const written = pipeline.updateScale(kind, namespace, name, value, options);
    return sendWritten(pipeline, kind, written, warnings, exchange);
  }
  const object = await readObject(exchange, kind, warnings);
  const written = pipeline.update(kind, namespace, name, object, part, options);
  return sendWritten(pipeline, kind, written, warnings, exchange);
}

async function patch(
  pipeline: Pipeline,
  kind: Kind,
  namespace: string | undefined,
  name: string,
  part: Subresource | undefined,
  exchange: Exchange,
): Promise<void> {
  const options = writeOptions(exchange);
  const warnings: string[] = [];
  const onProblems = strictness(exchange, kind, warnings);
  const body = await readPatch(exchange);
  const written = pipeline.patch(kind, namespace, name, body, part, onProblems, options);
  return sendWritten(pipeline, kind, written, warnings, exchange);
}

const patchTypes: ReadonlyMap<string, Patch["type"]> = new Map([
  ["application/merge-patch+json", "merge"],
  ["application/strategic-merge-patch+json", "strategic"],
  ["application/json-patch+json", "json"],
]);

async function readPatch(exchange: Exchange): Promise<Patch> {
  const media = mediaType(exchange.request);
  const type = patchTypes.get(media);
  if (type !== undefined) {
    const text = (await readBytes(exchange.request)).toString();
    const body =
      text.trimStart().startsWith("{") || text.trimStart().startsWith("[") ? fromJson(text) : await fromYaml(text);
    return { type, body: body.value };
  }
  if (media.startsWith("application/apply-patch")) {
    throw unsupportedMediaType("Sealane has no server-side apply yet: use kubectl apply without --server-side");
  }
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${[...patchTypes.keys()].join(", ")}`,
  );
}

/** Reads what every write may ask for. Throws `ApiError`. */
export function writeOptions(exchange: Exchange): WriteOptions {
  const values = exchange.query.getAll("dryRun").filter((value) => value !== "");
  const unknown = values.find((value) => value !== "All");
  if (unknown !== undefined) {
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(unknown)}: supported values: "All"`);
  }
  return { dryRun: values.length > 0 };
}

async function sendWritten(
  pipeline: Pipeline,
  kind: Kind,
  written: Written,
  warnings: readonly string[],
  exchange: Exchange,
): Promise<void> {
  await pipeline.durable();
  addWarnings(exchange, [...warnings, ...written.warnings, ...readWarnings(kind)]);
  sendObject(pipeline, kind, written.object, exchange, written.created ? 201 : 200);
}

function sendObject(pipeline: Pipeline, kind: Kind, object: KubeObject, exchange: Exchange, code: number): void {
  const form = object.kind === "Scale" ? ({ kind: "object" } as const) : representationFor(exchange);
  if (exchange.method === "GET") addWarnings(exchange, readWarnings(kind));
  sendJson(exchange, code, represent(kind, object, form, pipeline.context.clock.now()));
}

/** What upstream warns of on every request for a kind, reads included. */
function readWarnings({ resource }: Kind): readonly string[] {
  if (resource.group !== "" || resource.plural !== "endpoints") return [];
  return ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"];
}
