import { parseIp } from "../core/index.ts";
import type { Pod } from "../objects/index.ts";

/** What a resolver file says. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  /** `ndots:5`, `rotate`, ... */
  readonly options: readonly string[];
}

/** What resolver files of pods are made from. */
export interface PodResolverOptions {
  /** `cluster.local` */
  readonly clusterDomain: string;
  /** Where cluster DNS is reached. */
  readonly nameservers: readonly string[];
  /** The node's own resolver file, for pods that want that and for its search domains. */
  readonly host: ResolvConf;
}

/** Limits of the kubelet: what is over them is left out. */
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

/**
 * The resolver of a pod by its `dnsPolicy` and `dnsConfig`, as the kubelet makes it. Pods in the host's network get
 * the host's resolver unless their policy is ClusterFirstWithHostNet.
 */
export function podResolver(pod: Pod, options: PodResolverOptions): ResolvConf {
  const base = policyResolver(pod, options);
  const config = pod.spec.dnsConfig;
  if (config === undefined) return limited(base);
  const own = (config.options ?? []).map(({ name, value }) => (value === undefined ? name : `${name}:${value}`));
  const names = new Set(own.map(optionName));
  return limited({
    nameservers: [...base.nameservers, ...(config.nameservers ?? [])],
    searches: [...base.searches, ...(config.searches ?? [])],
    options: [...base.options.filter((option) => !names.has(optionName(option))), ...own],
  });
}

/** The text of `/etc/resolv.conf` of a pod. */
export function resolvConfOf(pod: Pod, options: PodResolverOptions): string {
  return formatResolvConf(podResolver(pod, options));
}

/** A resolver file as text. */
export function formatResolvConf({ searches, nameservers, options }: ResolvConf): string {
  const lines = [
    ...(searches.length === 0 ? [] : [`search ${searches.join(" ")}`]),
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** Reads a resolver file; the last `search` (or `domain`) line counts, lines that say nothing known are skipped. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  const options: string[] = [];
  let searches: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    // A zone index (`fe80::1%eth0`) means nothing in another namespace.
    if (keyword === "nameserver" && parseIp(words[0] ?? "") !== undefined) nameservers.push(words[0] ?? "");
    if (keyword === "options") options.push(...words);
    if (keyword === "search") searches = words;
    if (keyword === "domain") searches = words.slice(0, 1);
  }
  return { nameservers, searches, options };
}

function policyResolver(pod: Pod, { clusterDomain, nameservers, host }: PodResolverOptions): ResolvConf {
  const { dnsPolicy = "ClusterFirst", hostNetwork } = pod.spec;
  if (dnsPolicy === "None") return { nameservers: [], searches: [], options: [] };
  if (dnsPolicy === "Default" || (dnsPolicy === "ClusterFirst" && hostNetwork === true)) return host;
  const namespace = pod.metadata.namespace ?? "default";
  const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { nameservers, searches: [...own, ...host.searches], options: ["ndots:5"] };
}

function limited({ nameservers, searches, options }: ResolvConf): ResolvConf {
  const kept: string[] = [];
  for (const search of new Set(searches)) {
    if (kept.length >= maxSearches || [...kept, search].join(" ").length > maxSearchLength) break;
    kept.push(search);
  }
  return { nameservers: [...new Set(nameservers)].slice(0, maxNameservers), searches: kept, options };
}

function optionName(option: string): string {
  return option.split(":", 1)[0] ?? option;
}
