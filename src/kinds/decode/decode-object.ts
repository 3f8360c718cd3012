import { CodedError } from "../../core/index.ts";
import { apiVersionOf } from "../../objects/index.ts";
import type { KubeObject } from "../../objects/index.ts";
import { isFields } from "../fields.ts";
import type { Kind } from "../kind.ts";
import { Decoder } from "./decoder.ts";

/** What became of a value that a client sent. */
export type DecodeResult =
  | {
      readonly kind: "decoded";
      readonly object: KubeObject;
      /** Paths of fields that the kind does not have; they are not in `object`. */
      readonly unknownFields: readonly string[];
    }
  | {
      /** Answer 400 BadRequest with this message. */
      readonly kind: "failed";
      readonly message: string;
    };

/**
 * Checks a JSON value against the kind's schema and makes an object of it: fields that are null are dropped, unknown
 * fields are dropped and named, quantities and times are brought into their stored form. A missing `apiVersion` or
 * `kind` is filled in, as for a raw POST; another one is a failure. Never throws.
 */
export function decodeObject(kind: Kind, value: unknown): DecodeResult {
  const { resource } = kind;
  const apiVersion = apiVersionOf(resource);
  if (isFields(value)) {
    if (typeof value.apiVersion === "string" && value.apiVersion !== apiVersion && value.apiVersion !== "") {
      const message = `the API version in the data (${value.apiVersion}) does not match the expected API version (${apiVersion})`;
      return { kind: "failed", message };
    }
    if (typeof value.kind === "string" && value.kind !== resource.kind && value.kind !== "") {
      const message = `${value.kind} in version ${JSON.stringify(resource.version)} cannot be handled as a ${resource.kind}`;
      return { kind: "failed", message };
    }
  }
  const decoder = new Decoder();
  try {
    const fields = decoder.root(kind.schemaType, value);
    const metadata = isFields(fields.metadata) ? fields.metadata : {};
    // The name may still be missing: validation says so, where generateName does not fill it.
    const object = {
      ...fields,
      apiVersion,
      kind: resource.kind,
      metadata: { ...metadata, name: textIn(metadata.name) },
    };
    return { kind: "decoded", object, unknownFields: decoder.unknownFields };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { kind: "failed", message: cannotBeHandled(kind, error.message) };
  }
}

/** The problems that `fieldValidation` is about: one text each, as Warn shows them. */
export function strictProblems(duplicates: readonly string[], unknownFields: readonly string[]): readonly string[] {
  return [
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
}

/** The message of the 400 BadRequest that Strict answers to such problems. */
export function strictDecodingMessage(kind: Kind, problems: readonly string[]): string {
  return cannotBeHandled(kind, `strict decoding error: ${problems.join(", ")}`);
}

function cannotBeHandled(kind: Kind, reason: string): string {
  const { kind: name, version } = kind.resource;
  return `${name} in version ${JSON.stringify(version)} cannot be handled as a ${name}: ${reason}`;
}

function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}
