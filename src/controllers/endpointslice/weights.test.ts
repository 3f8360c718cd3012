import { describe, expect, it } from "vitest";
import { serviceNameLabel } from "../../objects/index.ts";
import type { EndpointSlice, Pod, Service } from "../../objects/index.ts";
import { endpointsOfPods } from "./endpoints-of-pods.ts";
import { planSlices } from "./plan.ts";
import { podWeight } from "./pod-weight.ts";
import { weightProblems } from "./weight-problems.ts";

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "tour", uid: "service-uid" },
  spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
};

/** Pod `number` with these annotations and CPU requests of its containers. */
function pod(number: number, annotations: Readonly<Record<string, string>> = {}, cpu: readonly string[] = []): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `web-${number}`, namespace: "tour", uid: `uid-${number}`, annotations },
    spec: {
      nodeName: "node-1",
      containers: cpu.map((quantity, i) => ({ name: `c${i}`, resources: { requests: { cpu: quantity } } })),
    },
    status: { phase: "Running", podIP: `10.0.0.${number}`, conditions: [{ type: "Ready", status: "True" }] },
  };
}

const own = (text: string) => ({ "sealane.dev/weight": text });
const fromCpu = { "sealane.dev/weight-from": "requests.cpu" };

describe("weightProblems()", () => {
  const labelled = (one: Pod, app: string): Pod => ({ ...one, metadata: { ...one.metadata, labels: { app } } });
  const bad = Array.from({ length: 5 }, (_, i) => labelled(pod(i + 1, own("x")), "web"));
  const text = (one: number) =>
    `pod web-${one} counts with weight 1: annotation sealane.dev/weight must be a whole number from 0 to 1000, not "x"`;

  it("names the Services whose pods are wrong about their weight, and three of the pods", () => {
    const other = { ...service, metadata: { ...service.metadata, name: "other" }, spec: { selector: { app: "db" } } };
    const pods = [...bad, labelled(pod(6, own("5")), "db")];
    expect(weightProblems([service, other], pods)).toEqual([
      { service: "tour/web", reason: `${text(1)}; ${text(2)}; ${text(3)}; and 2 more` },
    ]);
  });

  it("leaves pods of other namespaces and such as have ended alone", () => {
    const [first = pod(1), second = pod(2)] = bad;
    const elsewhere = { ...first, metadata: { ...first.metadata, namespace: "away" } };
    const ended = { ...second, status: { phase: "Succeeded" } } satisfies Pod;
    expect(weightProblems([service], [elsewhere, ended])).toEqual([]);
  });
});

describe("podWeight()", () => {
  const cases: readonly { what: string; of: Pod; weight: number; problem?: RegExp }[] = [
    { what: "nothing said", of: pod(1), weight: 1 },
    { what: "a number", of: pod(1, own("5")), weight: 5 },
    { what: "0, which drains", of: pod(1, own("0")), weight: 0 },
    {
      what: "more than there is",
      of: pod(1, own("1001")),
      weight: 1,
      problem: /web-1 .* whole number from 0 to 1000, not "1001"/,
    },
    { what: "a fraction", of: pod(1, own("1.5")), weight: 1, problem: /not "1\.5"/ },
    { what: "CPU requests of all containers", of: pod(1, fromCpu, ["250m", "0.25"]), weight: 50 },
    { what: "tiny requests", of: pod(1, fromCpu, ["1m"]), weight: 1 },
    { what: "huge requests", of: pod(1, fromCpu, ["64"]), weight: 1000 },
    { what: "no requests", of: pod(1, fromCpu), weight: 1, problem: /no container requests CPU/ },
    {
      what: "another source",
      of: pod(1, { "sealane.dev/weight-from": "limits.cpu" }),
      weight: 1,
      problem: /must be "requests\.cpu"/,
    },
    { what: "a number before requests", of: pod(1, { ...own("7"), ...fromCpu }, ["1"]), weight: 7 },
  ];
  it.each(cases)("reads $what", ({ of, weight, problem }) => {
    const found = podWeight(of);
    expect(found.weight).toBe(weight);
    expect(found.problem ?? "").toMatch(problem ?? /^$/);
  });
});

describe("planSlices() with weights", () => {
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "node-1" }, spec: {} } as const;
  const planOf = (pods: readonly Pod[], existing: readonly EndpointSlice[]) => {
    const { groups, weights } = endpointsOfPods(service, "IPv4", pods, () => node);
    const labels = { [serviceNameLabel]: "web" };
    const input = { owner: service, labels, family: "IPv4", groups, weights, existing } as const;
    return planSlices({ ...input, placeholder: true, maxPerSlice: 100, triggerTime: undefined });
  };
  const weightsIn = (slices: readonly EndpointSlice[]) =>
    slices.map(({ metadata }) => metadata.annotations?.["sealane.dev/weights"]);
  const named = (slice: EndpointSlice): EndpointSlice => ({ ...slice, metadata: { ...slice.metadata, name: "web-x" } });

  it("writes them on the slice, only those that are not 1", () => {
    expect(weightsIn(planOf([pod(1, own("5")), pod(2), pod(3, own("0"))], []).create)).toEqual([
      '{"10.0.0.1":5,"10.0.0.3":0}',
    ]);
    expect(weightsIn(planOf([pod(1), pod(2)], []).create)).toEqual([undefined]);
  });

  it("writes a slice again when nothing but a weight changed, and not when nothing did", () => {
    const existing = planOf([pod(1, own("5")), pod(2)], []).create.map(named);
    expect(planOf([pod(1, own("5")), pod(2)], existing)).toEqual({ create: [], update: [], remove: [] });
    expect(weightsIn(planOf([pod(1, own("6")), pod(2)], existing).update)).toEqual(['{"10.0.0.1":6}']);
    expect(weightsIn(planOf([pod(1), pod(2)], existing).update)).toEqual([undefined]);
    // An endpoint that goes takes its weight along.
    expect(weightsIn(planOf([pod(2)], existing).update)).toEqual([undefined]);
  });
});
