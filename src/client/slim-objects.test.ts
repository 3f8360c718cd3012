import { describe, expect, it } from "vitest";
import type { EndpointSlice, Service } from "../objects/index.ts";
import { slimEndpointSlices, slimServices } from "./slim-objects.ts";

/** As an answer of the API: nothing is shared between two of them. */
function parsed<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const metadata = {
  name: "web",
  namespace: "tour",
  uid: "u-1",
  resourceVersion: "7",
  generation: 3,
  creationTimestamp: "2026-11-21T10:00:00Z",
  labels: { app: "web" },
  annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", "sealane.dev/scheduler": "rr" },
  ownerReferences: [{ apiVersion: "v1", kind: "Service", name: "web", uid: "u-1" }],
};
const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata,
  spec: {
    clusterIP: "10.96.0.1",
    ports: [{ port: 80, protocol: "TCP" }],
    ipFamilies: ["IPv4"],
    selector: { app: "web" },
  },
  status: { loadBalancer: {} },
};
const slice: EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { ...metadata, generateName: "web-" },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: [
    {
      addresses: ["10.244.1.2"],
      conditions: { ready: true },
      nodeName: "node-1",
      zone: "a",
      hints: { forZones: [{ name: "a" }] },
      targetRef: { kind: "Pod", namespace: "tour", name: "web-0", uid: "u-2" },
    },
    { addresses: ["10.244.1.3"], conditions: { ready: true }, nodeName: "node-1", targetRef: { name: "x" } },
    { addresses: ["10.244.1.4"], hostname: "three" },
  ],
};
const slimMetadata = {
  name: "web",
  namespace: "tour",
  uid: "u-1",
  resourceVersion: "7",
  labels: { app: "web" },
  annotations: { "sealane.dev/scheduler": "rr" },
};

describe("slimServices()", () => {
  it("leaves out what no node looks at", () => {
    expect(slimServices()(parsed(service))).toEqual({ ...service, metadata: slimMetadata });
  });

  it("keeps one copy of what is equal, and leaves the objects that it gets as they are", () => {
    const slim = slimServices();
    const [one, other] = [parsed(service), parsed(service)];
    expect(slim(one).spec.ports).toBe(slim(other).spec.ports);
    expect(slim(one).status).toBe(slim(other).status);
    expect(one).toEqual(service);
  });

  it("keeps what is there of an object that lacks the usual", () => {
    const bare: Service = { apiVersion: "v1", kind: "Service", metadata: { name: "x" }, spec: { clusterIP: "None" } };
    expect(slimServices()(parsed(bare))).toEqual(bare);
    const going: Service = { ...bare, metadata: { ...bare.metadata, deletionTimestamp: "2026-11-21T10:00:00Z" } };
    expect(slimServices()(parsed(going))).toEqual(going);
    const served = { loadBalancer: { ingress: [{ ip: "192.168.100.200" }] } };
    expect(slimServices()(parsed({ ...service, status: served })).status).toEqual(served);
  });
});

describe("slimEndpointSlices()", () => {
  it("keeps of pods what names them", () => {
    const [first, second, third] = slice.endpoints;
    expect(slimEndpointSlices()(parsed(slice))).toEqual({
      ...slice,
      metadata: slimMetadata,
      endpoints: [{ ...first, targetRef: { kind: "Pod", namespace: "tour", name: "web-0" } }, second, third],
    });
  });

  it("names the pods of one node only when nobody asks for others", () => {
    const named = (podsOf: string) =>
      slimEndpointSlices({ podsOf })(parsed(slice)).endpoints.map(({ targetRef }) => targetRef?.name);
    expect(named("node-1")).toEqual(["web-0", "x", undefined]);
    expect(named("node-2")).toEqual([undefined, undefined, undefined]);
  });

  it("keeps one copy of what many endpoints have in common", () => {
    const slim = slimEndpointSlices();
    const [a, b] = [slim(parsed(slice)), slim(parsed(slice))];
    expect(a.endpoints[0]?.conditions).toBe(b.endpoints[1]?.conditions);
    expect(a.ports).toBe(b.ports);
  });
});
