import { cidr, cidrPrefix } from "../../core/index.ts";
import { macOf } from "../../kernel/index.ts";
import type { LinkStep, Sysctls } from "../../kernel/index.ts";
import type { Machine, NodeMachine, Topology } from "./plan.ts";

/** The bridge in the supervisor's namespace that is the LAN. */
export const lanBridge = "lan";

const everywhere = cidr("0.0.0.0/0");

/** The LAN itself: the bridge, then a port for each machine. */
export function lanSteps(machines: readonly Machine[]): readonly LinkStep[] {
  return [
    { kind: "link", name: "lo", state: "up" },
    { kind: "bridge", name: lanBridge },
    ...machines.map((machine) => portStep(machine)),
  ];
}

/** The cable from the bridge to a machine; the machine's end is `eth0`. */
export function portStep(machine: Machine): LinkStep {
  const peer = { name: "eth0", mac: macOf(machine.address), namespace: machine.namespace };
  return { kind: "veth", name: machine.port, master: lanBridge, peer };
}

/** What is set up inside a machine: its address on the LAN, its default route, and a node's ways to other nodes' pods. */
export function machineSteps(topology: Topology, machine: Machine): readonly LinkStep[] {
  const base: readonly LinkStep[] = [
    { kind: "link", name: "lo", state: "up" },
    { kind: "link", name: "eth0", state: "up" },
    { kind: "address", address: machine.address, prefix: cidrPrefix(topology.lan), link: "eth0" },
  ];
  if (machine.role === "router") return base;
  const gateway: LinkStep = { kind: "route", to: everywhere, via: topology.router.address, link: "eth0" };
  if (machine.role !== "node") return [...base, gateway];
  const others = topology.nodes.filter((node) => node.name !== machine.name);
  return [...base, gateway, ...others.map((node) => podRouteStep(node))];
}

/** The way to the pods of `node`, for every other node. */
export function podRouteStep(node: NodeMachine): LinkStep {
  return { kind: "route", to: node.podCidr, via: node.address, link: "eth0" };
}

/** Kernel settings of a machine; written before its link arrives, which takes over the defaults. */
export function machineSysctls(machine: Machine): Sysctls {
  // An IPv4 lab keeps quiet in IPv6: no router solicitations, no duplicate address detection.
  const quiet: Sysctls = { "net/ipv6/conf/default/disable_ipv6": 1 };
  if (machine.role === "client" || machine.role === "outside-host") return quiet;
  return {
    ...quiet,
    "net/ipv4/ip_forward": 1,
    // Replies of pods take other ways than the requests came; hosts that set rp_filter pass it on to new namespaces.
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    // A node that forwards from the LAN back to the LAN must not tell the sender to go around it.
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    "net/ipv4/fib_multipath_hash_policy": 1,
  };
}
