import { cidr, cidrAddress, cidrContains, cidrFamily, cidrPrefix, CodedError } from "../../core/index.ts";
import type { Cidr, Ip } from "../../core/index.ts";

/** What a lab shall look like. Everything has a default. */
export interface TopologyOptions {
  /** Number of nodes, 1 to 39. Default 3. */
  readonly nodes?: number;
  /** Zones of node-1, node-2, ...; repeated from the start when there are more nodes. Default: one zone `a`. */
  readonly zones?: readonly string[];
  /** Default 192.168.100.0/24; must be a /24. */
  readonly lan?: Cidr;
  /** Range that the nodes' pod networks (/24 each) are cut from. Default 10.244.0.0/16. */
  readonly pods?: Cidr;
  /** Hosts outside the cluster. Default: db.example.com at .50 of the LAN. */
  readonly outsideHosts?: readonly OutsideHost[];
  /** Where the client, the router, the nodes and the outside hosts ask for names. Default: the router. */
  readonly nameserver?: Ip;
}

/** A host on the LAN that does not belong to the cluster. */
export interface OutsideHost {
  readonly name: string;
  readonly address: Ip;
}

/** A machine of the lab: a network namespace with one link to the LAN. */
export interface Machine {
  /** `node-1`, `client`, `router`, or the DNS name of an outside host. */
  readonly name: string;
  readonly role: "node" | "client" | "router" | "outside-host";
  readonly address: Ip;
  /** Path of its network namespace. */
  readonly namespace: string;
  /** The bridge's port towards it, in the supervisor's namespace. */
  readonly port: string;
}

/** A machine that runs pods. */
export interface NodeMachine extends Machine {
  readonly role: "node";
  readonly index: number;
  readonly zone: string;
  readonly podCidr: Cidr;
}

/** A whole lab as data: names, addresses, namespaces. */
export interface Topology {
  readonly lan: Cidr;
  readonly pods: Cidr;
  /** Where outside machines and nodes ask for names. */
  readonly nameserver: Ip;
  readonly nodes: readonly NodeMachine[];
  /** First and last address that a node of this lab may have. */
  readonly nodeAddresses: readonly [Ip, Ip];
  readonly client: Machine;
  readonly router: Machine;
  readonly outsideHosts: readonly Machine[];
}

const maxNodes = 39;

/** Lays out a lab. Throws `CodedError` code `Topology` when the wishes do not fit together. */
export function planTopology(options: TopologyOptions = {}): Topology {
  const lan = options.lan ?? cidr("192.168.100.0/24");
  const pods = options.pods ?? cidr("10.244.0.0/16");
  const count = options.nodes ?? 3;
  const zones = options.zones ?? ["a"];
  if (!Number.isInteger(count) || count < 1 || count > maxNodes) {
    throw new CodedError("Topology", `A lab has 1 to ${maxNodes} nodes, not ${count}`);
  }
  if (cidrFamily(lan) !== "IPv4" || cidrPrefix(lan) !== 24) {
    throw new CodedError("Topology", `The LAN must be an IPv4 network with 24 bits, not ${lan}`);
  }
  if (cidrFamily(pods) !== "IPv4" || cidrPrefix(pods) > 16) {
    throw new CodedError("Topology", `The pod range must be an IPv4 network with 16 bits or fewer, not ${pods}`);
  }
  if (zones.length === 0 || zones.some((zone) => zone === "")) {
    throw new CodedError("Topology", "Every zone needs a name, for example --zones a,a,b");
  }
  const hosts = options.outsideHosts ?? [{ name: "db.example.com", address: cidrAddress(lan, 50) }];
  const router = machine("router", "router", cidrAddress(lan, 1));
  const client = machine("client", "client", cidrAddress(lan, 10));
  const nodes = Array.from({ length: count }, (_, i) => node(lan, pods, zones, i + 1));
  checkOutsideHosts(lan, hosts, [router, client, ...nodes]);
  return {
    lan,
    pods,
    nameserver: options.nameserver ?? router.address,
    nodes,
    nodeAddresses: [cidrAddress(lan, 11), cidrAddress(lan, 10 + maxNodes)],
    client,
    router,
    outsideHosts: hosts.map((host, i) => ({
      ...machine(host.name, "outside-host", host.address),
      namespace: `/run/netns/outside-${i + 1}`,
      port: `outside-${i + 1}`,
    })),
  };
}

/** All machines, in the order in which they are built. */
export function machinesOf(topology: Topology): readonly Machine[] {
  return [topology.router, topology.client, ...topology.nodes, ...topology.outsideHosts];
}

function node(lan: Cidr, pods: Cidr, zones: readonly string[], index: number): NodeMachine {
  return {
    ...machine(`node-${index}`, "node", cidrAddress(lan, 10 + index)),
    role: "node",
    index,
    zone: zones[(index - 1) % zones.length] ?? "a",
    podCidr: cidr(`${cidrAddress(pods, index * 256)}/24`),
  };
}

function machine(name: string, role: Machine["role"], address: Ip): Machine {
  return { name, role, address, namespace: `/run/netns/${name}`, port: name };
}

function checkOutsideHosts(lan: Cidr, hosts: readonly OutsideHost[], machines: readonly Machine[]): void {
  const users = new Map<Ip, string>(machines.map((machine) => [machine.address, machine.name]));
  for (const { name, address } of hosts) {
    if (!cidrContains(lan, address)) {
      throw new CodedError("Topology", `Outside host ${name}: ${address} is not in the LAN ${lan}`);
    }
    const user = users.get(address);
    if (user !== undefined) throw new CodedError("Topology", `Outside host ${name}: ${address} belongs to ${user}`);
    users.set(address, name);
  }
}
