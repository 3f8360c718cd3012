import { CodedError, messageOf } from "../core/index.ts";
import { ApiError } from "../objects/index.ts";
import type { Resource, Status, StatusCause } from "../objects/index.ts";
import type { FieldError } from "../kinds/index.ts";

/** A resource as errors name it. */
type Named = Pick<Resource, "group" | "plural" | "kind">;

interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: Status["details"];
}

function refuse({ code, reason, message, details }: Refusal): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** `services` or `deployments.apps`: how upstream writes a resource in messages. */
export function qualifiedResource({ group, plural }: Pick<Resource, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function qualifiedKind({ group, kind }: Pick<Resource, "group" | "kind">): string {
  return group === "" ? kind : `${kind}.${group}`;
}

function resourceDetails(resource: Named, name: string): { name?: string; group?: string; kind: string } {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

/** 404 for an object that does not exist. */
export function notFound(resource: Named, name: string): ApiError {
  const message = `${qualifiedResource(resource)} "${name}" not found`;
  return refuse({ code: 404, reason: "NotFound", message, details: resourceDetails(resource, name) });
}

/** 404 for a URL that names no resource. */
export function noSuchResource(): ApiError {
  return refuse({ code: 404, reason: "NotFound", message: "the server could not find the requested resource" });
}

/** 409 for a name that is taken. */
export function alreadyExists(resource: Named, name: string): ApiError {
  const message = `${qualifiedResource(resource)} "${name}" already exists`;
  return refuse({ code: 409, reason: "AlreadyExists", message, details: resourceDetails(resource, name) });
}

/** 409 for a write that is based on an old version or breaks a precondition. */
export function conflict(resource: Named, name: string, reason = staleObject): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${reason}`;
  return refuse({ code: 409, reason: "Conflict", message, details: resourceDetails(resource, name) });
}

const staleObject = "the object has been modified; please apply your changes to the latest version and try again";

/** 422 with one cause for each field error. */
export function invalid(resource: Named, name: string, errors: readonly FieldError[]): ApiError {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`);
  const summary = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const causes = errors.map(({ type, field, message }): StatusCause => ({ reason: type, message, field }));
  return refuse({
    code: 422,
    reason: "Invalid",
    message: `${qualifiedKind(resource)} "${name}" is invalid: ${summary}`,
    details: { ...resourceDetails(resource, name), kind: resource.kind, causes },
  });
}

/** 422 without field causes. */
export function unprocessable(message: string): ApiError {
  return refuse({ code: 422, reason: "Invalid", message });
}

/** 403 for an object that may not be written now. */
export function forbidden(resource: Named, name: string, why: string, causes?: readonly StatusCause[]): ApiError {
  const subject =
    name === ""
      ? `${qualifiedResource(resource)} is forbidden`
      : `${qualifiedResource(resource)} "${name}" is forbidden`;
  const details = { ...resourceDetails(resource, name), ...(causes === undefined ? {} : { causes }) };
  return refuse({ code: 403, reason: "Forbidden", message: `${subject}: ${why}`, details });
}

export function badRequest(message: string): ApiError {
  return refuse({ code: 400, reason: "BadRequest", message });
}

export function unauthorized(): ApiError {
  return refuse({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
}

export function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return refuse({ code: 405, reason: "MethodNotAllowed", message, details: {} });
}

export function notAcceptable(message: string): ApiError {
  return refuse({ code: 406, reason: "NotAcceptable", message });
}

/** 410: the version asked for is no longer known; list again. */
export function expired(message: string): ApiError {
  return refuse({ code: 410, reason: "Expired", message });
}

export function tooLarge(limitBytes: number): ApiError {
  const message = `Request entity too large: limit is ${limitBytes}`;
  return refuse({ code: 413, reason: "RequestEntityTooLarge", message });
}

export function unsupportedMediaType(message: string): ApiError {
  return refuse({ code: 415, reason: "UnsupportedMediaType", message });
}

export function internalError(message: string): ApiError {
  return refuse({
    code: 500,
    reason: "InternalError",
    message: `Internal error occurred: ${message}`,
    details: { causes: [{ message }] },
  });
}

/** 500 with the message as it is, as upstream's allocators answer. */
export function serverError(message: string): ApiError {
  return refuse({ code: 500, reason: "InternalError", message });
}

/** 501 for what this server does not have. */
export function notImplemented(message: string): ApiError {
  return refuse({ code: 501, reason: "NotImplemented", message });
}

/** 504: a version that does not exist yet was asked for. */
export function tooLargeResourceVersion(message: string): ApiError {
  return refuse({
    code: 504,
    reason: "Timeout",
    message: `Timeout: ${message}`,
    details: {
      retryAfterSeconds: 1,
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    },
  });
}

/** Whatever was thrown, as the refusal that a client gets. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof CodedError) {
    if (error.code === "Expired") return expired(error.message);
    if (error.code === "TooLarge") return tooLargeResourceVersion(error.message);
    if (error.code === "BadRequest" || error.code === "InvalidJson") return badRequest(error.message);
    if (error.code === "Invalid") return unprocessable(error.message);
  }
  return internalError(messageOf(error));
}
