import { describe, expect, it } from "vitest";
import type { EndpointSlice, Service } from "../objects/index.ts";
import { keptForDns } from "./kept-objects.ts";
import { ServiceIndex } from "./service-index.ts";
import { portSharing, serviceFacts, sliceFacts } from "./service-facts.ts";

const metadata = {
  namespace: "shop",
  name: "web",
  uid: "8a1d",
  resourceVersion: "7",
  creationTimestamp: "2026-11-01T00:00:00Z",
  labels: { app: "web" },
  annotations: { note: "long ".repeat(100) },
};
const ports = [{ name: "HTTP", port: 80, protocol: "TCP" }] as const;

function service(spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata, spec, status: { loadBalancer: {} } };
}

function slice(more: Partial<EndpointSlice>): EndpointSlice {
  const labels = { ...metadata.labels, "kubernetes.io/service-name": "web" };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], nodeName: "node-1", targetRef: { kind: "Pod", name: "web-abc" } }],
    ports,
    ...more,
  };
}

const services: readonly (readonly [string, Service])[] = [
  ["with a cluster IP", service({ clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1", "fd00::1"], ports })],
  ["headless", service({ clusterIP: "None", selector: { app: "web" } })],
  ["without an address yet", service({ ports })],
];
const slices: readonly (readonly [string, EndpointSlice])[] = [
  ["of IPv4", slice({})],
  ["of IPv6", slice({ addressType: "IPv6", endpoints: [{ addresses: ["2001:db8::1"] }] })],
  [
    "with hostnames",
    slice({ endpoints: [{ addresses: ["10.0.0.1"], hostname: "db-0" }, { addresses: ["10.0.0.2"] }] }),
  ],
  ["with pods that are not ready", slice({ endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: false } }] })],
  ["without endpoints", slice({ endpoints: [] })],
];
const share = portSharing();

describe("keptForDns()", () => {
  it.each(services)("keeps of a Service %s what answers are made of", (_, object) => {
    const kept = keptForDns("address", false).services.slim(object);
    const before = serviceFacts(object, share);
    const { ports: _ports, ...facts } = { ports: [], ...serviceFacts(kept, share) };
    expect(before).toMatchObject(facts);
    expect(kept.metadata).toEqual({ namespace: "shop", name: "web", resourceVersion: "7" });
    expect(kept.spec.selector === undefined).toBe(object.spec.selector === undefined);
  });

  it("keeps a Service with an external name", () => {
    const kept = keptForDns("address", false).services.slim(
      service({ type: "ExternalName", externalName: "db.example.com" }),
    );
    expect(kept.spec.type).toBe("ExternalName");
  });

  it.each(slices)("keeps of a slice %s what answers are made of", (_, object) => {
    const kept = keptForDns("address", false).endpointSlices.slim(object);
    const [of, was] = [sliceFacts(kept, "address", share), sliceFacts(object, "address", share)];
    expect({ ...of, ports: [] }).toEqual({ ...was, ports: [] });
    expect(kept.metadata).toEqual({
      namespace: "shop",
      name: "web",
      resourceVersion: "7",
      labels: { "kubernetes.io/service-name": "web" },
    });
  });

  it("gives an index what whole objects give it", () => {
    const kept = keptForDns("address", false);
    for (const [, whole] of services) {
      for (const [, ends] of slices) {
        const [one, other] = [new ServiceIndex(() => undefined), new ServiceIndex(() => undefined)];
        one.applyService(whole, undefined);
        one.applySlice(ends, undefined);
        other.applyService(kept.services.slim(whole), undefined);
        other.applySlice(kept.endpointSlices.slim(ends), undefined);
        const told = (index: ServiceIndex) => [...index.entries()].map(({ facts, slices: list }) => ({ facts, list }));
        expect(told(other)).toEqual(told(one));
        other.applySlice(undefined, kept.endpointSlices.slim(ends));
        other.applyService(undefined, kept.services.slim(whole));
        expect([...other.entries()]).toEqual([]);
      }
    }
  });

  it("keeps names of pods where they are names in DNS", () => {
    expect(keptForDns("pod", false).endpointSlices.slim(slice({})).endpoints).toEqual([
      { addresses: ["10.0.0.1"], hostname: "web-abc" },
    ]);
  });

  it("keeps labels where Services are chosen by them", () => {
    const kept = keptForDns("address", true);
    expect(kept.services.slim(service({})).metadata.labels).toEqual({ app: "web" });
    const labels = { app: "web", "kubernetes.io/service-name": "web" };
    expect(kept.endpointSlices.slim(slice({})).metadata.labels).toEqual(labels);
  });

  it("keeps zones where they are names in DNS", () => {
    const zoned = slice({ endpoints: [{ addresses: ["10.0.0.1"], zone: "West-1" }, { addresses: ["10.0.0.2"] }] });
    const kept = keptForDns("address", false, true).endpointSlices;
    expect(kept.slim(zoned).endpoints).toEqual([
      { addresses: ["10.0.0.1"], zone: "west-1" },
      { addresses: ["10.0.0.2"] },
    ]);
    expect(kept.fields).toMatchObject({ endpoints: { zone: true } });
    const plain = keptForDns("address", false).endpointSlices;
    expect(plain.slim(zoned).endpoints).toEqual([{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }]);
    expect(plain.fields.endpoints).not.toHaveProperty("zone");
    expect(sliceFacts(zoned, "address", share)).not.toHaveProperty("zones");
  });

  it("keeps when a change began", () => {
    const annotations = { "endpoints.kubernetes.io/last-change-trigger-time": "2026-11-01T10:00:00Z", other: "x" };
    const kept = keptForDns("address", false).endpointSlices.slim(slice({ metadata: { ...metadata, annotations } }));
    expect(kept.metadata.annotations).toEqual({
      "endpoints.kubernetes.io/last-change-trigger-time": "2026-11-01T10:00:00Z",
    });
  });
});
