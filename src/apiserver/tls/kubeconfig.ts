/** What a client needs to reach the API server. */
export interface KubeconfigOptions {
  /** For example `https://127.0.0.1:6443`. */
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  /** The name of cluster, user and context; `sealane` when absent. */
  readonly name?: string;
}

/** A kubeconfig file (JSON, which is YAML) with full rights. It holds a secret: write it with mode 0600. */
export function adminKubeconfig({ server, caPem, token, name = "sealane" }: KubeconfigOptions): string {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": Buffer.from(caPem).toString("base64") } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
