import type { Ip, Logger } from "../../core/index.ts";
import { secureRandom, systemClock } from "../../net/index.ts";
import { createDnsMetrics } from "./dns-metrics.ts";
import type { DnsSource } from "./dns-source.ts";
import { startDnsService } from "./dns-service.ts";
import type { DnsService } from "./dns-service.ts";
import { listenAddresses, ownAddresses } from "./own-addresses.ts";
import { watchedClusters } from "./watched-clusters.ts";

/** What DNS beside any Kubernetes API is started with. */
export interface DnsRunOptions {
  readonly source: DnsSource;
  /** Path of the kubeconfig; else what the configuration says, else the cluster that this runs in. */
  readonly kubeconfig: string | undefined;
  /** The port of blocks that name none; 53 unless given. */
  readonly port?: number;
  /** Addresses to listen on where no block says another; all unless given. */
  readonly bind?: readonly string[];
  /** The cluster IP of the DNS Service, when it is known. */
  readonly nameservers: readonly Ip[];
  readonly log: Logger;
  /** Where lines of the query log go. */
  readonly writeQuery: (line: string) => void;
}

/**
 * Serves DNS as a component of a cluster, as CoreDNS does there: with copies of the API's objects. Rejects with `CodedError`
 * when the configuration cannot be used, there is no cluster, or a place cannot be listened to.
 */
export async function runDns(options: DnsRunOptions): Promise<DnsService> {
  const { source, log, bind = [] } = options;
  const clock = systemClock;
  const random = secureRandom();
  const environment = (name: string) => process.env[name];
  const metrics = createDnsMetrics();

  return startDnsService({
    source,
    cluster: watchedClusters({
      kubeconfig: options.kubeconfig,
      namesPlaces: source.kind === "corefile",
      environment,
      clock,
      random,
      log,
      metrics,
    }),
    clock,
    random,
    log,
    metrics,
    addressesOf: (host, except) =>
      host === undefined && bind.length > 0
        ? bind.flatMap((one) => listenAddresses(one, except))
        : listenAddresses(host, except),
    writeQuery: options.writeQuery,
    // As CoreDNS does: the names of the zone's servers lead to this machine, unless it is known by another address.
    nameservers:
      options.nameservers.length > 0 ? options.nameservers : ownAddresses().filter((address) => !isLoopback(address)),
    environment,
    ...(options.port === undefined ? {} : { port: options.port }),
    waitsForNames: true,
  });
}

function isLoopback(address: Ip): boolean {
  return address === "::1" || address.startsWith("127.");
}
