import { describe, expect, test } from "vitest";
import { ManualClock } from "../core/index.ts";
import { endpointSliceIndexers } from "../objects/index.ts";
import type { Endpoint, EndpointSlice, Service, ServiceSpec } from "../objects/index.ts";
import { FakeCache } from "../../test/support/fake-cache.ts";
import { BackendPools } from "./backend-pools.ts";
import type { BackendPool, Target } from "./backend-pools.ts";
import type { Backend, BackendPort } from "./route-table.ts";

const service = (spec: ServiceSpec = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { clusterIP: "10.96.0.9", ipFamilies: ["IPv4"], ports: [{ name: "http", port: 80 }], ...spec },
});
const slice = (endpoints: readonly Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080 }],
  endpoints,
  ...more,
});
const ready = (...addresses: string[]): Endpoint[] => addresses.map((address) => ({ addresses: [address] }));
const byNumber = (number: number): BackendPort => ({ kind: "number", number });
const backend = (port: BackendPort = byNumber(80)): Backend => ({
  kind: "service",
  namespace: "default",
  name: "web",
  port,
});

function start(services: Service[], slices: EndpointSlice[]) {
  const clock = new ManualClock();
  const caches = { services: new FakeCache(services), endpointSlices: new FakeCache(slices, endpointSliceIndexers) };
  const pools = new BackendPools({ ...caches, nodeName: "node-1", clock, random: () => 0 });
  return { ...caches, clock, pools };
}
const shown = (target: Target | undefined) => target && `${target.host}:${target.port}`;
const take = (pool: BackendPool, count: number) => Array.from({ length: count }, () => shown(pool.next([])));

describe("BackendPools.get()", () => {
  test.each<[string, ServiceSpec, EndpointSlice[], BackendPort, string[]]>([
    ["ready endpoints by number", {}, [slice(ready("10.0.0.1"))], byNumber(80), ["10.0.0.1:8080"]],
    ["ready endpoints by name", {}, [slice(ready("10.0.0.1"))], { kind: "name", name: "http" }, ["10.0.0.1:8080"]],
    [
      "those of a port without name",
      { ports: [{ port: 80 }] },
      [slice(ready("10.0.0.1"), { ports: [{ port: 8080 }] })],
      byNumber(80),
      ["10.0.0.1:8080"],
    ],
    [
      "those of the TCP port when UDP has the same number",
      {
        ports: [
          { name: "dns", port: 80, protocol: "UDP" },
          { name: "http", port: 80 },
        ],
      },
      [slice(ready("10.0.0.1"))],
      byNumber(80),
      ["10.0.0.1:8080"],
    ],
    [
      "no unready ones",
      {},
      [slice([...ready("10.0.0.1"), { addresses: ["10.0.0.2"], conditions: { ready: false } }])],
      byNumber(80),
      ["10.0.0.1:8080"],
    ],
    [
      "those that terminate when nothing else is there",
      {},
      [slice([{ addresses: ["10.0.0.2"], conditions: { ready: false, serving: true, terminating: true } }])],
      byNumber(80),
      ["10.0.0.2:8080"],
    ],
    ["those of a headless Service", { clusterIP: "None" }, [slice(ready("10.0.0.1"))], byNumber(80), ["10.0.0.1:8080"]],
    [
      "the second family when the first has none",
      { ipFamilies: ["IPv6", "IPv4"] },
      [slice(ready("10.0.0.1"))],
      byNumber(80),
      ["10.0.0.1:8080"],
    ],
    [
      "the name of an ExternalName Service",
      { type: "ExternalName", externalName: "db.example.com" },
      [],
      byNumber(443),
      ["db.example.com:443"],
    ],
  ])("finds %s", (_, spec, slices, port, expected) => {
    const pool = start([service(spec)], slices).pools.get(backend(port));
    expect(pool.problem).toBeUndefined();
    expect(new Set(take(pool, 4))).toEqual(new Set(expected));
  });

  test.each<[string, Service[], EndpointSlice[], Backend, string]>([
    ["a missing Service", [], [], backend(), "Service default/web does not exist"],
    ["a missing port number", [service()], [], backend(byNumber(81)), "Service default/web has no port 81"],
    [
      "a missing port name",
      [service()],
      [],
      backend({ kind: "name", name: "x" }),
      'Service default/web has no port "x"',
    ],
    ["no endpoints", [service()], [slice([])], backend(), "Service default/web has no ready endpoints for port 80"],
    [
      "an ExternalName without such a name",
      [service({ type: "ExternalName", externalName: "a.b" })],
      [],
      backend({ kind: "name", name: "x" }),
      'Service default/web has no port "x"',
    ],
    [
      "a resource",
      [],
      [],
      { kind: "unsupported", resource: "Bucket/b" },
      "resource backends such as Bucket/b have no server here",
    ],
  ])("says why there is nobody for %s", (_, services, slices, wanted, problem) => {
    const pool = start(services, slices).pools.get(wanted);
    expect(pool.problem).toBe(problem);
    expect(pool.next([])).toBeUndefined();
  });

  test("keeps the pool until its Service or slices change", () => {
    const { endpointSlices, pools, services } = start([service()], [slice(ready("10.0.0.1"))]);
    const first = pools.get(backend());
    expect(pools.get(backend())).toBe(first);
    services.set({ ...service(), metadata: { name: "other", namespace: "default" } });
    expect(pools.get(backend())).toBe(first);
    endpointSlices.set(slice(ready("10.0.0.2")));
    expect(take(pools.get(backend()), 1)).toEqual(["10.0.0.2:8080"]);
    services.set(service({ ports: [{ name: "http", port: 81 }] }));
    expect(pools.get(backend()).problem).toContain("has no port 80");
    services.delete("default", "web");
    expect(pools.get(backend()).problem).toContain("does not exist");
  });
});

describe("BackendPool.next()", () => {
  const three = () => start([service()], [slice(ready("10.0.0.1", "10.0.0.2", "10.0.0.3"))]);

  test("takes endpoints in turn", () => {
    const taken = take(three().pools.get(backend()), 6);
    expect(taken.map((target) => target?.slice(7, 8)).join("")).toBe("123123");
  });

  test("passes over what was tried, across pools", () => {
    const { endpointSlices, pools } = three();
    const first = pools.get(backend()).next([]);
    endpointSlices.set(slice(ready("10.0.0.1", "10.0.0.4")));
    const second = pools.get(backend()).next(first === undefined ? [] : [first]);
    expect([shown(first), shown(second)]).toEqual(["10.0.0.1:8080", "10.0.0.4:8080"]);
    expect(pools.get(backend()).next([first, second].filter((target) => target !== undefined))).toBeUndefined();
  });

  test("asks one that failed only when no other is left, for two seconds", () => {
    const { clock, pools } = three();
    const pool = pools.get(backend());
    const bad = pool.next([]);
    if (bad !== undefined) pool.failed(bad);
    expect(take(pool, 4)).not.toContain(shown(bad));
    const others = [pool.next([]), pool.next([])].filter((target) => target !== undefined);
    expect(shown(pool.next(others))).toBe(shown(bad));
    clock.advance(2_001);
    expect(take(pool, 3)).toContain(shown(bad));
  });
});
