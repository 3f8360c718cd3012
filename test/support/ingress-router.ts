import { createServer, request as httpRequest } from "node:http";
import type { Agent, IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach } from "vitest";
import type { RawData } from "ws";
import { silentLogger } from "../../src/core/index.ts";
import { createIngressRouter } from "../../src/ingress/index.ts";
import type { IngressRouterOptions } from "../../src/ingress/index.ts";
import { systemClock } from "../../src/net/index.ts";
import { endpointSliceIndexers } from "../../src/objects/index.ts";
import type { AnyObject, EndpointSlice, Ingress, IngressClass, Service } from "../../src/objects/index.ts";
import { FakeCache } from "./fake-cache.ts";

export const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A cluster of objects, its router on loopback, and helpers to send requests to it. */
export async function start(options: Partial<IngressRouterOptions> = {}, httpsPort?: number) {
  const caches = {
    ingresses: new FakeCache<Ingress>(),
    ingressClasses: new FakeCache<IngressClass>([
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "IngressClass",
        metadata: { name: "sealane" },
        spec: { controller: "sealane.dev/ingress" },
      },
    ]),
    services: new FakeCache<Service>(),
    endpointSlices: new FakeCache<EndpointSlice>([], endpointSliceIndexers),
    secrets: new FakeCache<AnyObject>(),
  };
  const router = createIngressRouter({ caches, clock: systemClock, log: silentLogger, random: () => 0, ...options });
  const ports = await router.listen({ httpPort: 0, ...(httpsPort === undefined ? {} : { httpsPort }) });
  cleanups.push(() => router.stop(0));

  /** A Service with one slice for each port of `ready` and `unready`. */
  const service = (name: string, ready: readonly number[], unready: readonly number[] = []): void => {
    caches.services.set({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default" },
      spec: { clusterIP: "10.96.0.9", ipFamilies: ["IPv4"], ports: [{ name: "http", port: 80 }] },
    });
    const wanted = new Map<string, EndpointSlice>();
    for (const port of [...ready, ...unready]) {
      wanted.set(`${name}-${port}`, {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-${port}`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: ready.includes(port) } }],
        ports: [{ name: "http", port }],
      });
    }
    for (const slice of wanted.values()) caches.endpointSlices.set(slice);
    for (const { metadata } of caches.endpointSlices.indexed("service", `default/${name}`)) {
      if (!wanted.has(metadata.name)) caches.endpointSlices.delete("default", metadata.name);
    }
  };
  const route = (host: string, path: string, serviceName: string, more: Partial<Ingress["spec"]> = {}): void => {
    const backend = { service: { name: serviceName, port: { name: "http" } } };
    caches.ingresses.set({
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: `${host}${path}`.replace(/[^a-z]/g, "-"), namespace: "default" },
      spec: {
        ingressClassName: "sealane",
        rules: [{ host, http: { paths: [{ path, pathType: "Prefix", backend }] } }],
        ...more,
      },
    });
  };
  return { caches, router, ports, service, route, port: ports.http };
}

export async function backend(listener: RequestListener): Promise<{ port: number; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  return { port: (server.address() as AddressInfo).port, server };
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const { port, server } = await backend(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly trailers: IncomingMessage["trailers"];
  readonly body: string;
}

export interface Ask {
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly agent?: Agent;
}

export function ask(
  port: number,
  { host = "shop.example.com", path = "/", method = "GET", headers = {}, body, agent }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port, path, method, headers: { host, ...headers }, agent: agent ?? false },
      (response) => {
        collect(response).then(
          (text) =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              trailers: response.trailers,
              body: text,
            }),
          reject,
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

export async function collect(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Sends bytes as they are, and gives everything that comes back until the connection ends. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    let seen = "";
    socket.on("data", (chunk) => (seen += chunk.toString("latin1")));
    socket.on("error", reject);
    socket.on("close", () => resolve(seen));
  });
}

export const textOf = (data: RawData): string => (Buffer.isBuffer(data) ? data.toString() : "");

/** Answers what it saw. */
export const echo = (name: string) => async (request: IncomingMessage, response: ServerResponse) => {
  const body = await collect(request);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ name, method: request.method, url: request.url, headers: request.headers, body }));
};
export const echoBackend = (name: string) => backend((request, response) => void echo(name)(request, response));
export const seenBy = (answer: Answer) =>
  JSON.parse(answer.body) as {
    name: string;
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string;
  };
