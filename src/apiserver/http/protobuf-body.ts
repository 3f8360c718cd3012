import { CodedError } from "../../core/index.ts";
import { readProtobuf } from "../../codec/index.ts";
import type { WireField } from "../../codec/index.ts";
import { badRequest, unsupportedMediaType } from "../errors.ts";
import { decodeMessage, hasMessage } from "../protobuf/message-decoder.ts";

const magic = "k8s\0";

/**
 * Reads the envelope in which typed clients (kubectl since 1.32, client-go since 0.32) send protobuf, and gives the JSON
 * value of the object in it. Throws `ApiError` 400, or 415 for kinds that have no table here.
 */
export function decodeProtobuf(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  if (Buffer.from(bytes.subarray(0, 4)).toString("latin1") !== magic) {
    throw badRequest("the body does not begin as Kubernetes protobuf does");
  }
  try {
    return decodeEnvelope(bytes.subarray(4));
  } catch (error) {
    if (error instanceof CodedError && error.code === "InvalidProtobuf") throw badRequest(error.message);
    throw error;
  }
}

/** `runtime.Unknown`: 1 TypeMeta {1 apiVersion, 2 kind}, 2 the message. */
function decodeEnvelope(bytes: Uint8Array): unknown {
  const envelope = readProtobuf(bytes);
  const type = readProtobuf(bytesOf(envelope, 1));
  const apiVersion = Buffer.from(bytesOf(type, 1)).toString();
  const kind = Buffer.from(bytesOf(type, 2)).toString();
  const name = `${packageOf(apiVersion, kind)}.${kind}`;
  if (!hasMessage(name)) {
    throw unsupportedMediaType(`${kind} in ${apiVersion} cannot be read as protobuf here: send it as JSON`);
  }
  return { apiVersion, kind, ...decodeMessage(name, bytesOf(envelope, 2)) };
}

/** The package of the messages of an API group: `networking.k8s.io/v1` is `networking/v1`. */
function packageOf(apiVersion: string, kind: string): string {
  if (kind === "DeleteOptions") return "meta/v1";
  const slash = apiVersion.indexOf("/");
  if (slash < 0) return `core/${apiVersion}`;
  const [group = ""] = apiVersion.slice(0, slash).split(".");
  return `${group}/${apiVersion.slice(slash + 1)}`;
}

function bytesOf(fields: readonly WireField[], number: number): Uint8Array {
  const found = fields.find((field) => field.number === number);
  return found?.kind === "bytes" ? found.value : new Uint8Array();
}
