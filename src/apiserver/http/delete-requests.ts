import type { Kind } from "../../kinds/index.ts";
import { badRequest } from "../errors.ts";
import type { DeleteRequest } from "../pipeline/delete.ts";
import type { ListRequest, Pipeline } from "../pipeline/pipeline.ts";
import { rulesOf } from "../pipeline/rules.ts";
import { storageOf } from "../pipeline/storage.ts";
import { readBody } from "./body.ts";
import { parameter, sendJson, success } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { represent, representationFor, representList } from "./representation.ts";

/** Answers DELETE of one object: with the object while it waits to go, and for kinds where upstream does so. */
export async function deleteOne(
  pipeline: Pipeline,
  kind: Kind,
  namespace: string | undefined,
  name: string,
  exchange: Exchange,
): Promise<void> {
  const request = await readDeleteRequest(exchange);
  const { object, removed } = pipeline.delete(kind, namespace, name, request);
  await pipeline.durable();
  if (!removed || rulesOf(storageOf(kind).table).returnsDeleted === true) {
    const form = representationFor(exchange);
    return sendJson(exchange, 200, represent(kind, object, form, pipeline.context.clock.now()));
  }
  const { group, plural } = kind.resource;
  const { uid } = object.metadata;
  const details = { name, ...(group === "" ? {} : { group }), kind: plural, ...(uid === undefined ? {} : { uid }) };
  return sendJson(exchange, 200, success(details));
}

/** Answers DELETE of a collection with the list of what was deleted. */
export async function deleteCollection(
  pipeline: Pipeline,
  kind: Kind,
  list: ListRequest,
  exchange: Exchange,
): Promise<void> {
  const request = await readDeleteRequest(exchange);
  const page = pipeline.deleteCollection(kind, list, request);
  await pipeline.durable();
  return sendJson(exchange, 200, representList(kind, page, representationFor(exchange), pipeline.context.clock.now()));
}

/** Reads DeleteOptions from the body, else from the URL. Throws `ApiError`. */
export async function readDeleteRequest(exchange: Exchange): Promise<DeleteRequest> {
  const { value } = await readBody(exchange);
  const body = fieldsOf(value);
  const { kind } = body;
  if (kind !== undefined && kind !== "DeleteOptions") {
    throw badRequest(`converting (${text(kind)}) to (DeleteOptions): unknown conversion`);
  }
  return deleteRequestOf(body, exchange);
}

/** What DeleteOptions ask for; parameters of the URL count where the options say nothing. */
export function deleteRequestOf(body: Readonly<Record<string, unknown>>, exchange: Exchange): DeleteRequest {
  const { uid, resourceVersion } = fieldsOf(body.preconditions);
  const grace = body.gracePeriodSeconds ?? numberIn(parameter(exchange, "gracePeriodSeconds"));
  const policy = policyOf(
    body.propagationPolicy ?? parameter(exchange, "propagationPolicy"),
    body.orphanDependents ?? parameter(exchange, "orphanDependents"),
  );
  const dryRun = Array.isArray(body.dryRun) && body.dryRun.length > 0 ? body.dryRun : exchange.query.getAll("dryRun");
  if (dryRun.some((value) => value !== "All" && value !== "")) {
    throw badRequest(`dryRun: Unsupported value: supported values: "All"`);
  }
  if (grace !== undefined && (typeof grace !== "number" || !Number.isInteger(grace))) {
    throw badRequest("gracePeriodSeconds must be a whole number");
  }
  return {
    ...(typeof uid === "string" && uid !== "" ? { uid } : {}),
    ...(typeof resourceVersion === "string" && resourceVersion !== "" ? { resourceVersion } : {}),
    // A negative grace period means one second: upstream has done so since pods were always deleted gracefully.
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace < 0 ? 1 : grace }),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    dryRun: dryRun.includes("All"),
  };
}

function policyOf(policy: unknown, orphan: unknown): NonNullable<DeleteRequest["propagationPolicy"]> | undefined {
  if (policy === "Background" || policy === "Foreground" || policy === "Orphan") return policy;
  if (policy !== undefined && policy !== null && policy !== "") {
    const supported = `supported values: "Background", "Foreground", "Orphan"`;
    throw badRequest(`DeleteOptions is invalid: propagationPolicy: Unsupported value: ${text(policy)}: ${supported}`);
  }
  if (orphan === true || orphan === "true" || orphan === "1") return "Orphan";
  return undefined;
}

function numberIn(value: string | undefined): number | undefined {
  return value === undefined || value === "" ? undefined : Number(value);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
