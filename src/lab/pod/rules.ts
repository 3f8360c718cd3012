import type { Cidr, Ip } from "../../core/index.ts";
import type { FixedRules } from "../../kernel/index.ts";

/** What a node's own rules for its pods depend on. */
export interface PodRulesOptions {
  readonly podCidr: Cidr;
  /** All pods of the cluster: they see each other's own addresses. */
  readonly clusterPods: Cidr;
  /** First and last address that nodes have on the LAN; nodes know the way to pods. */
  readonly nodeAddresses: readonly [Ip, Ip];
}

/**
 * The rules that a CNI plugin would add: what a pod sends out of the cluster leaves with the node's address, because
 * nobody out there knows the way to a pod. Behind the Service proxy's rules (priority), which may have decided already.
 */
export function podRules({ podCidr, clusterPods, nodeAddresses }: PodRulesOptions): FixedRules {
  const [first, last] = nodeAddresses;
  const outwards = `-s ${podCidr} -o eth0 ! -d ${clusterPods} -m iprange ! --dst-range ${first}-${last}`;
  return {
    purpose: "that hide pods behind their node's address",
    nft: {
      table: "sealane-cni",
      chains: {
        postrouting: [
          "type nat hook postrouting priority srcnat + 10; policy accept;",
          `ip saddr ${podCidr} ip daddr != { ${clusterPods}, ${first}-${last} } oifname "eth0" masquerade`,
        ],
      },
    },
    iptables: [{ table: "nat", hook: "POSTROUTING", name: "SEALANE-CNI", rules: [`${outwards} -j MASQUERADE`] }],
  };
}
