import type { ClusterTarget } from "../../client/index.ts";
import { CodedError } from "../../core/index.ts";
import type { DnsConfiguration } from "../../dns/index.ts";

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Which API a DNS server follows: the kubeconfig of the command, else the one (or the endpoint) that the configuration
 * names, else that of the cluster it runs in. Undefined when no block is about a cluster. Throws `CodedError` code
 * `NoCluster` when there is none to follow.
 */
export function clusterTarget(
  kubeconfig: string | undefined,
  { servers }: DnsConfiguration,
  environment: (name: string) => string | undefined,
): ClusterTarget | undefined {
  const blocks = servers.flatMap(({ kubernetes }) => (kubernetes === undefined ? [] : [kubernetes]));
  if (blocks.length === 0) return undefined;
  if (kubeconfig !== undefined) return { kubeconfig };
  const named = blocks.find((block) => block.kubeconfig !== undefined || block.endpoint !== undefined);
  if (named?.kubeconfig !== undefined) return { kubeconfig: named.kubeconfig };
  if (named?.endpoint !== undefined) return { kubeconfig: ofEndpoint(named.endpoint, named.tls) };
  const [host, port] = [environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT")];
  if (host === undefined || port === undefined) {
    throw new CodedError(
      "NoCluster",
      "there is no cluster to take names from: give --kubeconfig FILE, or run in a pod with a service account",
    );
  }
  return { kubeconfig: ofServiceAccount(host, port) };
}

/** A kubeconfig with one context. */
function kubeconfigOf(cluster: object, user: object): object {
  return {
    "current-context": "dns",
    contexts: [{ name: "dns", context: { cluster: "dns", user: "dns" } }],
    clusters: [{ name: "dns", cluster }],
    users: [{ name: "dns", user }],
  };
}

function ofEndpoint(
  server: string,
  tls: { readonly certificate: string; readonly key: string; readonly ca: string } | undefined,
): object {
  if (tls === undefined) return kubeconfigOf({ server }, {});
  return kubeconfigOf(
    { server, "certificate-authority": tls.ca },
    { "client-certificate": tls.certificate, "client-key": tls.key },
  );
}

function ofServiceAccount(host: string, port: string): object {
  const address = host.includes(":") ? `[${host}]` : host;
  return kubeconfigOf(
    { server: `https://${address}:${port}`, "certificate-authority": `${accountFolder}/ca.crt` },
    { tokenFile: `${accountFolder}/token` },
  );
}
