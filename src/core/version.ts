/** The Kubernetes release whose behaviour this project follows; reported by the API server and the nodes. */
export const kubernetesVersion = "v1.36.2";

/** What nodes and the API server report as their version. */
export const reportedVersion = `${kubernetesVersion}+sealane`;

/** This package's own version, as in package.json. */
export const version = "0.1.0";
