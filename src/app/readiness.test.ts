import { describe, expect, it } from "vitest";
import type { Deployment, Node, Pod, Service } from "../objects/index.ts";
import { notReady } from "./readiness.ts";
import type { ClusterState } from "./readiness.ts";

const empty: ClusterState = {
  nodes: [],
  pods: [],
  services: [],
  endpointSlices: [],
  deployments: [],
  replicaSets: [],
  replicationControllers: [],
  statefulSets: [],
  daemonSets: [],
};

function node(status: "True" | "False"): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1" },
    spec: {},
    status: { conditions: [{ type: "Ready", status }] },
  };
}

function pod(labels: Record<string, string>, ready: boolean): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n", labels },
    spec: { containers: [], nodeName: "node-1" },
    status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

function service(spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "n" }, spec };
}

function deployment(generation: number, status: Deployment["status"]): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "n", generation },
    spec: { replicas: 2, selector: {}, template: { spec: { containers: [] } } },
    ...(status === undefined ? {} : { status }),
  };
}

const complete = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

describe("notReady()", () => {
  const cases: readonly (readonly [string, Partial<ClusterState>, readonly string[]])[] = [
    ["an empty cluster", {}, []],
    ["a ready node", { nodes: [node("True")] }, []],
    ["a node that is not Ready", { nodes: [node("False")] }, ["node/node-1: not Ready"]],
    ["a complete deployment", { deployments: [deployment(1, complete)] }, []],
    [
      "a changed deployment",
      { deployments: [deployment(2, complete)] },
      ["deployment/web: not yet seen by its controller"],
    ],
    [
      "an old replica left",
      { deployments: [deployment(1, { ...complete, replicas: 3 })] },
      ["deployment/web: 2 of 2 replicas available"],
    ],
    [
      "a deployment without status",
      { deployments: [deployment(1, undefined)] },
      ["deployment/web: not yet seen by its controller"],
    ],
    ["a pod that is not ready", { pods: [pod({}, false)] }, ["pod/p: not Ready"]],
    [
      "a Service that selects nothing",
      { services: [service({ selector: { app: "x" } })] },
      ["service/web: no pod matches its selector"],
    ],
    [
      "a Service without a ready pod",
      { services: [service({ selector: { app: "x" } })], pods: [pod({ app: "x" }, true)] },
      ["service/web: no pod behind it is ready"],
    ],
    ["a Service without selector", { services: [service({})] }, []],
    ["an ExternalName", { services: [service({ type: "ExternalName", externalName: "example.com" })] }, []],
    [
      "a LoadBalancer without address",
      { services: [service({ type: "LoadBalancer" })] },
      ["service/web: has no LoadBalancer address, its events say why"],
    ],
    ["somebody else's LoadBalancer", { services: [service({ type: "LoadBalancer", loadBalancerClass: "x.y/z" })] }, []],
  ];
  it.each(cases)("judges %s", (_name, state, expected) => {
    expect(notReady({ ...empty, ...state }).map(({ object, reason }) => `${object}: ${reason}`)).toEqual(expected);
  });
});
