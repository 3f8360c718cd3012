import type { Protocol } from "../../core/index.ts";
import type { KubeObject } from "../meta.ts";
import type { Resource } from "../resources.ts";

/**
 * `multicluster.x-k8s.io/v1alpha1.ServiceImport` of the Multi-Cluster Services API: a Service that clusters of a set export, as
 * it is seen in this one.
 */
export interface ServiceImport extends KubeObject {
  readonly spec?: {
    /** A headless one has no address of its own. */
    readonly type?: "ClusterSetIP" | "Headless";
    /** At most one of each family. */
    readonly ips?: readonly string[];
    readonly ports?: readonly { readonly name?: string; readonly protocol?: Protocol; readonly port: number }[];
  };
}

/** A custom resource: not every cluster has it, and the API server of a lab does not. */
export const serviceImports: Resource<ServiceImport> = {
  group: "multicluster.x-k8s.io",
  version: "v1alpha1",
  kind: "ServiceImport",
  plural: "serviceimports",
  namespaced: true,
};

/** On an EndpointSlice: the ServiceImport of its namespace that it belongs to. */
export const importNameLabel = "multicluster.kubernetes.io/service-name";
/** The same: the cluster that its endpoints are in. */
export const sourceClusterLabel = "multicluster.kubernetes.io/source-cluster";
