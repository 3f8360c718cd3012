import type { IncomingMessage, ServerResponse } from "node:http";
import { metricsContentType } from "../../core/index.ts";
import type { Metrics } from "../../core/index.ts";
import { listenHttp } from "../../net/index.ts";
import type { HttpListener } from "../../net/index.ts";
import { kubeProxyConfigurationOf } from "../../proxy/index.ts";
import type { BindAddress, Proxy, ProxySettings } from "../../proxy/index.ts";

/** What the proxy's two HTTP servers tell. */
export interface ProxyServersOptions {
  readonly proxy: Pick<Proxy, "health" | "stats">;
  readonly metrics: Metrics;
  /** As they are at the moment: the mode may change. */
  readonly settings: () => ProxySettings;
}

/** One answer: what is asked for by its path. */
interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const plain = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };

/** What `healthzBindAddress` serves: `/healthz` and `/livez`. */
export function healthPage(path: string, { proxy }: ProxyServersOptions): Page | undefined {
  return path === "/healthz" || path === "/livez" ? proxy.health.answer(path) : undefined;
}

/** What `metricsBindAddress` serves, by the paths of kube-proxy. */
export function metricsPage(path: string, { proxy, metrics, settings }: ProxyServersOptions): Page | undefined {
  switch (path) {
    case "/metrics":
      return { status: 200, headers: { "Content-Type": metricsContentType }, body: metrics.expose() };
    case "/proxyMode":
      return { status: 200, headers: plain, body: proxy.stats().mode };
    case "/configz": {
      const body = JSON.stringify({ "kubeproxy.config.k8s.io": kubeProxyConfigurationOf(settings()) });
      return { status: 200, headers: { "Content-Type": "application/json" }, body };
    }
    // Whether the process lives at all; the other server says whether it keeps up.
    case "/healthz":
    case "/livez":
      return { status: 200, headers: plain, body: "ok" };
    default:
      return undefined;
  }
}

/**
 * Opens the servers that the settings name. `failed` is told of one that cannot listen; the others work.
 */
export async function startProxyServers(
  options: ProxyServersOptions,
  failed: (what: string, error: unknown) => void,
): Promise<{ close(): void }> {
  const { healthz, metrics } = options.settings();
  const open = async (
    what: string,
    address: BindAddress | undefined,
    page: typeof healthPage,
  ): Promise<HttpListener | undefined> => {
    if (address === undefined) return undefined;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      const path = (request.url ?? "/").split("?")[0] ?? "/";
      const found = page(path, options) ?? { status: 404, headers: plain, body: "404 page not found\n" };
      response.writeHead(found.status, found.headers).end(request.method === "HEAD" ? undefined : found.body);
    };
    try {
      return await listenHttp({ kind: "tcp", ...address }, handle);
    } catch (error) {
      failed(what, error);
      return undefined;
    }
  };
  const listeners = await Promise.all([
    open("healthzBindAddress", healthz, healthPage),
    open("metricsBindAddress", metrics, metricsPage),
  ]);
  return { close: () => listeners.forEach((listener) => void listener?.close()) };
}
