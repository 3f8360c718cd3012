import { describe, expect, it } from "vitest";
import type { Endpoint as SliceEndpoint, EndpointSlice, Service } from "../objects/index.ts";
import { chooseEndpoints } from "./endpoint-choice.ts";
import type { ChoicePolicy } from "./endpoint-choice.ts";
import { serviceEndpoints } from "./endpoints.ts";

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "tour" },
  spec: { clusterIP: "10.96.0.1", ports: [{ name: "http", port: 80, protocol: "TCP" }] },
};

function slice(endpoints: readonly SliceEndpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "tour" },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints,
    ...more,
  };
}

const all = (slices: readonly EndpointSlice[]) => serviceEndpoints(service, slices).flatMap((list) => list.endpoints);

describe("serviceEndpoints()", () => {
  it("reads absent conditions as ready, serving and not terminating", () => {
    expect(all([slice([{ addresses: ["10.0.0.1"] }])])).toEqual([
      { ip: "10.0.0.1", port: 8080, ready: true, serving: true, terminating: false, hints: { zones: [], nodes: [] } },
    ]);
  });

  it("reads weights from the slice's annotation, as far as they are weights", () => {
    const annotations = { "sealane.dev/weights": '{"10.0.0.1":5,"10.0.0.2":-1,"10.0.0.3":2.5,"x":1,"10.0.0.4":1}' };
    const endpoints = [1, 2, 3, 4].map((n) => ({ addresses: [`10.0.0.${n}`] }));
    const found = all([slice(endpoints, { metadata: { name: "web-1", namespace: "tour", annotations } })]);
    expect(found.map(({ weight }) => weight)).toEqual([5, undefined, undefined, undefined]);
    const broken = { "sealane.dev/weights": "{" };
    expect(
      all([slice(endpoints, { metadata: { name: "web-1", namespace: "tour", annotations: broken } })]),
    ).toHaveLength(4);
  });

  it("merges slices and prefers what does not terminate", () => {
    const leaving = { addresses: ["10.0.0.1"], conditions: { ready: false, serving: true, terminating: true } };
    const staying = { addresses: ["10.0.0.1"], conditions: { ready: true } };
    for (const slices of [
      [slice([leaving]), slice([staying])],
      [slice([staying]), slice([leaving])],
    ]) {
      expect(all(slices).map(({ ready, terminating }) => ({ ready, terminating }))).toEqual([
        { ready: true, terminating: false },
      ]);
    }
  });

  const passedOver: readonly (readonly [string, EndpointSlice])[] = [
    ["another family", slice([{ addresses: ["fd00::1"] }], { addressType: "IPv6" })],
    ["host names", slice([{ addresses: ["db.example.com"] }], { addressType: "FQDN" })],
    [
      "another port name",
      slice([{ addresses: ["10.0.0.1"] }], { ports: [{ name: "other", port: 1, protocol: "TCP" }] }),
    ],
    ["another protocol", slice([{ addresses: ["10.0.0.1"] }], { ports: [{ name: "http", port: 1, protocol: "UDP" }] })],
    ["a port that is none", slice([{ addresses: ["10.0.0.1"] }], { ports: [{ name: "http", protocol: "TCP" }] })],
    ["an address that is none", slice([{ addresses: ["10.0.0.999"] }, { addresses: [] }])],
  ];
  it.each(passedOver)("passes over %s", (_what, one) => expect(all([one])).toEqual([]));

  it("gives a list for each family of the Service", () => {
    const dual: Service = { ...service, spec: { ...service.spec, ipFamilies: ["IPv6", "IPv4"] } };
    const slices = [slice([{ addresses: ["10.0.0.1"] }]), slice([{ addresses: ["fd00::1"] }], { addressType: "IPv6" })];
    const found = serviceEndpoints(dual, slices).map(({ family, endpoints }) => [
      family,
      endpoints.map(({ ip }) => ip),
    ]);
    expect(found).toEqual([
      ["IPv6", ["fd00::1"]],
      ["IPv4", ["10.0.0.1"]],
    ]);
  });
});

