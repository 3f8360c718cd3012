import { describe, expect, it } from "vitest";
import { hostnameLabel, zoneLabel } from "../../objects/index.ts";
import type { Node, NodeSelectorTerm, Pod, PodSpec, TopologySpreadConstraint } from "../../objects/index.ts";
import { placePod } from "./plan.ts";
import type { NodeLoad } from "./plan.ts";

function pod(name: string, spec: Partial<PodSpec> = {}, owner = "set"): Pod {
  const ownerReferences = [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: owner, uid: owner, controller: true }];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: owner }, ownerReferences },
    spec: { containers: [], ...spec },
  };
}

function node(name: string, zone: string, spec: Node["spec"] = {}, ready = true): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { [hostnameLabel]: name, [zoneLabel]: zone, disk: name === "n3" ? "ssd" : "hdd" } },
    spec,
    status: { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] },
  };
}

const plain = [node("n1", "a"), node("n2", "a"), node("n3", "b")];
const load = (nodes: readonly Node[], pods: Readonly<Record<string, readonly Pod[]>> = {}): readonly NodeLoad[] =>
  nodes.map((one) => ({ node: one, pods: pods[one.metadata.name] ?? [] }));
const spread = (topologyKey: string, whenUnsatisfiable: string): TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable,
  labelSelector: { matchLabels: { app: "set" } },
});
const required = (...nodeSelectorTerms: readonly NodeSelectorTerm[]): Partial<PodSpec> => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
});
const tainted = node("n1", "a", { taints: [{ key: "only", value: "db", effect: "NoSchedule" }] });

describe("placePod()", () => {
  const terms: readonly (readonly [NodeSelectorTerm, string | undefined])[] = [
    [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }, "n3"],
    [{ matchExpressions: [{ key: "disk", operator: "NotIn", values: ["hdd"] }] }, "n3"],
    [{ matchExpressions: [{ key: "disk", operator: "Exists" }] }, "n1"],
    [{ matchExpressions: [{ key: "disk", operator: "DoesNotExist" }] }, undefined],
    [{ matchExpressions: [{ key: "cores", operator: "Gt", values: ["1"] }] }, undefined],
    [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["n2"] }] }, "n2"],
    [{}, undefined],
  ];
  it.each(terms)("obeys the required node affinity %j", (term, name) => {
    const place = placePod(pod("p", required(term)), load(plain));
    expect(place.kind === "node" ? place.name : undefined).toBe(name);
  });

  const cases: readonly (readonly [string, Pod, readonly NodeLoad[], string])[] = [
    ["the first of equal nodes", pod("p"), load(plain), "n1"],
    [
      "the node with the fewest pods",
      pod("p"),
      load(plain, { n1: [pod("x", {}, "o")], n2: [pod("y", {}, "o")] }),
      "n3",
    ],
    [
      "a node without a sibling, though it has more pods",
      pod("p"),
      load(plain.slice(0, 2), { n1: [pod("s")], n2: [pod("x", {}, "o"), pod("y", {}, "o")] }),
      "n2",
    ],
    ["the node that the selector names", pod("p", { nodeSelector: { disk: "ssd" } }), load(plain), "n3"],
    [
      "a tainted node for a pod that tolerates it",
      pod("p", { tolerations: [{ key: "only", operator: "Exists" }] }),
      load([tainted]),
      "n1",
    ],
    [
      "the emptier zone",
      pod("p", { topologySpreadConstraints: [spread(zoneLabel, "ScheduleAnyway")] }),
      load(plain, { n1: [pod("s")], n3: [pod("x", {}, "o"), pod("y", {}, "o")] }),
      "n3",
    ],
    [
      "a node within the allowed skew",
      pod("p", { topologySpreadConstraints: [spread(hostnameLabel, "DoNotSchedule")] }),
      load(plain, { n1: [pod("s")], n2: [pod("t")] }),
      "n3",
    ],
    [
      "a node that is not avoided",
      pod("p"),
      load([node("n1", "a", { taints: [{ key: "k", effect: "PreferNoSchedule" }] }), plain[1]!], { n2: [pod("s")] }),
      "n2",
    ],
  ];
  it.each(cases)("chooses %s", (_what, one, loads, name) => {
    expect(placePod(one, loads)).toEqual({ kind: "node", name });
  });

  const refusals: readonly (readonly [Pod, readonly NodeLoad[], string])[] = [
    [pod("p"), [], "no nodes available to schedule pods"],
    [
      pod("p"),
      load([node("n1", "a", {}, false), tainted]),
      "0/2 nodes are available: 1 node(s) had untolerated taint {only: db}, 1 node(s) were not ready.",
    ],
    [
      pod("p", { nodeSelector: { disk: "tape" } }),
      load(plain),
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      pod("p"),
      load([node("n1", "a", { unschedulable: true })]),
      "0/1 nodes are available: 1 node(s) were unschedulable.",
    ],
    [
      pod("p", { topologySpreadConstraints: [spread("rack", "DoNotSchedule")] }),
      load(plain),
      "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints (missing required label).",
    ],
  ];
  it.each(refusals)("says why %# has no place", (one, loads, message) => {
    expect(placePod(one, loads)).toEqual({ kind: "none", message });
  });
});
