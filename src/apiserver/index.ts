export { createApiServer } from "./api-server.ts";
export type { ApiServer, ApiServerOptions } from "./api-server.ts";
export type { ApiEndpoint } from "./bootstrap.ts";
export { openLmdb } from "./lmdb-persistence.ts";
export type { PortRange } from "./services/pools.ts";
export { createIdentity } from "./tls/identity.ts";
export type { ServerIdentity } from "./tls/identity.ts";
export { adminKubeconfig } from "./tls/kubeconfig.ts";
export type { KubeconfigOptions } from "./tls/kubeconfig.ts";
