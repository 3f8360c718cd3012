import { describe, expect, test } from "vitest";
import { ip } from "../core/index.ts";
import type { Endpoint, EndpointSlice, Node } from "../objects/index.ts";
import { announcerRank, electAnnouncer, excludeLoadBalancersLabel, mayAnnounce } from "./election.ts";

const node = (labels: Record<string, string>, ...conditions: [string, "True" | "False" | "Unknown"][]): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node-1", labels },
  spec: {},
  status: { conditions: conditions.map(([type, status]) => ({ type, status })) },
});

const slice = (...endpoints: Omit<Endpoint, "addresses">[]): EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "web-1", namespace: "default" },
  addressType: "IPv4",
  endpoints: endpoints.map((endpoint, i) => ({ addresses: [`10.244.0.${i}`], ...endpoint })),
});

const names = (count: number) => Array.from({ length: count }, (_, i) => `node-${i + 1}`);
const addresses = Array.from({ length: 200 }, (_, i) => ip(`192.168.100.${i + 20}`));
const elect = (nodes: readonly string[], address = ip("192.168.100.200")) =>
  electAnnouncer({ address, nodes, externalTrafficPolicy: "Cluster", slices: [slice({})] });

describe("mayAnnounce()", () => {
  test.each<[string, Node, boolean]>([
    ["a ready node", node({}, ["Ready", "True"]), true],
    ["a node that is not ready", node({}, ["Ready", "False"]), false],
    ["a node that went silent", node({}, ["Ready", "Unknown"]), false],
    ["a node without conditions", node({}), false],
    [
      "an excluded node, whatever the label says",
      node({ [excludeLoadBalancersLabel]: "false" }, ["Ready", "True"]),
      false,
    ],
    ["a node off the network", node({}, ["Ready", "True"], ["NetworkUnavailable", "True"]), false],
    ["a node back on the network", node({}, ["Ready", "True"], ["NetworkUnavailable", "False"]), true],
  ])("judges %s", (_, object, expected) => expect(mayAnnounce(object)).toBe(expected));
});

describe("electAnnouncer()", () => {
  const onNode = (nodeName: string, conditions: Endpoint["conditions"] = { ready: true }) => ({ nodeName, conditions });

  test.each<[string, "Cluster" | "Local", EndpointSlice[], readonly string[]]>([
    ["nobody without endpoints", "Cluster", [], []],
    ["nobody when no endpoint serves", "Cluster", [slice(onNode("node-1", { ready: false, serving: false }))], []],
    [
      "nobody when unready endpoints do not say whether they serve",
      "Cluster",
      [slice(onNode("node-1", { ready: false }))],
      [],
    ],
    ["anybody for an endpoint anywhere", "Cluster", [slice(onNode("elsewhere"))], names(3)],
    ["anybody for an endpoint of no node", "Cluster", [slice({})], names(3)],
    [
      "anybody while the last endpoint terminates",
      "Cluster",
      [slice(onNode("node-2", { ready: false, serving: true, terminating: true }))],
      names(3),
    ],
    [
      "only nodes with a serving endpoint for Local",
      "Local",
      [slice(onNode("node-2"), onNode("node-3", { ready: false }))],
      ["node-2"],
    ],
    [
      "a node with a terminating endpoint for Local",
      "Local",
      [slice(onNode("node-3", { ready: false, serving: true }))],
      ["node-3"],
    ],
    ["nobody for Local when all endpoints are elsewhere", "Local", [slice(onNode("elsewhere"), {})], []],
    [
      "from all slices together",
      "Local",
      [slice(onNode("node-1", { ready: false })), slice(onNode("node-2"))],
      ["node-2"],
    ],
  ])("elects %s", (_, externalTrafficPolicy, slices, expected) => {
    const winners = new Set(
      addresses.map((address) => electAnnouncer({ address, externalTrafficPolicy, nodes: names(3), slices })),
    );
    winners.delete(undefined);
    expect([...winners].sort()).toEqual(expected);
  });

  test("elects nobody when no node may announce", () => expect(elect([])).toBeUndefined());

  test("does not depend on the order of the nodes", () => {
    for (const address of addresses) expect(elect(names(5).reverse(), address)).toBe(elect(names(5), address));
  });

  test("moves only the addresses of a node that leaves, and only to a node that comes what it wins", () => {
    for (const address of addresses) {
      const before = elect(names(5), address);
      const after = elect(
        names(5).filter((name) => name !== "node-3"),
        address,
      );
      if (before !== "node-3") expect(after).toBe(before);
    }
  });

  test.each([2, 3, 5, 10])("spreads addresses over %i nodes", (count) => {
    const won = new Map<string, number>();
    for (const address of addresses) {
      const winner = elect(names(count), address) ?? "";
      won.set(winner, (won.get(winner) ?? 0) + 1);
    }
    const fair = addresses.length / count;
    expect(won.size).toBe(count);
    for (const number of won.values()) expect(Math.abs(number - fair)).toBeLessThan(fair * 0.6);
  });
});

describe("announcerRank()", () => {
  // Nodes of different versions must agree during an upgrade: this function may never change.
  test.each([
    ["node-1", "192.168.100.200", 2_966_681_354],
    ["node-2", "192.168.100.200", 1_796_731_945],
  ])("ranks %s for %s as ever", (name, address, rank) => expect(announcerRank(name, ip(address))).toBe(rank));
});
