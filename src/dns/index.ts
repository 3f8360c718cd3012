export { createClusterDns } from "./cluster-dns.ts";
export type { ClusterDns, ClusterDnsOptions, ClusterDnsStats } from "./cluster-dns.ts";
export { createStaticZone } from "./static-zone.ts";
export type { StaticZone, StaticZoneOptions } from "./static-zone.ts";
export { parseResolvConf, resolvConfOf } from "./resolv-conf.ts";
export type { PodResolverOptions, ResolvConf } from "./resolv-conf.ts";
export { parseUpstream } from "./upstream.ts";
export type { Upstream, UpstreamDialer, UpstreamHandlers, UpstreamTls, UpstreamTransport } from "./upstream.ts";
export type { Answer, ResponderStats } from "./responder.ts";
export type { DnsClient, DnsServerAddress, DnsTransport } from "./resolver.ts";
export { MemoryCache } from "./memory-cache.ts";
export { readCorefile } from "./corefile/read-corefile.ts";
export type { CorefileContext } from "./corefile/read-corefile.ts";
export type { DnsConfiguration, PemFile, ServerBlock, ServerTls, TlsFiles } from "./corefile/configuration.ts";
export { clusterConfiguration } from "./cluster-configuration.ts";
export type { ClusterSettings } from "./cluster-configuration.ts";
export { ClusterDataShelf } from "./cluster-data.ts";
export type { ClusterData, ClusterDataChoice, ClusterDnsCaches, ClusterDnsSource } from "./cluster-data.ts";
export { importedObjects } from "./imported-services.ts";
export type { ImportedCaches } from "./imported-services.ts";
export { keptForDns } from "./kept-objects.ts";
export type { KeptForDns } from "./kept-objects.ts";
export { createDnsServer } from "./dns-server.ts";
export type { DnsEndpoint, DnsServer, DnsServerParts } from "./dns-server.ts";
export { explanationOf } from "./trace/explanation.ts";
export type { ExplainedMessage, ExplainedName, Explanation } from "./trace/explanation.ts";
export { findingsOf } from "./trace/findings.ts";
export { cheaperWays, costOf } from "./trace/lookup-cost.ts";
export type { CheaperWay, LookupCost } from "./trace/lookup-cost.ts";
export type { SkippedDomain, TracedLookup, TracedName, TracedQuery } from "./trace/lookup-trace.ts";
export { nameReason } from "./trace/name-reason.ts";
export type { ClusterFacts, NameReason } from "./trace/name-reason.ts";
export { nearNames } from "./trace/near-names.ts";
export type { NoteTaker, QuestionNote } from "./trace/question-note.ts";
export { resolverSettings } from "./trace/resolver-settings.ts";
export type { ResolverKind, ResolverSettings } from "./trace/resolver-settings.ts";
export { nothingAsked } from "./trace/resolver-step.ts";
export type {
  Ask,
  Asked,
  AskedQuery,
  Lookup,
  LookupEnd,
  LookupType,
  NameOrigin,
  QueryOutcome,
} from "./trace/resolver-step.ts";
export { walkOf } from "./trace/walk-of.ts";
export { isListenAddress, splitListenAddress } from "./corefile/arguments.ts";
