import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../objects/index.ts";
import { endpointSliceKind } from "../discovery-v1/discovery-kinds.ts";
import { endpointsKind } from "../core-v1/endpoints.ts";
import type { Kind } from "../kind.ts";
import { ingressClassKind } from "./ingress-class.ts";
import { ingressKind } from "./ingress.ts";
import { ipAddressKind, serviceCidrKind } from "./service-cidr.ts";

function made(kind: Kind, content: object, metadata: object = {}): KubeObject {
  const namespace = kind.resource.namespaced ? { namespace: "n" } : {};
  return kind.applyDefaults({
    apiVersion: "v1",
    kind: kind.resource.kind,
    metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z", ...namespace, ...metadata },
    ...content,
  });
}

const now = Date.UTC(2026, 0, 1, 0, 0, 42);
const backend = { service: { name: "s", port: { number: 80 } } };
const rule = (path: object, host?: string) => ({
  spec: {
    rules: [
      {
        ...(host === undefined ? {} : { host }),
        http: { paths: [{ pathType: "Prefix", path: "/", backend, ...path }] },
      },
    ],
  },
});
const field = "spec.rules[0].http.paths[0]";
const address = (ip: string) => ({ addressType: "IPv4", endpoints: [{ addresses: [ip] }] });

describe("validate()", () => {
  const bad: readonly (readonly [Kind, object, string, string | RegExp])[] = [
    [ingressKind, { spec: {} }, "spec", "Invalid value: {}: either `defaultBackend` or `rules` must be specified"],
    [
      ingressKind,
      rule({}, "10.0.0.1"),
      "spec.rules[0].host",
      'Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ],
    [ingressKind, rule({}, "a.*.com"), "spec.rules[0].host", /a wildcard DNS-1123 subdomain must start with/],
    [
      ingressKind,
      rule({}, "shop.example.com:80"),
      "spec.rules[0].host",
      /a lowercase RFC 1123 subdomain must consist of/,
    ],
    [ingressKind, rule({ pathType: undefined }), `${field}.pathType`, "Required value: pathType must be specified"],
    [
      ingressKind,
      rule({ pathType: "Regex" }),
      `${field}.pathType`,
      'Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
    ],
    [ingressKind, rule({ path: "x" }), `${field}.path`, 'Invalid value: "x": must be an absolute path'],
    [ingressKind, rule({ path: "/a//b" }), `${field}.path`, `Invalid value: "/a//b": must not contain '//'`],
    [ingressKind, rule({ path: "/a/.." }), `${field}.path`, `Invalid value: "/a/..": cannot end with '/..'`],
    [ingressKind, rule({ backend: {} }), `${field}.backend`, "Required value: resource or service backend is required"],
    [
      ingressKind,
      rule({ backend: { ...backend, resource: { kind: "k", name: "n" } } }),
      `${field}.backend`,
      'Invalid value: "": cannot set both resource and service backends',
    ],
    [
      ingressKind,
      rule({ backend: { service: { name: "s" } } }),
      `${field}.backend.service.port`,
      "Required value: port name or number is required",
    ],
    [
      ingressKind,
      rule({ backend: { service: { name: "s", port: { name: "a", number: 1 } } } }),
      `${field}.backend.service.port`,
      'Invalid value: "": cannot set both port name & port number',
    ],
    [
      ingressKind,
      rule({ backend: { service: { name: "s", port: { number: 70000 } } } }),
      `${field}.backend.service.port.number`,
      "Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
    [ingressKind, { spec: { rules: [{ http: { paths: [] } }] } }, "spec.rules[0].http.paths", "Required value"],
    [ingressClassKind, { spec: {} }, "spec.controller", "Required value"],
    [
      ingressClassKind,
      { spec: { controller: "x" } },
      "spec.controller",
      'Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [
      ingressClassKind,
      { spec: { controller: "a.io/b", parameters: { kind: "k", name: "n", scope: "Namespace" } } },
      "spec.parameters.namespace",
      "Required value: `parameters.scope` is set to 'Namespace'",
    ],
    [
      ingressClassKind,
      { spec: { controller: "a.io/b", parameters: { kind: "k", name: "n", namespace: "x" } } },
      "spec.parameters.namespace",
      "Forbidden: `parameters.scope` is set to 'Cluster'",
    ],
    [serviceCidrKind, { spec: { cidrs: [] } }, "spec.cidrs", "Required value: at least one CIDR required"],
    [
      serviceCidrKind,
      { spec: { cidrs: ["10.0.0.1/8"] } },
      "spec.cidrs[0]",
      'Invalid value: "10.0.0.1/8": must be in canonical form ("10.0.0.0/8")',
    ],
    [serviceCidrKind, { spec: { cidrs: ["fd00::/48"] } }, "spec.cidrs[0]", /prefix of at least 64 bits/],
    [
      serviceCidrKind,
      { spec: { cidrs: ["10.0.0.0/8", "11.0.0.0/8"] } },
      "spec",
      /may specify no more than one IP for each IP family/,
    ],
    [ipAddressKind, { spec: {} }, "spec.parentRef", "Required value"],
    [
      ipAddressKind,
      { spec: { parentRef: { resource: "services", name: "s" } } },
      "metadata.name",
      'Invalid value: "a": must be a valid IP address in canonical form',
    ],
    [
      endpointSliceKind,
      { addressType: "IPX", endpoints: [] },
      "addressType",
      'Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"',
    ],
    [endpointSliceKind, { endpoints: [] }, "addressType", "Required value"],
    [
      endpointSliceKind,
      address("fd00::1"),
      "endpoints[0].addresses[0]",
      'Invalid value: "fd00::1": must be an IPv4 address',
    ],
    [endpointSliceKind, address("169.254.1.1"), "endpoints[0].addresses[0]", /link-local range/],
    [
      endpointSliceKind,
      { addressType: "IPv4", endpoints: [{ addresses: [] }] },
      "endpoints[0].addresses",
      "Required value: must contain at least 1 address",
    ],
    [
      endpointSliceKind,
      { addressType: "IPv4", ports: [{ port: 1 }, { port: 2 }] },
      "ports[1].name",
      'Duplicate value: ""',
    ],
    [
      endpointSliceKind,
      { addressType: "IPv4", endpoints: Array.from({ length: 1001 }, () => ({ addresses: ["10.0.0.1"] })) },
      "endpoints",
      "Too many: 1001: must have at most 1000 items",
    ],
    [
      endpointsKind,
      { subsets: [{ ports: [{ port: 80 }] }] },
      "subsets[0]",
      "Required value: must specify `addresses` or `notReadyAddresses`",
    ],
    [
      endpointsKind,
      { subsets: [{ addresses: [{ ip: "x" }] }] },
      "subsets[0].addresses[0].ip",
      /must be a valid IP address/,
    ],
    [
      endpointsKind,
      { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 0 }] }] },
      "subsets[0].ports[0].port",
      "Invalid value: 0: must be between 1 and 65535, inclusive",
    ],
  ];
  it.each(bad.map(([kind, content, path, message]) => ({ kind, name: kind.resource.kind, content, path, message })))(
    "refuses $name: $path: $message",
    ({ kind, content, path, message }) => {
      const errors = kind.validate(made(kind, content));
      const matching = expect.objectContaining({
        field: path,
        message: typeof message === "string" ? message : (expect.stringMatching(message) as unknown),
      }) as unknown;
      expect(errors).toContainEqual(matching);
    },
  );

  const good: readonly (readonly [Kind, object, object])[] = [
    [ingressKind, rule({}, "*.example.com"), {}],
    [ingressKind, rule({ pathType: "ImplementationSpecific", path: undefined }), {}],
    [ingressKind, { spec: { defaultBackend: { resource: { kind: "Bucket", name: "b" } } } }, {}],
    [ingressClassKind, { spec: { controller: "sealane.dev/ingress" } }, {}],
    [serviceCidrKind, { spec: { cidrs: ["10.96.0.0/16", "fd00:96::/112"] } }, {}],
    [
      ipAddressKind,
      { spec: { parentRef: { resource: "services", namespace: "n", name: "s" } } },
      { name: "10.96.0.1" },
    ],
    [endpointSliceKind, { ...address("10.0.0.1"), ports: [{ name: "a", port: 1 }, { port: 2 }] }, {}],
    [endpointsKind, { subsets: [{ notReadyAddresses: [{ ip: "10.0.0.1" }] }] }, {}],
  ];
  it.each(good.map(([kind, content, metadata]) => ({ kind, name: kind.resource.kind, content, metadata })))(
    "accepts $name $content",
    ({ kind, content, metadata }) => expect(kind.validate(made(kind, content, metadata))).toEqual([]),
  );

  it("wants class annotation and field of an Ingress to agree, on create only", () => {
    const both = made(
      ingressKind,
      { spec: { ingressClassName: "a", defaultBackend: backend } },
      { annotations: { "kubernetes.io/ingress.class": "b" } },
    );
    expect(ingressKind.validate(both)).toEqual([
      expect.objectContaining({ message: 'Invalid value: "b": must match `ingressClassName` when both are specified' }),
    ]);
    expect(ingressKind.validateUpdate(both, both, undefined)).toEqual([]);
  });
});

