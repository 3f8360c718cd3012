import { dnsName, zoneOffset } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import type { Ip, Random } from "../../core/index.ts";
import type { ClusterData } from "../cluster-data.ts";
import { ClusterZone } from "../cluster-zone.ts";
import type { KubernetesSettings } from "../corefile/configuration.ts";
import type { PodRecords } from "../pod-records.ts";
import type { Resolve, Resolver } from "../resolver.ts";
import { ReverseZone, allReverseZones } from "../reverse-zone.ts";
import { fallsThrough } from "./fallthrough.ts";

/** What the zones of a cluster are served with. */
export interface ClusterNamesParts {
  readonly data: ClusterData;
  readonly nameservers: readonly Ip[];
  readonly random: Random;
  /** Looks up names outside of the zone, for ExternalName. */
  readonly resolve: Resolve;
  /** Whether the names of a namespace are shown, besides what the settings say. */
  readonly isExposed?: ((namespace: string) => boolean) | undefined;
}

/** The zones of one cluster, and their names. */
export interface ClusterNames {
  readonly resolvers: readonly Resolver[];
  /** The zones that hold Services, each with who answers for it. */
  readonly zones: readonly { readonly domain: DnsName; readonly zone: ClusterZone }[];
}

/** The zones that the settings name: those of Services first, then the reverse ones, which lead to the first of them. */
export function clusterNames(settings: KubernetesSettings, parts: ClusterNamesParts): ClusterNames {
  const { data, nameservers, random, resolve } = parts;
  const isReverse = (zone: DnsName) => allReverseZones.some((reverse) => zoneOffset(zone, reverse) >= 0);
  const names = settings.zones.map(dnsName);
  const passesOn = fallsThrough(settings.fallthrough);
  const shared = {
    index: data.index,
    ttl: settings.ttl,
    nameservers,
    passesOn,
    isExposed: exposure(settings.namespaces, parts.isExposed),
    isSynced: () => data.isSynced(),
    serial: () => data.serial,
  };
  const zones = names
    .filter((name) => !isReverse(name))
    .map((domain) => ({
      domain,
      zone: new ClusterZone({
        ...shared,
        domain,
        pods: podRecords(settings.pods, data),
        hidesEmptyServices: settings.ignoreEmptyService,
        zonal: settings.zonal && settings.withEndpoints,
        hasNamespace: (name) => data.hasNamespace(name),
        hasPodNamespace: (name) => data.hasPodNamespace(name),
        random,
        resolve,
      }),
    }));
  const [primary] = zones;
  const reverse = names.filter(isReverse);
  const resolvers: Resolver[] = zones.map(({ zone }) => zone);
  if (reverse.length > 0) {
    resolvers.push(new ReverseZone({ ...shared, domain: primary?.domain ?? dnsName("cluster.local"), zones: reverse }));
  }
  return { resolvers, zones };
}

function podRecords(kind: KubernetesSettings["pods"], data: ClusterData): PodRecords {
  return kind === "verified" ? { kind, pods: data.pods() } : { kind };
}

function exposure(
  namespaces: readonly string[],
  more: ((namespace: string) => boolean) | undefined,
): ((namespace: string) => boolean) | undefined {
  if (namespaces.length === 0) return more;
  const listed = new Set(namespaces);
  return (namespace) => listed.has(namespace) && more?.(namespace) !== false;
}
