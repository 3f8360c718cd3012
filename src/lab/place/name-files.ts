import type { Ip } from "../../core/index.ts";
import type { Pod } from "../../objects/index.ts";

/** What a resolver is told. */
export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches?: readonly string[];
  /** Such as `ndots:5`. */
  readonly options?: readonly string[];
}

/** The text of `/etc/resolv.conf`. */
export function resolvConfText(config: ResolverConfig): string {
  const lines = config.nameservers.map((nameserver) => `nameserver ${nameserver}`);
  if ((config.searches ?? []).length > 0) lines.push(`search ${config.searches?.join(" ")}`);
  if ((config.options ?? []).length > 0) lines.push(`options ${config.options?.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** The text of `/etc/hosts`: localhost and the given names. */
export function hostsText(entries: readonly { readonly address: Ip; readonly names: readonly string[] }[]): string {
  const lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
  for (const { address, names } of entries) lines.push(`${address}\t${names.join("\t")}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** How names are resolved in a lab: in pods, and on the machines outside them. */
export interface LabDns {
  /** The cluster's DNS Service, e.g. 10.96.0.10. */
  readonly nameserver: string;
  /** E.g. `cluster.local`. */
  readonly domain: string;
  /** Whom nodes ask, and pods with dnsPolicy Default: the nameserver of the outside world. */
  readonly nodeNameserver: string;
}

/**
 * What the kubelet writes into a pod's resolv.conf, by dnsPolicy and dnsConfig: names and options of dnsConfig are
 * added to those of the policy, and an option given twice keeps the value of dnsConfig.
 */
export function podResolver(pod: Pod, dns: LabDns): ResolverConfig {
  const namespace = pod.metadata.namespace ?? "default";
  const { dnsPolicy = "ClusterFirst", hostNetwork = false, dnsConfig = {} } = pod.spec;
  const clusterFirst = dnsPolicy === "ClusterFirstWithHostNet" || (dnsPolicy === "ClusterFirst" && !hostNetwork);
  const base: ResolverConfig =
    dnsPolicy === "None"
      ? { nameservers: [] }
      : clusterFirst
        ? {
            nameservers: [dns.nameserver],
            searches: [`${namespace}.svc.${dns.domain}`, `svc.${dns.domain}`, dns.domain],
            options: ["ndots:5"],
          }
        : { nameservers: [dns.nodeNameserver] };
  const options = new Map((base.options ?? []).map((option) => [option.split(":", 1)[0], option]));
  for (const { name, value } of dnsConfig.options ?? []) {
    options.set(name, value === undefined || value === "" ? name : `${name}:${value}`);
  }
  return {
    nameservers: [...new Set([...base.nameservers, ...(dnsConfig.nameservers ?? [])])],
    searches: [...new Set([...(base.searches ?? []), ...(dnsConfig.searches ?? [])])],
    options: [...options.values()],
  };
}
