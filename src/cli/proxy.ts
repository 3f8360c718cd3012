import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";

const help = `Usage: sealane proxy rules svc/NAME [-n NAMESPACE] [--node NODE] [--mode MODE|all] [-f FILE]... [-o json]
       sealane proxy set-mode NODE MODE [--name LAB]
       sealane proxy run --kubeconfig FILE [OPTIONS]

The Service proxy of the nodes. Modes: nftables, iptables, ipvs, userspace.

rules prints what a node's proxy writes for one Service, with a line of explanation each: for the mode of the node, or for any
other. With -f it needs no lab: the manifests say what there would be (flags of "sealane up" such as --nodes hold).

set-mode switches a running node of a lab without a lost new connection, and takes the rules of the former mode out.

run is the node proxy of any cluster, in the place of kube-proxy, for the network namespace that it is started in:
  --kubeconfig FILE         the cluster (default: of --config, then $KUBECONFIG)
  --config FILE             a KubeProxyConfiguration (v1alpha1); flags win
  --proxy-mode MODE         default nftables
  --hostname-override NAME  this node's name (default: the host's)
  --cluster-cidr CIDRS      the pod networks, by which traffic of pods is told
  --detect-local-mode MODE  ClusterCIDR (default) or NodeCIDR
  --nodeport-addresses LIST networks, primary, localhost or all (default: all)
  --ipvs-scheduler NAME     default scheduler of the modes ipvs and userspace
  --masquerade-all          give everything to cluster IPs the node's address as source
  --min-sync-period TIME    pause between two writes (default 0)
  --healthz-bind-address A  default 0.0.0.0:10256; "" = none
  --metrics-bind-address A  default 127.0.0.1:10249; "" = none
  --reset-removed           end TCP connections to endpoints that have gone
  --cleanup                 remove the rules of all modes, and end`;

async function run(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  switch (action) {
    case "set-mode":
      return (await import("./proxy/set-mode.ts")).setMode(rest);
    case "rules":
      return (await import("./proxy/rules.ts")).rules(rest);
    case "run":
      return (await import("./proxy/run.ts")).run(rest);
    case undefined:
    default:
      throw new UsageError("Say what to do: sealane proxy rules, set-mode or run");
  }
}

export const command: Command = { help, run };
