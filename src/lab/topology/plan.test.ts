import { describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import { describeStep } from "../../kernel/index.ts";
import { machinesOf, planTopology } from "./plan.ts";
import type { TopologyOptions } from "./plan.ts";
import { lanSteps, machineSteps, machineSysctls } from "./steps.ts";

describe("planTopology()", () => {
  it("has three nodes, a client, a router and one outside host by default", () => {
    const topology = planTopology();
    expect(machinesOf(topology).map(({ name, address }) => `${name} ${address}`)).toEqual([
      "router 192.168.100.1",
      "client 192.168.100.10",
      "node-1 192.168.100.11",
      "node-2 192.168.100.12",
      "node-3 192.168.100.13",
      "db.example.com 192.168.100.50",
    ]);
    expect(topology.nodes.map(({ podCidr }) => podCidr)).toEqual(["10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24"]);
    expect(topology.nameserver).toBe("192.168.100.1");
  });

  it("repeats zones when there are more nodes than zones", () => {
    expect(planTopology({ nodes: 4, zones: ["a", "b"] }).nodes.map(({ zone }) => zone)).toEqual(["a", "b", "a", "b"]);
  });

  it("follows other ranges", () => {
    const topology = planTopology({
      nodes: 1,
      lan: cidr("10.1.2.0/24"),
      pods: cidr("172.16.0.0/16"),
      outsideHosts: [],
    });
    expect(topology.nodes[0]).toMatchObject({ address: "10.1.2.11", podCidr: "172.16.1.0/24" });
    expect(topology.outsideHosts).toEqual([]);
  });

  const refused: readonly (readonly [TopologyOptions, string])[] = [
    [{ nodes: 0 }, "A lab has 1 to 39 nodes, not 0"],
    [{ nodes: 40 }, "A lab has 1 to 39 nodes, not 40"],
    [{ lan: cidr("10.0.0.0/16") }, "The LAN must be an IPv4 network with 24 bits, not 10.0.0.0/16"],
    [{ pods: cidr("10.0.0.0/24") }, "The pod range must be an IPv4 network with 16 bits or fewer, not 10.0.0.0/24"],
    [{ zones: [""] }, "Every zone needs a name, for example --zones a,a,b"],
    [{ outsideHosts: [{ name: "x", address: ip("10.0.0.1") }] }, "Outside host x: 10.0.0.1 is not in the LAN"],
    [{ outsideHosts: [{ name: "x", address: ip("192.168.100.10") }] }, "192.168.100.10 belongs to client"],
  ];
  it.each(refused)("refuses %j", (options, message) => expect(() => planTopology(options)).toThrow(message));
});

describe("machineSteps()", () => {
  const topology = planTopology({ nodes: 2 });
  const steps = (name: string) =>
    machinesOf(topology)
      .filter((machine) => machine.name === name)
      .flatMap((machine) => machineSteps(topology, machine).map(describeStep));

  it("gives a node the ways to other nodes' pods", () =>
    expect(steps("node-1")).toEqual([
      "link set lo up",
      "link set eth0 up",
      "address replace 192.168.100.11/24 dev eth0 scope global",
      "route replace 0.0.0.0/0 via 192.168.100.1 dev eth0",
      "route replace 10.244.2.0/24 via 192.168.100.12 dev eth0",
    ]));

  it("gives the client no way to pods or Services", () => expect(steps("client").join()).not.toContain("10.244"));
  it("gives the router no default route", () => expect(steps("router").join()).not.toContain("0.0.0.0/0"));

  it("plugs every machine into the bridge", () =>
    expect(lanSteps(machinesOf(topology)).map(describeStep)).toEqual([
      "link set lo up",
      "link add lan up type bridge",
      "link add router up master lan type veth peer name eth0 address 0a:58:c0:a8:64:01 netns router",
      "link add client up master lan type veth peer name eth0 address 0a:58:c0:a8:64:0a netns client",
      "link add node-1 up master lan type veth peer name eth0 address 0a:58:c0:a8:64:0b netns node-1",
      "link add node-2 up master lan type veth peer name eth0 address 0a:58:c0:a8:64:0c netns node-2",
      "link add outside-1 up master lan type veth peer name eth0 address 0a:58:c0:a8:64:32 netns outside-1",
    ]));
});

describe("machineSysctls()", () => {
  it("forwards on nodes and the router only", () => {
    const topology = planTopology({ nodes: 1 });
    const forwarding = machinesOf(topology).filter((machine) => machineSysctls(machine)["net/ipv4/ip_forward"] === 1);
    expect(forwarding.map(({ name }) => name)).toEqual(["router", "node-1"]);
  });
});
