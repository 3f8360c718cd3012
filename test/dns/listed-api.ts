import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import type { EndpointSlice, Service, ServiceImport } from "../../src/objects/index.ts";
import { importNameLabel } from "../../src/objects/index.ts";
import { namespace, services, slices } from "./cluster.ts";

/** An API server of a cluster in which nothing happens. */
export interface ListedApi {
  readonly port: number;
  /** How many watches are open. */
  readonly watches: () => number;
  /** SHA-256 of the certificates that clients showed, as often as they asked. */
  readonly clients: readonly (string | undefined)[];
  readonly close: () => void;
}

export interface ListedApiOptions {
  /** Any unless given. */
  readonly port?: number;
  /** Those of the usual cluster unless given. */
  readonly services?: readonly Service[];
  /** What other clusters export; without it the API does not have the kind. */
  readonly imports?: () =>
    | { readonly list: readonly ServiceImport[]; readonly slices: readonly EndpointSlice[] }
    | undefined;
  /** Speaks HTTPS with this. */
  readonly tls?: { readonly keyPem: string; readonly certificatePem: string };
  /** Says no to everybody, or to those who ask for this path. */
  readonly refuses?: boolean | string;
}

const importsPath = "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports";

/** As much of an API as DNS needs, on the loopback: lists, and watches without an event. */
export async function listedApi(options: ListedApiOptions = {}): Promise<ListedApi> {
  const { tls } = options;
  const lists: Readonly<Record<string, readonly object[]>> = {
    "/api/v1/services": options.services ?? services,
    "/apis/discovery.k8s.io/v1/endpointslices": slices,
    "/api/v1/namespaces": ["default", "kube-system", "tour"].map(namespace),
    "/api/v1/pods": [],
  };
  const watches = new Set<ServerResponse>();
  const clients: (string | undefined)[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    clients.push(socket instanceof TLSSocket ? socket.getPeerCertificate().fingerprint256 : undefined);
    const [path = "", parameters = ""] = (request.url ?? "").split("?");
    const isRefused = options.refuses === true || options.refuses === path;
    const imports = options.imports?.();
    if (path === importsPath && imports === undefined && !isRefused) {
      // As the API says it for a group that it does not know: not a Status.
      response.writeHead(404, { "Content-Type": "text/plain" });
      response.end("404 page not found\n");
      return;
    }
    response.writeHead(isRefused ? 403 : 200, { "Content-Type": "application/json" });
    if (isRefused) {
      response.end(
        JSON.stringify({ kind: "Status", code: 403, reason: "Forbidden", message: `${path} is not for you` }),
      );
    } else if (parameters.includes("watch=")) {
      watches.add(response);
      response.on("close", () => watches.delete(response));
      response.flushHeaders();
    } else {
      const isOfImports = new URLSearchParams(parameters).get("labelSelector") === importNameLabel;
      const items = path === importsPath ? imports?.list : isOfImports ? (imports?.slices ?? []) : lists[path];
      response.end(JSON.stringify({ metadata: { resourceVersion: "1" }, items: items ?? [] }));
    }
  };
  const server =
    tls === undefined
      ? createHttpServer(answer)
      : createHttpsServer(
          { key: tls.keyPem, cert: tls.certificatePem, requestCert: true, rejectUnauthorized: false },
          answer,
        );
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    watches: () => watches.size,
    clients,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
