import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findKindByName, kinds } from "../registry.ts";
import type { Kind } from "../kind.ts";
import { decodeObject, strictDecodingMessage, strictProblems } from "./decode-object.ts";

function kindNamed(apiVersion: string, name: string): Kind {
  const kind = findKindByName(apiVersion, name);
  if (kind === undefined) throw new Error(`no kind ${apiVersion} ${name}`);
  return kind;
}

const service = kindNamed("v1", "Service");
const deployment = kindNamed("apps/v1", "Deployment");

describe("decodeObject()", () => {
  const failures: readonly (readonly [Kind, unknown, string])[] = [
    [
      service,
      { spec: { ports: [{ port: "http" }] } },
      "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
    ],
    [
      service,
      { spec: { ports: [{ port: 80.5 }] } },
      "json: cannot unmarshal number 80.5 into Go struct field ServicePort.spec.ports.port of type int32",
    ],
    [
      service,
      { spec: { ports: [{ port: 99999999999 }] } },
      "json: cannot unmarshal number 99999999999 into Go struct field ServicePort.spec.ports.port of type int32",
    ],
    [
      service,
      { spec: { ports: {} } },
      "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
    ],
    [
      service,
      { spec: { selector: "app" } },
      "json: cannot unmarshal string into Go struct field ServiceSpec.spec.selector of type map[string]string",
    ],
    [
      service,
      { metadata: { labels: { a: 1 } } },
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [service, { spec: { ports: [{ targetPort: true }] } }, "json: cannot unmarshal bool into Go value of type int32"],
    [service, [], "json: cannot unmarshal array into Go value of type v1.Service"],
    [
      deployment,
      { spec: { template: { spec: { containers: [{ env: [{ value: 5 }] }] } } } },
      "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
    ],
    [
      deployment,
      { spec: { replicas: true } },
      "json: cannot unmarshal bool into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      deployment,
      { spec: { template: { spec: { containers: [{ resources: { limits: { cpu: "lots" } } }] } } } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      deployment,
      { metadata: { creationTimestamp: "yesterday" } },
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    [kindNamed("v1", "Secret"), { data: { a: "***" } }, "illegal base64 data at input byte 0"],
  ];
  it.each(failures.map(([kind, value, reason]) => ({ kind, value, reason })))(
    "says what is wrong: $reason",
    ({ kind, value, reason }) => {
      const { kind: name } = kind.resource;
      expect(decodeObject(kind, value)).toEqual({
        kind: "failed",
        message: `${name} in version "v1" cannot be handled as a ${name}: ${reason}`,
      });
    },
  );

  it("drops null and unknown fields, and names the unknown ones", () => {
    const value = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "a", creationTimestamp: null, lables: {} },
      spec: { prots: [], ports: [{ port: 80, nme: "x" }], selector: null },
      extra: 1,
    };
    expect(decodeObject(service, value)).toEqual({
      kind: "decoded",
      object: { apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec: { ports: [{ port: 80 }] } },
      unknownFields: ["metadata.lables", "spec.prots", "spec.ports[0].nme", "extra"],
    });
  });

  it("treats the names of Object.prototype as unknown fields and as map keys", () => {
    const value: unknown = JSON.parse(
      '{"metadata":{"name":"a","labels":{"__proto__":"x","constructor":"y"}},"__proto__":{}}',
    );
    const decoded = decodeObject(service, value);
    expect(decoded.kind === "decoded" && decoded.unknownFields).toEqual(["__proto__"]);
    expect(decoded.kind === "decoded" && Object.keys(decoded.object.metadata.labels ?? {})).toEqual([
      "__proto__",
      "constructor",
    ]);
  });

  it("fills in a missing apiVersion and kind, and refuses others", () => {
    const decoded = decodeObject(service, { metadata: { name: "a" } });
    expect(decoded).toMatchObject({ object: { apiVersion: "v1", kind: "Service" } });
    expect(decodeObject(service, { apiVersion: "v2" })).toEqual({
      kind: "failed",
      message: "the API version in the data (v2) does not match the expected API version (v1)",
    });
    expect(decodeObject(service, { kind: "Pod" })).toEqual({
      kind: "failed",
      message: 'Pod in version "v1" cannot be handled as a Service',
    });
  });

  it("stores quantities, times and lists as Kubernetes does", () => {
    const value = {
      metadata: { name: "a", creationTimestamp: "2026-01-02T03:04:05+01:00" },
      spec: { containers: [{ resources: { limits: { cpu: 0.5, memory: "1024Mi" } }, command: ["a", null] }] },
    };
    expect(decodeObject(kindNamed("v1", "Pod"), value)).toMatchObject({
      object: {
        metadata: { creationTimestamp: "2026-01-02T02:04:05Z" },
        spec: { containers: [{ resources: { limits: { cpu: "500m", memory: "1Gi" } }, command: ["a", ""] }] },
      },
    });
  });

  it("never throws, whatever the value, and gives back what it gave", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.jsonValue(), (kind, value) => {
        for (const candidate of [value, { spec: value }, { metadata: value }, { spec: { template: value } }]) {
          const first = decodeObject(kind, candidate);
          if (first.kind === "failed") continue;
          expect(decodeObject(kind, first.object)).toEqual({ ...first, unknownFields: [] });
        }
      }),
    );
  });
});

describe("strictDecodingMessage()", () => {
  it("lists duplicates before unknown fields, as upstream words them", () => {
    const problems = strictProblems(["spec.ports"], ["spec.prots", "spec.typ"]);
    expect(problems).toEqual([
      'duplicate field "spec.ports"',
      'unknown field "spec.prots"',
      'unknown field "spec.typ"',
    ]);
    expect(strictDecodingMessage(service, problems)).toBe(
      'Service in version "v1" cannot be handled as a Service: strict decoding error: duplicate field "spec.ports", ' +
        'unknown field "spec.prots", unknown field "spec.typ"',
    );
  });
});
