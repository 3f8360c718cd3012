import { yamlReading } from "../../objects/index.ts";
import type { IncomingMessage } from "node:http";
import { messageOf } from "../../core/index.ts";
import { decodeObject, parseJson, strictDecodingMessage, strictProblems } from "../../kinds/index.ts";
import type { Kind } from "../../kinds/index.ts";
import type { KubeObject } from "../../objects/index.ts";
import { badRequest, tooLarge, unsupportedMediaType } from "../errors.ts";
import { parameter } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

/** Largest request body, bytes: upstream's limit. */
export const largestBody = 3 * 1024 * 1024;

/** A body as a JSON value, with the fields that it gave twice. */
export interface ParsedBody {
  readonly value: unknown;
  readonly duplicates: readonly string[];
}

/** The content type without its parameters. */
export function mediaType(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Reads the whole body. Throws `ApiError` 413 when it is too large. */
export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > largestBody) throw tooLarge(largestBody);
    chunks.push(bytes);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/** Reads a JSON, YAML or protobuf body. Throws `ApiError`. */
export async function readBody(exchange: Exchange): Promise<ParsedBody> {
  const bytes = await readBytes(exchange.request);
  const type = mediaType(exchange.request);
  switch (type) {
    case "application/json":
      return fromJson(bytes.toString());
    case "application/yaml":
    case "application/x-yaml":
    case "text/yaml":
      return fromYaml(bytes.toString());
    case "application/vnd.kubernetes.protobuf":
      return fromProtobuf(bytes);
    default:
      throw unsupportedMediaType(
        `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
      );
  }
}

/** Reads JSON. Throws `ApiError` 400. */
export function fromJson(text: string): ParsedBody {
  if (text === "") return { value: {}, duplicates: [] };
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(messageOf(error));
  }
}

/** Reads one YAML document. Throws `ApiError` 400. */
export async function fromYaml(text: string): Promise<ParsedBody> {
  const { parse } = await import("yaml");
  try {
    const value: unknown = parse(text, { ...yamlReading, maxAliasCount: 100 });
    return { value: value ?? {}, duplicates: [] };
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${messageOf(error)}`);
  }
}

async function fromProtobuf(bytes: Uint8Array): Promise<ParsedBody> {
  const { decodeProtobuf } = await import("./protobuf-body.ts");
  return { value: decodeProtobuf(bytes), duplicates: [] };
}

/** What to do about unknown and repeated fields: as the `fieldValidation` parameter says; Warn when it is absent. */
export function strictness(exchange: Exchange, kind: Kind, warnings: string[]): (problems: readonly string[]) => void {
  const mode = parameter(exchange, "fieldValidation") ?? "Warn";
  if (mode !== "Strict" && mode !== "Warn" && mode !== "Ignore" && mode !== "") {
    throw badRequest(
      `fieldValidation: Unsupported value: ${JSON.stringify(mode)}: supported values: "Ignore", "Strict", "Warn"`,
    );
  }
  return (problems) => {
    if (problems.length === 0 || mode === "Ignore") return;
    if (mode === "Strict") throw badRequest(strictDecodingMessage(kind, problems));
    warnings.push(...problems);
  };
}

/** Reads the object in a request's body. Throws `ApiError`. */
export async function readObject(exchange: Exchange, kind: Kind, warnings: string[]): Promise<KubeObject> {
  const onProblems = strictness(exchange, kind, warnings);
  const { value, duplicates } = await readBody(exchange);
  const decoded = decodeObject(kind, value);
  if (decoded.kind === "failed") throw badRequest(decoded.message);
  onProblems(strictProblems(duplicates, decoded.unknownFields));
  return decoded.object;
}
