import { ip, messageOf } from "../../core/index.ts";
import type { RunningCache } from "../../client/index.ts";
import type { Clock, Ip, Logger, Random } from "../../core/index.ts";
import { clusterConfiguration, parseUpstream } from "../../dns/index.ts";
import { applyLinkSteps } from "../../kernel/index.ts";
import type { FixedRules, FixedRulesKeeper } from "../../kernel/index.ts";
import { resources } from "../../objects/index.ts";
import type { EndpointSlice, KubeObject, Namespace, Pod, Service } from "../../objects/index.ts";
import type { AgentInput } from "../agent-messages.ts";
import { givenCluster } from "./cluster-source.ts";
import { readTextFile } from "./dns-files.ts";
import { createDnsMetrics } from "./dns-metrics.ts";
import { startDnsService } from "./dns-service.ts";
import type { DnsService } from "./dns-service.ts";
import { readDnsSource } from "./dns-source.ts";
import type { DnsSource } from "./dns-source.ts";
import { watchImports } from "./imported-caches.ts";
import type { WatchObjects, WatchedImports } from "./imported-caches.ts";
import { listenAddresses } from "./own-addresses.ts";
import { exposeWatches } from "./watch-metrics.ts";

/** What a node's DNS is made from. */
export interface NodeDnsParts {
  readonly input: AgentInput;
  readonly caches: {
    readonly services: RunningCache<Service>;
    readonly endpointSlices: RunningCache<EndpointSlice>;
    readonly namespaces: RunningCache<Namespace>;
    /** The pods of this node. */
    readonly clientPods: RunningCache<Pod>;
  };
  /** Begins to watch what only some Corefiles want. */
  readonly watch: WatchObjects;
  /** Keeps rules in the node's namespace. */
  readonly fixedRules: FixedRulesKeeper;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** On nodes, what leads outside is the world's resolver. */
const resolverFile = "/etc/resolv.conf";
/**
 * Where a node's DNS has its pages unless a Corefile says another place: one port for all three, CoreDNS's for metrics, as pods in the
 * host's network may want those that it has for the others (8080, 8181).
 */
const pagesAddress = ":9153";

/**
 * Serves DNS on a node, at the cluster's DNS address, which only this node itself sees as its own, and at the node's. So
 * no query leaves the node, and none is translated or tracked.
 */
export async function startNodeDns(parts: NodeDnsParts): Promise<DnsService> {
  const { input, caches, fixedRules, clock, random, log } = parts;
  const dnsAddress = ip(input.dnsAddress);
  // Scope host: masqueraded traffic must not leave with this address.
  applyLinkSteps([{ kind: "address", address: dnsAddress, prefix: 32, link: "lo", scope: "host" }]);
  // Answers need no rules: they are on their way while the first questions come.
  fixedRules
    .keep(untrackedRules(dnsAddress))
    .catch((error: unknown) => log.warn("connection tracking sees DNS queries", { error: messageOf(error) }));
  const metrics = createDnsMetrics();
  const { services, endpointSlices, namespaces } = caches;
  const watched: Record<string, RunningCache<KubeObject>> = {
    Service: services,
    EndpointSlice: endpointSlices,
    Namespace: namespaces,
  };
  exposeWatches(metrics, clock, () => watched);
  const watch: WatchObjects = (resource, options, called) => {
    const cache = parts.watch(resource, options, called);
    watched[called] = cache;
    return cache;
  };
  let pods: RunningCache<Pod> | undefined;
  let imports: WatchedImports | undefined;
  return startDnsService({
    source: sourceOf(input),
    cluster: givenCluster({
      ...caches,
      get pods() {
        pods ??= watch(resources.pods, {}, resources.pods.kind);
        return pods;
      },
      get imports() {
        imports ??= watchImports(watch);
        return imports;
      },
    }),
    clock,
    random,
    log,
    metrics,
    nameservers: [dnsAddress],
    addressesOf: (host, except) =>
      host === undefined
        ? [dnsAddress, ip(input.nodeAddress)].filter((address) => !except.includes(address))
        : listenAddresses(host, except),
    writeQuery: (line) => void process.stderr.write(`${line}\n`),
    readText: (path) => (path === resolverFile ? `nameserver ${input.outsideNameserver}\n` : readTextFile(path)),
    goesOnWithoutSockets: true,
  });
}

/**
 * Keeps questions to this address and their answers out of connection tracking, as NodeLocal DNSCache does: no entry is made
 * for each, none can be raced for, and a full table loses no name.
 */
export function untrackedRules(address: Ip): FixedRules {
  const protocols = ["tcp", "udp"];
  const asked = protocols.map((protocol) => `-d ${address} -p ${protocol} --dport 53 -j CT --notrack`);
  const answered = protocols.map((protocol) => `-s ${address} -p ${protocol} --sport 53 -j CT --notrack`);
  return {
    purpose: "that keep DNS out of connection tracking",
    nft: {
      table: "sealane-dns",
      chains: {
        prerouting: [
          "type filter hook prerouting priority raw; policy accept;",
          `ip daddr ${address} meta l4proto { tcp, udp } th dport 53 notrack`,
        ],
        output: [
          "type filter hook output priority raw; policy accept;",
          `ip daddr ${address} meta l4proto { tcp, udp } th dport 53 notrack`,
          `ip saddr ${address} meta l4proto { tcp, udp } th sport 53 notrack`,
        ],
      },
    },
    iptables: [
      { table: "raw", hook: "PREROUTING", name: "SEALANE-DNS-IN", rules: asked },
      { table: "raw", hook: "OUTPUT", name: "SEALANE-DNS-OUT", rules: [...asked, ...answered] },
    ],
  };
}

function sourceOf(input: AgentInput): DnsSource {
  if (input.dnsCorefile !== undefined) return { kind: "corefile", path: input.dnsCorefile };
  const upstreams = input.dnsUpstreams.flatMap((text) => parseUpstream(text) ?? []);
  const { clusterDomain: domain, dnsAutopath: autopath } = input;
  const pages = {
    health: { address: pagesAddress, lameduckMs: 0 },
    ready: { address: pagesAddress, continuously: false },
    prometheus: { address: pagesAddress },
  };
  return { kind: "fixed", configuration: clusterConfiguration({ domain, upstreams, autopath, more: pages }) };
}

/** Throws `CodedError` code `InvalidCorefile` when the nodes of a lab could not use this file. */
export function checkCorefile(path: string): void {
  const readText = (name: string) => (name === resolverFile ? "nameserver 192.0.2.1\n" : readTextFile(name));
  const reading = readDnsSource({ kind: "corefile", path }, { readText, environment: (name) => process.env[name] });
  if (reading.kind === "failed") throw reading.error;
}
