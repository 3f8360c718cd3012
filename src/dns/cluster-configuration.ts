import { forwardDefaults } from "./corefile/configuration.ts";
import type { DnsConfiguration, KubernetesSettings, ServerBlock } from "./corefile/configuration.ts";
import { zoneText } from "./corefile/listen-key.ts";
import { emptyBlock } from "./corefile/read-corefile.ts";
import { zoneName } from "./cluster-zone.ts";
import type { PodRecords } from "./pod-records.ts";
import { allReverseZones } from "./reverse-zone.ts";
import type { EndpointNames } from "./service-facts.ts";
import type { Upstream } from "./upstream.ts";

/** What a cluster's DNS does when no Corefile says it. */
export interface ClusterSettings {
  /** `cluster.local` unless given. */
  readonly domain?: string;
  /** Who is asked for all other names; without any they are refused. */
  readonly upstreams: readonly Upstream[];
  /** 53 unless given. */
  readonly port?: number;
  /** Which names of pods exist; "insecure" (all that spell an address) unless given, as kubeadm sets it. */
  readonly podRecords?: PodRecords["kind"];
  /** Seconds that clients may keep an answer from the cluster's zone, 0 to 3600; 5 unless given. */
  readonly ttl?: number;
  /**
   * What endpoints without a hostname are called: after their address (unless given) or their pod. "none" knows no
   * endpoints at all, so that headless Services have no names.
   */
  readonly endpointNames?: EndpointNames | "none";
  /** Gives headless Services names for their endpoints in one zone: `ZONE.pin._zone.web.shop.svc.cluster.local`. */
  readonly zonal?: boolean;
  /** Zones of the Services that other clusters export (ServiceImports), as `clusterset.local`; none unless given. */
  readonly multicluster?: readonly string[];
  /** Denies Services with a cluster IP while none of their endpoints is ready. */
  readonly hidesEmptyServices?: boolean;
  /** The reverse zones that are served, as `0.10.in-addr.arpa`; `in-addr.arpa` and `ip6.arpa` unless given. */
  readonly reverseZones?: readonly string[];
  /**
   * Names in these zones that the cluster does not know are left to the upstreams instead of denied. Those of addresses
   * are unless given, when there are upstreams.
   */
  readonly fallthrough?: readonly string[];
  /** Goes through the search lists of pods for them. */
  readonly autopath?: boolean;
  /** Other plugins of the one block; they may also replace those above. */
  readonly more?: Partial<ServerBlock>;
}

/** Seconds that answers of other servers are remembered at most, as kubeadm sets it. */
const longestMemory = 30;

/**
 * The configuration of one block for all names: the cluster's, their addresses', and all others from the upstreams. Throws
 * `TypeError` for what is no zone.
 */
export function clusterConfiguration(settings: ClusterSettings): DnsConfiguration {
  const { upstreams, endpointNames = "address" } = settings;
  const zone = (text: string) => zoneText(zoneName(text));
  const everyReverse = allReverseZones.map(zoneText);
  const domain = zone(settings.domain ?? "cluster.local");
  const multicluster = (settings.multicluster ?? []).map(zone);
  const place = { file: "flags", line: 1 };
  const kubernetes: KubernetesSettings = {
    ...place,
    zones: [...new Set([domain, ...multicluster]), ...(settings.reverseZones?.map(zone) ?? everyReverse)],
    multicluster,
    pods: settings.podRecords ?? "insecure",
    ttl: settings.ttl ?? 5,
    namespaces: [],
    labels: [],
    endpointPodNames: endpointNames === "pod",
    withEndpoints: endpointNames !== "none",
    zonal: settings.zonal === true,
    ignoreEmptyService: settings.hidesEmptyServices === true,
    startupTimeoutMs: 5000,
    fallthrough: settings.fallthrough?.map(zone) ?? (upstreams.length > 0 ? everyReverse : "none"),
  };
  const memory = { capacity: 9984, maxTtl: longestMemory, minTtl: 5, disabled: [] };
  const block: ServerBlock = {
    ...emptyBlock,
    ...place,
    keys: [{ ...place, transport: "dns", zone: ".", port: settings.port ?? 53 }],
    loadbalance: true,
    kubernetes,
    cache: { zones: [], success: memory, denial: memory, servfailMs: 5000, keepTtl: false },
    forward: [
      {
        ...place,
        from: ["."],
        to: upstreams,
        ...forwardDefaults,
        maxConcurrent: 1000,
      },
    ],
    ...(settings.autopath === true ? { autopath: { zones: [domain], search: { kind: "kubernetes" } } } : {}),
    ...settings.more,
  };
  return { servers: [block], warnings: [] };
}
