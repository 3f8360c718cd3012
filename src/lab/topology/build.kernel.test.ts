import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { enterOwnNamespaces, networkNamespace, until } from "../../../test/lab/own-namespaces.ts";
import { inNamespace } from "../../kernel/index.ts";
import { addNode, buildTopology, removeNode, setCable } from "./build.ts";
import { machinesOf, planTopology } from "./plan.ts";
import type { Machine } from "./plan.ts";

const topology = planTopology({ nodes: 2 });
const bigger = planTopology({ nodes: 3 });

beforeAll(() => {
  enterOwnNamespaces();
  buildTopology(topology);
});

const runIn = (machine: Machine, ...argv: readonly string[]) =>
  inNamespace(machine.namespace, () => execFileSync(argv[0] ?? "", argv.slice(1), { encoding: "utf8" }));
const reaches = (from: Machine, to: Machine) => {
  try {
    runIn(from, "ping", "-c1", "-W1", to.address);
    return true;
  } catch {
    return false;
  }
};
const nodeOf = (of: typeof topology, index: number) => {
  const node = of.nodes[index - 1];
  if (node === undefined) throw new Error(`no node ${index}`);
  return node;
};

describe("buildTopology()", () => {
  it("connects every machine with every other one", () => {
    expect(machinesOf(topology).filter((machine) => !reaches(topology.client, machine))).toEqual([]);
  });

  it("leaves the thread on the LAN", () => {
    expect(inNamespace(topology.client.namespace, networkNamespace)).not.toBe(networkNamespace());
    expect(execFileSync("ip", ["-br", "link", "show", "type", "bridge"], { encoding: "utf8" })).toMatch(/^lan\s.*,UP/);
  });
});

describe("setCable()", () => {
  it("cuts a machine off and connects it again with its routes", async () => {
    const node = nodeOf(topology, 1);
    const routes = runIn(node, "ip", "route");
    setCable(node, "down");
    expect(reaches(topology.client, node)).toBe(false);
    setCable(node, "up");
    // The kernel takes a moment to see the carrier of a link that comes up again.
    await until("the node is reached again", () => reaches(topology.client, node) || undefined);
    expect(runIn(node, "ip", "route")).toBe(routes);
  });
});

describe("addNode()", () => {
  it("adds a node that the others know, and removeNode() takes it away", async () => {
    const third = nodeOf(bigger, 3);
    addNode(bigger, third);
    expect(reaches(topology.client, third)).toBe(true);
    expect(runIn(nodeOf(topology, 1), "ip", "route")).toContain("10.244.3.0/24 via 192.168.100.13");
    expect(runIn(third, "ip", "route")).toContain("10.244.1.0/24 via 192.168.100.11");
    removeNode(bigger, third);
    expect(runIn(nodeOf(topology, 1), "ip", "route")).not.toContain("10.244.3.0/24");
    expect([existsSync(third.namespace), existsSync("/run/sealane/places/node-3")]).toEqual([false, false]);
    await until("unreachable", () => !reaches(topology.client, third) || undefined);
  });
});
