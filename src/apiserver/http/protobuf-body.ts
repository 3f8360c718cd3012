import { unsupportedMediaType } from "../errors.ts";

export function decodeProtobuf(_bytes: Uint8Array): unknown {
  throw unsupportedMediaType("no protobuf");
}
