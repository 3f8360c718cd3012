import { cidrsOfFamily } from "../core/index.ts";
import type { Cidr, IpFamily } from "../core/index.ts";

/** How a node tells traffic of its own pods from other traffic (kube-proxy's `detectLocalMode`). */
export type LocalTraffic =
  /** Sources in these networks: the node's own pods (NodeCIDR) or all of the cluster's (ClusterCIDR). */
  | { readonly kind: "pod-cidrs"; readonly cidrs: readonly Cidr[] }
  /** Packets that come in by a link whose name begins so. */
  | { readonly kind: "interface-prefix"; readonly prefix: string }
  /** Packets that come in by this bridge. */
  | { readonly kind: "bridge"; readonly name: string }
  /** Nobody knows: every source keeps its address towards cluster IPs, and policy Local makes no exception for pods. */
  | { readonly kind: "unknown" };

/** What of the cluster and the node every Service's rules depend on. */
export interface NodeNetwork {
  /** Ranges of the Services: addresses in them that no Service has are dropped where the engine can. */
  readonly serviceCidrs: readonly Cidr[];
  readonly localTraffic: LocalTraffic;
  /** Everything that goes to a cluster IP gets the node's address as its source. */
  readonly masqueradeAll: boolean;
  /** Which bit of the packet mark asks for masquerading, 0 to 31; kube-proxy's is 14 (0x4000). */
  readonly masqueradeBit: number;
  /** Node ports are served on the node's addresses in these networks; absent: on all of them. See `nodePortNetworksOf`. */
  readonly nodePortAddresses?: readonly Cidr[];
  /** Node ports are served on 127.0.0.1, too; where the kernel does it this needs the sysctl net.ipv4.conf.all.route_localnet. */
  readonly localhostNodePorts: boolean;
}

/**
 * The networks on whose addresses node ports of a family are served; `undefined`: on all of the node's addresses. A list
 * without networks of a family does not narrow it, as upstream has it (`NewNodePortAddresses`).
 */
export function nodePortNetworksOf(
  { nodePortAddresses = [] }: NodeNetwork,
  family: IpFamily,
): readonly Cidr[] | undefined {
  const networks = cidrsOfFamily(nodePortAddresses, family);
  return networks.length === 0 ? undefined : networks;
}

/** A network about which nothing is known but its Services. */
export function nodeNetwork(more: Partial<NodeNetwork> = {}): NodeNetwork {
  return {
    serviceCidrs: [],
    localTraffic: { kind: "unknown" },
    masqueradeAll: false,
    masqueradeBit: 14,
    localhostNodePorts: false,
    ...more,
  };
}