describe("validateUpdate()", () => {
  const cases: readonly (readonly [Kind, object, object, string])[] = [
    [ingressClassKind, { spec: { controller: "a.io/b" } }, { spec: { controller: "a.io/c" } }, "spec.controller"],
    [serviceCidrKind, { spec: { cidrs: ["10.0.0.0/8"] } }, { spec: { cidrs: ["11.0.0.0/8"] } }, "spec.cidrs"],
    [endpointSliceKind, address("10.0.0.1"), { addressType: "IPv6", endpoints: [] }, "addressType"],
    [
      ipAddressKind,
      { spec: { parentRef: { resource: "services", name: "s" } } },
      { spec: { parentRef: { resource: "services", name: "t" } } },
      "spec.parentRef",
    ],
  ];
  it.each(cases.map(([kind, before, after, path]) => ({ kind, name: kind.resource.kind, before, after, path })))(
    "refuses to change $path of $name",
    ({ kind, before, after, path }) => {
      const [error] = kind.validateUpdate(made(kind, after), made(kind, before), undefined);
      expect(error?.field).toBe(path);
      expect(error?.message).toMatch(/field is immutable$/);
    },
  );

  it("lets a ServiceCIDR grow by the second family", () => {
    const grown = made(serviceCidrKind, { spec: { cidrs: ["10.96.0.0/16", "fd00:96::/112"] } });
    expect(
      serviceCidrKind.validateUpdate(grown, made(serviceCidrKind, { spec: { cidrs: ["10.96.0.0/16"] } }), undefined),
    ).toEqual([]);
  });
});

