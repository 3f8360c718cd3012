export { createProxy } from "./proxy.ts";
export type { Proxy, ProxyOptions, ProxyStats } from "./proxy.ts";
export type { ProxyCaches } from "./plan-book.ts";
export type { FlowsPort, HealthCheckAnswer, HealthChecksPort, RulesPort, UdpFlow } from "./ports.ts";
export { answerHealthCheck } from "./health-check.ts";
export type { Refusal } from "./rules-writer.ts";
export type { SyncLatency } from "./sync-latency.ts";
