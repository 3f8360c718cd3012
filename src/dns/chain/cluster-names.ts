import { dnsName, sameName, zoneOffset } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import type { Ip, Random } from "../../core/index.ts";
import type { ClusterData } from "../cluster-data.ts";
import { ClusterZone } from "../cluster-zone.ts";
import type { ClusterZoneParts } from "../cluster-zone.ts";
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
  /** The zones that hold Services, each with who answers for it and from what. */
  readonly zones: readonly (Pick<ClusterZoneParts, "domain" | "index" | "isSynced"> & { readonly zone: ClusterZone })[];
}

/**
 * The zones that the settings name: those of Services first, then the reverse ones, which lead to the first of them that is the cluster's
 * own.
 */
export function clusterNames(settings: KubernetesSettings, parts: ClusterNamesParts): ClusterNames {
  const { data, nameservers, random, resolve } = parts;
  const isReverse = (zone: DnsName) => allReverseZones.some((reverse) => zoneOffset(zone, reverse) >= 0);
  const names = settings.zones.map(dnsName);
  const passesOn = fallsThrough(settings.fallthrough);
  const shared = {
    ttl: settings.ttl,
    nameservers,
    passesOn,
    isExposed: exposure(settings.namespaces, parts.isExposed),
    serial: () => data.serial,
  };
  const own = { index: data.index, isSynced: () => data.knowsCluster() };
  const others = { index: data.imports ?? data.index, isSynced: () => data.isSynced() };
  const imported = settings.multicluster.map(dnsName);
  const zones = names
    .filter((name) => !isReverse(name))
    .map((domain) => {
      const isImported = imported.some((zone) => sameName(zone, domain));
      const source = isImported ? others : own;
      const zone = new ClusterZone({
        ...shared,
        ...source,
        domain,
        isImported,
        pods: podRecords(settings.pods, data),
        hidesEmptyServices: settings.ignoreEmptyService,
        zonal: settings.zonal && settings.withEndpoints && !isImported,
        hasNamespace: (name) => data.hasNamespace(name) || (isImported && source.index.hasNamespace(name)),
        hasPodNamespace: (name) => data.hasPodNamespace(name),
        random,
        resolve,
      });
      return { ...source, domain, isImported, zone };
    });
  const primary = zones.find(({ isImported }) => !isImported) ?? zones[0];
  const reverse = names.filter(isReverse);
  const resolvers: Resolver[] = zones.map(({ zone }) => zone);
  if (reverse.length > 0) {
    resolvers.push(
      new ReverseZone({ ...shared, ...own, domain: primary?.domain ?? dnsName("cluster.local"), zones: reverse }),
    );
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
