import { mkdirSync, rmSync } from "node:fs";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace, writeSysctls } from "../../kernel/index.ts";
import { removePlaceFiles, writePlaceFiles } from "../place/files.ts";
import { hostsText } from "../place/hosts-text.ts";
import { machinesOf } from "./plan.ts";
import type { Machine, NodeMachine, Topology } from "./plan.ts";
import { lanSteps, machineSteps, machineSysctls, podRouteStep, portStep } from "./steps.ts";

/**
 * Builds the machines and the LAN. Call it in the supervisor, after `enterLab`: its own network namespace becomes the
 * LAN. Throws `KernelError` with the failing step; what was built until then ends with the lab.
 */
export function buildTopology(topology: Topology): void {
  mkdirSync("/run/netns", { recursive: true });
  const machines = machinesOf(topology);
  for (const machine of machines) createMachine(topology, machine);
  applyLinkSteps(lanSteps(machines));
  for (const machine of machines) {
    inNamespace(machine.namespace, () => applyLinkSteps(machineSteps(topology, machine)));
  }
}

/** Adds one node to a running lab. `topology` must contain it already. */
export function addNode(topology: Topology, node: NodeMachine): void {
  createMachine(topology, node);
  applyLinkSteps([portStep(node)]);
  inNamespace(node.namespace, () => applyLinkSteps(machineSteps(topology, node)));
  for (const other of topology.nodes) {
    if (other.name === node.name) continue;
    inNamespace(other.namespace, () => applyLinkSteps([podRouteStep(node)]));
  }
}

/** Takes one node away: its cable, its namespace and the ways to its pods. End its agent first. */
export function removeNode(topology: Topology, node: NodeMachine): void {
  applyLinkSteps([{ kind: "delete-link", name: node.port }]);
  removeNamespace(node.namespace);
  removePlaceFiles(node.name);
  for (const other of topology.nodes) {
    if (other.name === node.name) continue;
    inNamespace(other.namespace, () => applyLinkSteps([{ kind: "delete-route", to: node.podCidr, link: "eth0" }]));
  }
}

/** Pulls a machine's cable out of the LAN, or plugs it in again. */
export function setCable(machine: Machine, state: "up" | "down"): void {
  applyLinkSteps([{ kind: "link", name: machine.port, state }]);
}

function createMachine(topology: Topology, machine: Machine): void {
  rmSync(machine.namespace, { force: true });
  createNamespace(machine.namespace, () => writeSysctls(machineSysctls(machine)));
  writePlaceFiles(machine.name, {
    resolvConf: `nameserver ${topology.nameserver}\n`,
    hosts: hostsText([{ address: machine.address, names: [machine.name] }]),
  });
}
