import { askLab } from "../../app/index.ts";
import type {
  DnsProbe,
  DnsProbeResult,
  HttpProbe,
  HttpProbeResult,
  LabDirectory,
  LabStatus,
  UdpProbe,
} from "../../app/index.ts";
import { connectCluster } from "../../client/index.ts";
import type { DemoLab, Reply } from "./demo-lab.ts";

/** The demo's view of a lab that runs: packets are sent by the lab itself, from the named place. */
export async function runningLab(directory: LabDirectory, namespace: string): Promise<DemoLab> {
  const status = await askLab<LabStatus>(directory.controlSocket, "status");
  const probe = <T>(action: string, body: HttpProbe | UdpProbe | DnsProbe) =>
    askLab<T>(directory.controlSocket, action, body);
  return {
    api: await connectCluster({ socketPath: directory.apiSocket }),
    namespace,
    nodes: status.nodes.map(({ name, address, zone }) => ({ name, address, zone })),
    clientAddress: status.addresses.client,
    async ask(from, url, options = {}) {
      const { count = 1, headers = {}, method = "GET", timeoutMs = 3000 } = options;
      const results = await probe<readonly HttpProbeResult[]>("probe-http", {
        from,
        namespace,
        url,
        count,
        method,
        timeoutMs,
        headers: { accept: "application/json", ...headers },
      });
      return results.map(replyOf);
    },
    async askUdp(from, host, port, text) {
      const { reply } = await probe<{ readonly reply: string | null }>("probe-udp", {
        from,
        namespace,
        host,
        port,
        text,
        timeoutMs: 1000,
      });
      return reply ?? undefined;
    },
    resolve: (from, name, type) => probe<DnsProbeResult>("probe-dns", { from, namespace, name, type, timeoutMs: 2000 }),
    stopNode: (node) => askLab(directory.controlSocket, "stop-node", { node }),
    startNode: (node) => askLab(directory.controlSocket, "start-node", { node }),
  };
}

function replyOf(result: HttpProbeResult): Reply {
  if (result.kind === "failed") return result;
  const identity = identityIn(result.body);
  return {
    kind: "answer",
    status: result.status,
    body: result.body,
    ms: result.ms,
    pod: textIn(identity, "pod"),
    node: textIn(identity, "node"),
    client: textIn(identity, "clientAddress"),
    headers: (identity["headers"] ?? {}) as Readonly<Record<string, string>>,
  };
}

function identityIn(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function textIn(identity: Readonly<Record<string, unknown>>, field: string): string {
  const value = identity[field];
  return typeof value === "string" ? value : "";
}
