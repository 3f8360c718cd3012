import { CodedError } from "../../core/index.ts";
import type { DnsConfiguration, TlsFiles } from "../../dns/index.ts";

const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Where a cluster is, and what its problems are said with. */
export interface DnsClusterTarget {
  /** The path of a kubeconfig, or its content. */
  readonly kubeconfig: string | object;
  /** What certificates are called in errors: their paths, where there are any. */
  readonly files: { readonly [File in keyof TlsFiles]-?: string };
  /** The beginning of each error: `FILE:LINE: kubernetes: `, or nothing. */
  readonly at: string;
}

/** What decides between clusters besides the configuration. */
export interface ClusterTargetContext {
  /** Path of the kubeconfig of the command. */
  readonly kubeconfig: string | undefined;
  /** Whether errors name file and line of the block. */
  readonly namesPlaces: boolean;
  readonly environment: (name: string) => string | undefined;
}

/**
 * Which API a DNS server follows: the kubeconfig of the command, else the one (or the endpoint) that the configuration
 * names, else that of the cluster it runs in. Undefined when no block is about a cluster. Throws `CodedError` code
 * `NoCluster` when there is none to follow, and `InvalidCorefile` when two blocks name different ones.
 */
export function clusterTarget(
  { servers }: DnsConfiguration,
  { kubeconfig, namesPlaces, environment }: ClusterTargetContext,
): DnsClusterTarget | undefined {
  const blocks = servers.flatMap(({ kubernetes }) => (kubernetes === undefined ? [] : [kubernetes]));
  const [named, ...others] = blocks.filter((block) => block.kubeconfig !== undefined || block.endpoint !== undefined);
  if (named !== undefined && kubeconfig === undefined) refuseOthers(named, others);
  const block = named ?? blocks[0];
  if (block === undefined) return undefined;
  const at = namesPlaces ? `${block.file}:${block.line}: kubernetes: ` : "";
  const file = kubeconfig ?? block.kubeconfig;
  if (file !== undefined) return { kubeconfig: file, files: filesOf(file), at };
  if (block.endpoint !== undefined) {
    return { kubeconfig: ofEndpoint(block.endpoint, block.tls), files: block.tls ?? filesOf(block.endpoint), at };
  }
  const [host, port] = [environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT")];
  if (host === undefined || port === undefined) {
    throw new CodedError(
      "NoCluster",
      `${at}there is no cluster to take names from: give --kubeconfig FILE, or run in a pod with a service account`,
    );
  }
  return { kubeconfig: ofServiceAccount(host, port), files: filesOf(accountFolder), at };
}

type ClusterBlock = NonNullable<DnsConfiguration["servers"][number]["kubernetes"]>;

/** A server follows one cluster: names of a second one must not be looked for in the first. */
function refuseOthers(named: ClusterBlock, others: readonly ClusterBlock[]): void {
  const clusterOf = ({ kubeconfig, endpoint }: ClusterBlock): string => kubeconfig ?? endpoint ?? "";
  const other = others.find((block) => clusterOf(block) !== clusterOf(named));
  if (other === undefined) return;
  throw new CodedError(
    "InvalidCorefile",
    `${other.file}:${other.line}: kubernetes: the cluster ${clusterOf(other)} is not the one of line ${named.line} (${clusterOf(named)}), and a server ` +
      "follows one: move the block to a Corefile and a server of its own",
  );
}

/** The certificates that `where` has. */
function filesOf(where: string): DnsClusterTarget["files"] {
  return { certificate: `client-certificate of ${where}`, key: `client-key of ${where}`, ca: `ca of ${where}` };
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
