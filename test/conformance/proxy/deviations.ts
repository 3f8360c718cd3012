import type { ProxyMode } from "../../../src/proxy/index.ts";
import type { Fate, Packet, Path } from "./packet-case.ts";
import type { Peculiarity } from "./peculiarities.ts";

/** Something that an engine does otherwise than the tables of the suite say, and means to; packets show it. */
export interface Deviation extends Peculiarity {
  /** What becomes of a packet instead; `undefined` for packets that it is not about. */
  fate(packet: Packet): Fate | undefined;
}

/** Paths on which nobody is a client of a Service. */
const unserved: ReadonlySet<Path> = new Set(["unknown port", "unallocated address", "load balancer of mode Proxy"]);

export const deviations: readonly Deviation[] = [
  {
    what: "SCTP",
    usually: "redirected as the other protocols are",
    here: { userspace: "refused" },
    reason: "there are no SCTP sockets to relay with",
    fate: ({ protocol, fate, path, packetCase }) =>
      protocol === "SCTP" &&
      (fate.kind === "served" ||
        (fate.kind === "dropped" && !unserved.has(path) && !packetCase.startsWith("source-ranges")))
        ? { kind: "rejected" }
        : undefined,
  },
  {
    what: "A node port on `::1`",
    usually: "refused",
    here: { userspace: "served" },
    reason: "kernels let no packet from `::1` leave the loopback link, but a relay is there itself",
    fate: ({ wanted }) => wanted,
  },
  {
    what: "Another port of a cluster IP",
    usually: "refused",
    here: { iptables: "dropped" },
    reason:
      "one rule drops what goes to the range of Services and found none; a rule for each address would double the list that every first packet walks",
    fate: ({ path, fate }) => (path === "unknown port" && fate.kind === "rejected" ? { kind: "dropped" } : undefined),
  },
  {
    what: "The client's address, where it could be kept",
    usually: "kept",
    here: { userspace: "lost: endpoints see the node" },
    reason: "the connection to the endpoint is another one, made by the node",
    fate: ({ fate }) => (fate.kind === "served" && fate.source === "kept" ? { ...fate, source: "node" } : undefined),
  },
  {
    what: "Node port on the loopback address",
    usually: "served on 127.0.0.1 where it is switched on, else refused",
    here: { ipvs: "not served: whatever listens there answers, else the kernel refuses" },
    reason:
      "the kernel lets no packet from a loopback address leave through IPVS; kube-proxy's IPVS mode does the same",
    // SCTP has nobody there who could refuse: the suite takes its packets.
    fate: ({ path, protocol }) =>
      path === "localhost to node port" ? { kind: protocol === "SCTP" ? "dropped" : "rejected" } : undefined,
  },
  {
    what: "Unknown port of an external IP or load balancer address",
    usually: "leaves the node",
    here: { ipvs: "refused" },
    reason: "the address is the node's own with IPVS, and nothing but its virtual servers may be reached there",
    fate: ({ path, fate }) => (path === "unknown port" && fate.kind === "leaves" ? { kind: "rejected" } : undefined),
  },
];

/** What an engine does with a packet, when that is not what the suite expects of all. */
export function deviatingFate(mode: ProxyMode, packet: Packet): Fate | undefined {
  for (const deviation of deviations) {
    const fate = deviation.here[mode] === undefined ? undefined : deviation.fate(packet);
    if (fate !== undefined) return fate;
  }
  return undefined;
}