describe("row()", () => {
  const hosts = ["a", "b", "c", "d"].map((name) => ({ host: `${name}.example.com` }));
  const many = { addressType: "IPv4", endpoints: [1, 2, 3, 4, 5].map((i) => ({ addresses: [`10.0.0.${i}`] })) };
  const cases: readonly (readonly [Kind, object, readonly unknown[]])[] = [
    [ingressKind, { spec: { defaultBackend: backend } }, ["a", "<none>", "*", "", "80", "42s"]],
    [
      ingressKind,
      {
        spec: { ingressClassName: "c", rules: hosts, tls: [{}] },
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
      },
      ["a", "c", "a.example.com,b.example.com,c.example.com + 1 more...", "192.0.2.1", "80, 443", "42s"],
    ],
    [ingressClassKind, { spec: { controller: "a.io/b" } }, ["a", "a.io/b", "<none>", "42s"]],
    [
      ingressClassKind,
      { spec: { controller: "a.io/b", parameters: { apiGroup: "k.io", kind: "P", name: "x" } } },
      ["a", "a.io/b", "P.k.io/x", "42s"],
    ],
    [serviceCidrKind, { spec: { cidrs: ["10.96.0.0/16", "fd00::/112"] } }, ["a", "10.96.0.0/16,fd00::/112", "42s"]],
    [
      ipAddressKind,
      { spec: { parentRef: { resource: "services", namespace: "n", name: "s" } } },
      ["a", "services/n/s", "42s"],
    ],
    [endpointSliceKind, many, ["a", "IPv4", "<unset>", "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...", "42s"]],
    [
      endpointSliceKind,
      { ...address("10.0.0.1"), ports: [{ port: 80 }, { name: "x" }] },
      ["a", "IPv4", "80,x", "10.0.0.1", "42s"],
    ],
    [endpointsKind, {}, ["a", "<none>", "42s"]],
    [
      endpointsKind,
      { subsets: [{ addresses: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }], ports: [{ port: 80 }] }] },
      ["a", "10.0.0.1:80,[fd00::1]:80", "42s"],
    ],
  ];
  it.each(cases.map(([kind, content, cells]) => ({ kind, name: kind.resource.kind, content, cells })))(
    "of $name $content",
    ({ kind, content, cells }) => expect(kind.row(made(kind, content), now)).toEqual(cells),
  );
});

describe("applyDefaults()", () => {
  it("names and types the ports of slices and endpoints", () => {
    expect(made(endpointSliceKind, { addressType: "IPv4", ports: [{ port: 80 }] })).toMatchObject({
      endpoints: [],
      ports: [{ name: "", port: 80, protocol: "TCP" }],
    });
    expect(made(endpointsKind, { subsets: [{ ports: [{ port: 80 }] }] })).toMatchObject({
      subsets: [{ ports: [{ port: 80, protocol: "TCP" }] }],
    });
  });

  it("warns that Endpoints are deprecated", () => {
    expect(endpointsKind.warnings(made(endpointsKind, {}), undefined)).toEqual([
      "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ]);
  });
});
