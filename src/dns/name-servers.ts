import { prependLabels } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import { ipFromBytes } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { splitFamilies } from "./address-bytes.ts";
import type { AddressSet } from "./service-entry.ts";
import { endpointName, serviceName } from "./service-name.ts";
import type { ServiceIndex } from "./service-index.ts";

/** One server of a zone, by name, and where it is. */
export interface NameServer extends AddressSet {
  readonly name: DnsName;
}

/**
 * The servers of `zone` that are reached at `addresses`: the Services with such a cluster IP or endpoint (headless ones
 * by the endpoint's own name). When no Service leads here, they are called `ns.dns.ZONE`.
 */
export function nameServers(addresses: readonly Ip[], index: ServiceIndex, zone: DnsName): readonly NameServer[] {
  const servers = new Map<string, NameServer>();
  const add = (key: string, name: DnsName | undefined, { v4, v6 }: AddressSet) => {
    if (name !== undefined) servers.set(key, { name, v4, v6 });
  };
  for (const address of addresses) {
    for (const entry of [...index.withClusterIp(address), ...index.withEndpoint(address)]) {
      const key = `${entry.name}.${entry.namespace}`;
      const name = serviceName(entry, zone);
      if (entry.facts?.kind === "cluster-ip") add(key, name, entry.clusterIps());
      if (entry.facts?.kind !== "headless" || name === undefined) continue;
      for (const host of entry.hostsOf(address)) {
        add(`${host}.${key}`, endpointName(host, name), entry.host(host) ?? splitFamilies([address]));
      }
    }
  }
  if (servers.size > 0) return [...servers.values()];
  return [{ name: prependLabels(["ns", "dns"], zone), ...splitFamilies(addresses) }];
}

/** Where all of `servers` are, each address once. */
export function nameServerAddresses(servers: readonly NameServer[]): AddressSet {
  const addresses: Ip[] = [];
  for (const { v4, v6 } of servers) {
    for (let at = 0; at < v4.length; at += 4) addresses.push(ipFromBytes(v4.subarray(at, at + 4)));
    for (let at = 0; at < v6.length; at += 16) addresses.push(ipFromBytes(v6.subarray(at, at + 16)));
  }
  return splitFamilies(addresses);
}
