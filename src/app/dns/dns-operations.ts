import type { ServerResponse } from "node:http";
import { metricsContentType } from "../../core/index.ts";
import type { Metrics } from "../../core/index.ts";
import { splitListenAddress } from "../../dns/index.ts";
import type { DnsConfiguration } from "../../dns/index.ts";
import { listenHttp } from "../../net/index.ts";
import type { HttpListener } from "../../net/index.ts";

/** What is said about a DNS server to those who operate it. */
export interface DnsOperationsParts {
  readonly metrics: Metrics;
  /** The plugins that are not ready. */
  readonly notReady: () => readonly string[];
}

/** The listeners of `health`, `ready` and `prometheus`. */
export interface DnsOperations {
  /** Listens where a configuration says so, and nowhere else. Rejects with `CodedError`; what listened before goes on. */
  apply(configuration: DnsConfiguration): Promise<void>;
  /** From now on nobody shall begin to use this server. */
  shutDown(): void;
  close(): Promise<void>;
}

type Page = (response: ServerResponse) => void;

/** What each listening address serves, by path. */
type Pages = Readonly<Record<string, Page>>;

/** Serves `/health`, `/ready` and `/metrics` as CoreDNS does. */
export function createDnsOperations({ metrics, notReady }: DnsOperationsParts): DnsOperations {
  const listeners = new Map<string, { readonly listener: HttpListener; pages: Pages }>();
  let isShuttingDown = false;
  let wasReady = false;
  let isContinuous = false;

  const health: Page = (response) => text(response, 200, "OK");
  const ready: Page = (response) => {
    if (isShuttingDown) return text(response, 503, "Shutting down");
    const missing = notReady();
    // CoreDNS asks a plugin until it was ready once, unless told to go on.
    if (missing.length > 0 && (isContinuous || !wasReady)) return text(response, 503, missing.join(","));
    wasReady = true;
    text(response, 200, "OK");
  };
  const exposed: Page = (response) => {
    response.writeHead(200, { "Content-Type": metricsContentType });
    response.end(metrics.expose());
  };

  return {
    apply: async ({ servers }) => {
      const wanted = new Map<string, Record<string, Page>>();
      const add = (address: string | undefined, path: string, page: Page) => {
        if (address !== undefined) wanted.set(address, { ...wanted.get(address), [path]: page });
      };
      for (const block of servers) {
        add(block.health?.address, "/health", health);
        add(block.ready?.address, "/ready", ready);
        add(block.prometheus?.address, "/metrics", exposed);
      }
      isContinuous = servers.some(({ ready: settings }) => settings?.continuously === true);
      const opened = new Map<string, { readonly listener: HttpListener; pages: Pages }>();
      try {
        for (const [address, pages] of wanted) {
          if (!listeners.has(address)) opened.set(address, await open(address, pages));
        }
      } catch (error) {
        for (const { listener } of opened.values()) await listener.close();
        throw error;
      }
      for (const [address, entry] of listeners) {
        const pages = wanted.get(address);
        if (pages !== undefined) {
          entry.pages = pages;
          continue;
        }
        listeners.delete(address);
        await entry.listener.close();
      }
      for (const [address, entry] of opened) listeners.set(address, entry);
    },
    shutDown: () => {
      isShuttingDown = true;
    },
    close: async () => {
      await Promise.all([...listeners.values()].map(({ listener }) => listener.close()));
      listeners.clear();
    },
  };
}

async function open(address: string, pages: Pages): Promise<{ readonly listener: HttpListener; pages: Pages }> {
  const { host, port } = splitListenAddress(address);
  const entry = { pages };
  const target =
    host === undefined
      ? ({ kind: "namespace", port, enter: (listen: () => void) => listen() } as const)
      : ({ kind: "tcp", host, port } as const);
  const listener = await listenHttp(target, (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const page = Object.hasOwn(entry.pages, path) ? entry.pages[path] : undefined;
    if (page === undefined) text(response, 404, "404 page not found");
    else page(response);
  });
  return Object.assign(entry, { listener });
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
  response.end(body);
}
