import type { Metrics } from "../../core/index.ts";
import type { AclRule } from "../corefile/configuration.ts";

/** What plugins count that change or stop queries. */
export interface ChainCounters {
  readonly access: (action: AclRule["action"]) => void;
  readonly rateLimited: () => void;
  readonly translated: () => void;
  readonly searched: () => void;
}

const silent: ChainCounters = {
  access: () => undefined,
  rateLimited: () => undefined,
  translated: () => undefined,
  searched: () => undefined,
};

/** Counters of one block, under CoreDNS's names where it has them. */
export function chainCounters(metrics: Metrics | undefined, server: string, zone: string): ChainCounters {
  if (metrics === undefined) return silent;
  const acl = (name: string, help: string) =>
    metrics.counter({ name: `coredns_acl_${name}_requests_total`, help, labels: ["server", "zone", "view"] });
  const families = {
    allow: acl("allowed", "Queries that acl let through."),
    block: acl("blocked", "Queries that acl refused."),
    filter: acl("filtered", "Queries that acl answered with nothing."),
    drop: acl("dropped", "Queries that acl left without an answer."),
  } as const;
  const limited = metrics.counter({
    name: "sealane_dns_rate_limited_total",
    help: "Queries of clients over their limit.",
    labels: ["server"],
  });
  const translated = metrics.counter({
    name: "coredns_dns64_requests_translated_total",
    help: "Queries answered with addresses that dns64 made.",
    labels: ["server"],
  });
  const searched = metrics.counter({
    name: "coredns_autopath_success_total",
    help: "Queries for which the client's search list was tried here.",
    labels: ["server"],
  });
  return {
    access: (action) => families[action].with(server, zone, "").add(),
    rateLimited: () => limited.with(server).add(),
    translated: () => translated.with(server).add(),
    searched: () => searched.with(server).add(),
  };
}
