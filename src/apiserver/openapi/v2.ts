import { kubernetesVersion } from "../../core/index.ts";
import { objectPaths } from "./paths.ts";

/**
 * OpenAPI v2 in the protobuf form that old kubectls read (gnostic's openapi.v2.Document). It has paths, so that they
 * know that the server can do a dry run, and no definitions: with a partial schema they would refuse fields that the
 * server knows.
 */
export function openApiV2Protobuf(): Uint8Array {
  const info = message([field(1, text("Sealane")), field(2, text(kubernetesVersion))]);
  const paths = objectPaths().map(({ path, kind }) => {
    const { group, version, kind: name } = kind.resource;
    const yaml = `group: ${JSON.stringify(group)}\nkind: ${name}\nversion: ${version}\n`;
    const extension = message([
      field(1, text("x-kubernetes-group-version-kind")),
      field(2, message([field(2, text(yaml))])),
    ]);
    const operation = message([
      field(5, text(`patch${name}`)),
      field(8, queryParameter("dryRun")),
      field(13, extension),
    ]);
    return field(2, message([field(1, text(path)), field(2, message([field(8, operation)]))]));
  });
  return message([field(1, text("2.0")), field(2, info), field(8, message(paths))]);
}

/** The same as JSON, for whoever asks for that. */
export function openApiV2Json(): unknown {
  const paths = objectPaths().map(({ path, kind }): [string, unknown] => {
    const { group, version, kind: name } = kind.resource;
    const parameters = [{ name: "dryRun", in: "query", type: "string" }];
    const extension = { "x-kubernetes-group-version-kind": { group, version, kind: name } };
    return [path, { patch: { operationId: `patch${name}`, parameters, ...extension } }];
  });
  return { swagger: "2.0", info: { title: "Sealane", version: kubernetesVersion }, paths: Object.fromEntries(paths) };
}

// ParametersItem{parameter: Parameter{non_body_parameter: NonBodyParameter{query_parameter_sub_schema}}}
function queryParameter(name: string): Uint8Array {
  const schema = message([field(2, text("query")), field(4, text(name)), field(6, text("string"))]);
  return message([field(1, message([field(2, message([field(3, schema)]))]))]);
}

function message(fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}

/** A length-delimited field. */
function field(number: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(content.length)]), content]);
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
