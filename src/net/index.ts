export { systemClock } from "./system-clock.ts";
export { stderrLogger } from "./stderr-logger.ts";
export type { LogLevel, StderrLoggerOptions } from "./stderr-logger.ts";
export { listenHttp } from "./http-listener.ts";
export type { HttpListener, ListenTarget, TlsIdentity } from "./http-listener.ts";
