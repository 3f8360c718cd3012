export { createProxy } from "./proxy.ts";
export type { Proxy, ProxyOptions } from "./proxy.ts";
export type { ProxyStats } from "./proxy-stats.ts";
export type { ProxyCaches } from "./plan-book.ts";
export type { FlowQuery, FlowsPort, HealthCheckAnswer, HealthChecksPort, TrackedFlow } from "./ports.ts";
export { answerHealthCheck } from "./health-check.ts";
export { proxyModes } from "./engine.ts";
export type { EngineStats, ProxyEngine, ProxyMode, Refusal, WriteResult } from "./engine.ts";
export { nftablesEngine } from "./engines/nftables.ts";
export type { NftablesEngineOptions } from "./engines/nftables.ts";
export { iptablesEngine } from "./engines/iptables.ts";
export type { IptablesEngineOptions } from "./engines/iptables.ts";
export { userspaceEngine } from "./engines/userspace.ts";
export type { UserspaceEngine, UserspaceEngineOptions } from "./engines/userspace.ts";
export type { RelayCounters } from "./userspace/relay-router.ts";
export type { AcceptArrival, Arrival, RelayListeners, RelayPort, RelaySession } from "./userspace/relay-port.ts";
export { ipvsEngine } from "./engines/ipvs.ts";
export type { IpvsEngineOptions } from "./engines/ipvs.ts";
export type { IpvsPort, IpvsStep } from "./engines/ipvs-port.ts";
export type { RulesPort } from "./rules-port.ts";
export type { SyncLatency } from "./sync-latency.ts";
export {
  kubeProxyConfigurationOf,
  parseMode,
  readKubeProxyConfiguration,
} from "./settings/kube-proxy-configuration.ts";
export type { KubeProxyConfigurationReading } from "./settings/kube-proxy-configuration.ts";
export { parseBindAddress } from "./settings/bind-address.ts";
export { parseNodePortAddress } from "./settings/node-port-addresses.ts";
export { defaultProxySettings } from "./settings/proxy-settings.ts";
export type {
  BindAddress,
  ConntrackSettings,
  IpvsSettings,
  NodePortAddress,
  ProxySettings,
} from "./settings/proxy-settings.ts";
export { nodeFacts } from "./node-place.ts";
export type { NodeFacts } from "./node-place.ts";
export { modeShortcomings, serviceRules } from "./service-rules.ts";
export type { EngineMode, ServiceRulesContext } from "./service-rules.ts";
