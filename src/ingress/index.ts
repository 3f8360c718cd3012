export { createIngressRouter, defaultLimits } from "./router.ts";
export type { IngressRouter, IngressRouterOptions } from "./router.ts";
export type { RouterLimits, RouterStats } from "./gateway.ts";
export type { IngressListen, IngressPorts } from "./http-front.ts";
export { buildRouteTable } from "./route-table.ts";
export type { Backend, BackendPort, Route, RouteTable, TlsRequest } from "./route-table.ts";
