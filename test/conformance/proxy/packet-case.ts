import type { IpFamily, Port, Protocol } from "../../../src/core/index.ts";
import type { NodeNetwork } from "../../../src/model/index.ts";
import type { EndpointSlice, Service } from "../../../src/objects/index.ts";
import type { NodeName, Place, PodName } from "./places.ts";

/** Which row of the table of paths a packet belongs to, as users know them. */
export type Path =
  | "pod to cluster IP"
  | "node to cluster IP"
  | "outside to cluster IP"
  | "outside to node port"
  | "node to node port"
  | "pod to node port"
  | "localhost to node port"
  | "outside to load balancer"
  | "pod to load balancer"
  | "node to load balancer"
  | "outside to external IP"
  | "pod to external IP"
  | "load balancer of mode Proxy"
  | "unknown port"
  | "unallocated address";

/** Whose address the endpoint sees. */
export type SeenSource =
  /** The sender's own; senders on a node have only node addresses, which count as `node`. */
  | "kept"
  /** An address of the node that redirected. */
  | "node";

/** By pod; above 0. */
export type Shares = Readonly<Partial<Record<PodName, number>>>;

/** What becomes of a packet. */
export type Fate =
  | {
      readonly kind: "served";
      readonly by: readonly PodName[];
      /** How likely each of them is, relative to the others; absent: all the same. Only the walker can tell. */
      readonly shares?: Shares;
      readonly source: SeenSource;
    }
  /** The sender is told at once: a TCP reset or an ICMP error. */
  | { readonly kind: "rejected" }
  | { readonly kind: "dropped" }
  /** The node forwards it as it is, to its own default route. */
  | { readonly kind: "leaves" };

/** One packet that opens a flow, and what must become of it. */
export interface Packet {
  /** Name of the case that it belongs to. */
  readonly packetCase: string;
  readonly path: Path;
  readonly from: Place;
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly destination: string;
  readonly port: Port;
  /** The node whose rules decide. */
  readonly decidedBy: NodeName;
  readonly fate: Fate;
  /** What would be right, where most engines cannot do it. */
  readonly wanted?: Fate;
}

/** A Service with its slices, and packets to it. */
export interface PacketCase {
  readonly name: string;
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly packets: readonly Packet[];
}

/** Cases that need proxies with these settings. */
export interface Setting {
  readonly name: string;
  readonly network: Partial<NodeNetwork>;
  readonly cases: readonly PacketCase[];
}

/** A packet in words, for names of tests and messages. */
export function describePacket({ path, from, protocol, family, destination, port }: Packet): string {
  return `${path}: ${from} -> ${family === "IPv6" ? `[${destination}]` : destination}:${port} ${protocol}`;
}

/** A fate in words; equal fates give equal words. */
export function describeFate(fate: Fate): string {
  return fate.kind === "served" ? `served by ${[...fate.by].sort().join(", ")}, source ${fate.source}` : fate.kind;
}
