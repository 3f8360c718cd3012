export { createCache } from "./cache.ts";
export type { CacheOptions, RunningCache } from "./cache.ts";
export { connectCluster } from "./connect-cluster.ts";
export type { ClusterConnection, ClusterTarget } from "./connect-cluster.ts";
export { createEventRecorder } from "./event-recorder.ts";
export type { EventSource } from "./event-recorder.ts";
export { readKubeconfig } from "./kubeconfig.ts";
export type { ServerAddress } from "./kubeconfig.ts";
export { slimEndpointSlices, slimServices } from "./slim-objects.ts";