/** `a1` is pod 1 on node a; `!` not ready, `~` terminating but serving, `@z` hint for a zone, `#n` for a node. */
function endpointsOf(text: string): readonly SliceEndpoint[] {
  return text.split(" ").flatMap((word) => {
    const match = /^([a-z])([0-9])([!~]?)(?:@([a-z]))?(?:#([a-z]))?$/.exec(word);
    if (match === null) return [];
    const [, node = "", number = "", state = "", zone, hintedNode] = match;
    const conditions = { ready: state === "", serving: state !== "!", terminating: state === "~" };
    const hints = {
      ...(zone === undefined ? {} : { forZones: [{ name: zone }] }),
      ...(hintedNode === undefined ? {} : { forNodes: [{ name: hintedNode }] }),
    };
    const address = `10.0.${node.charCodeAt(0) - 96}.${number}`;
    return [{ addresses: [address], nodeName: node, conditions, hints }];
  });
}

function namesOf(ips: readonly { readonly ip: string }[]): string {
  const name = (ip: string) => `${String.fromCharCode(96 + Number(ip.split(".")[2]))}${ip.split(".")[3]}`;
  return ips.map(({ ip }) => name(ip)).join(" ");
}

interface Row {
  readonly what: string;
  readonly endpoints: string;
  readonly policy?: ChoicePolicy;
  readonly cluster: string;
  readonly local: string;
  readonly anywhere?: boolean;
}

const local: ChoicePolicy = { internalTrafficPolicy: "Local" };
const external: ChoicePolicy = { externalTrafficPolicy: "Local", externallyAccessible: true };

const rows: readonly Row[] = [
  { what: "all ready ones", endpoints: "a1 b1 b2!", cluster: "a1 b1", local: "" },
  { what: "terminating ones when none is ready", endpoints: "a1! b1~ b2~", cluster: "b1 b2", local: "" },
  { what: "nothing when none serves", endpoints: "a1! b1!", cluster: "", local: "", anywhere: false },
  { what: "own ones for internal policy Local", endpoints: "a1 b1", policy: local, cluster: "", local: "a1" },
  { what: "own terminating ones", endpoints: "a1~ b1", policy: local, cluster: "", local: "a1" },
  { what: "none here", endpoints: "b1", policy: local, cluster: "", local: "" },
  { what: "both lists for external policy Local", endpoints: "a1 b1", policy: external, cluster: "a1 b1", local: "a1" },
  {
    what: "no local list when nobody comes from outside",
    endpoints: "a1 b1",
    policy: { externalTrafficPolicy: "Local" },
    cluster: "a1 b1",
    local: "",
  },
  { what: "the own zone when all have hints", endpoints: "a1@x b1@y c1@x", cluster: "a1 c1", local: "" },
  { what: "all when one has no hint", endpoints: "a1@x b1@y c1", cluster: "a1 b1 c1", local: "" },
  { what: "all when no hint is for the own zone", endpoints: "a1@y b1@y", cluster: "a1 b1", local: "" },
  { what: "hints of ready ones only", endpoints: "a1@x b1@y c1!", cluster: "a1", local: "" },
  { what: "the own node before the zone", endpoints: "a1@x#a b1@x#b", cluster: "a1", local: "" },
  { what: "the zone when no node hint fits", endpoints: "b1@x#b c1@y#c", cluster: "b1", local: "" },
];

describe("chooseEndpoints()", () => {
  it.each(rows)("takes $what", ({ endpoints, policy = {}, cluster, local, anywhere = true }) => {
    const list = all([slice(endpointsOf(endpoints))]);
    const choice = chooseEndpoints(list, { nodeName: "a", zone: "x" }, policy);
    expect({ cluster: namesOf(choice.cluster), local: namesOf(choice.local), anywhere: choice.anywhere }).toEqual({
      cluster,
      local,
      anywhere,
    });
  });

  it("counts weight 0 like an endpoint that is not ready", () => {
    const list = all([slice(endpointsOf("a1 b1"))]).map((one) => ({ ...one, weight: namesOf([one]) === "a1" ? 0 : 2 }));
    expect(namesOf(chooseEndpoints(list, { nodeName: "a" }).cluster)).toBe("b1");
    expect(chooseEndpoints(list.slice(0, 1), { nodeName: "a" })).toEqual({ cluster: [], local: [], anywhere: false });
  });

  it("ignores zone hints on a node without zone", () => {
    const list = all([slice(endpointsOf("a1@x b1@y"))]);
    expect(namesOf(chooseEndpoints(list, { nodeName: "a" }).cluster)).toBe("a1 b1");
  });
});
