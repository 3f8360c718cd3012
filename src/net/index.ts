export { systemClock } from "./system-clock.ts";
export { stderrLogger } from "./stderr-logger.ts";
export type { LogLevel, StderrLoggerOptions } from "./stderr-logger.ts";
export { listenHttp } from "./http-listener.ts";
export type { HttpListener, ListenTarget, TlsIdentity } from "./http-listener.ts";
export { listenDns } from "./dns-listener.ts";
export type { DnsListener, DnsListenerOptions } from "./dns-listener.ts";
export type { UdpBatches } from "./dns-udp-sockets.ts";
export type { DnsAnswer, DnsTcpLimits, DnsTransfer } from "./dns-tcp-connections.ts";
export { dnsDialer } from "./dns-upstream.ts";
export type {
  DnsDialer,
  DnsDialerOptions,
  DnsDialerStats,
  DnsUpstreamAddress,
  DnsUpstreamHandlers,
} from "./dns-upstream.ts";
export { secureRandom } from "./secure-random.ts";
export { createHealthCheckServer } from "./health-check-server.ts";
export type { HealthCheckServer, PortAnswer } from "./health-check-server.ts";
export { openRelay } from "./relay.ts";
export type { Relay, RelayOptions, RelayPlace } from "./relay.ts";
export type { RelayArrival, RelayDecisions, RelayKernel } from "./relay-session.ts";
export type { UdpRelayLimits } from "./relay-udp.ts";
