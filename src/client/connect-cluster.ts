import { ApiError, apiVersionOf } from "../objects/index.ts";
import type {
  ClusterApi,
  DeleteOptions,
  KubeObject,
  ListOptions,
  ObjectList,
  Patch,
  Resource,
  Watch,
  WatchEvent,
  WatchHandlers,
} from "../objects/index.ts";
import { LineSplitter } from "./json-lines.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import type { ServerAddress } from "./kubeconfig.ts";
import { collectionPath, listQuery, objectPath } from "./resource-path.ts";
import { createTransport, isFailure, unreachable } from "./transport.ts";
import type { Transport, TransportTarget } from "./transport.ts";
import { wantedJson } from "./wanted-json.ts";

/** Which API server to use. A kubeconfig is the path of a file, or its content parsed; an address is what was read of one. */
export type ClusterTarget =
  | { readonly socketPath: string }
  | { readonly kubeconfig: string | object }
  | { readonly address: ServerAddress };

/** The API of a server in another process. `close` ends the kept connections. */
export interface ClusterConnection extends ClusterApi {
  close(): void;
}

/** Seconds after which a server ends a watch by itself, so that a dead connection is noticed at last. */
const watchSeconds = 570;

/** Bytes in which the metadata of a list are looked for. */
const longestHead = 4096;

const patchTypes: Readonly<Record<Patch["type"], string>> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
};

/**
 * The API of the server at `target`. Only a kubeconfig is read before it resolves; connections are made by the first
 * call. Rejects with `CodedError` code `InvalidKubeconfig`.
 */
export async function connectCluster(target: ClusterTarget): Promise<ClusterConnection> {
  const transport = await createTransport(await transportTarget(target));
  const send = async <T extends KubeObject>(request: Parameters<Transport["json"]>[0]): Promise<T> =>
    // The server's answer is trusted to be of the kind that was asked for.
    (await transport.json(request)) as T;
  const put = <T extends KubeObject>(resource: Resource<T>, object: T, subresource?: "status"): Promise<T> => {
    const path = objectPath(resource, object.metadata.namespace, object.metadata.name, subresource);
    return send<T>({ method: "PUT", path, body: object });
  };
  return {
    get: <T extends KubeObject>(resource: Resource<T>, namespace: string | undefined, name: string) =>
      send<T>({ method: "GET", path: objectPath(resource, namespace, name) }),
    list: (resource, options) => list(transport, resource, options ?? {}),
    watch: (resource, options, handlers) => watch(transport, resource, options, handlers),
    create: <T extends KubeObject>(resource: Resource<T>, object: T) =>
      send<T>({ method: "POST", path: collectionPath(resource, object.metadata.namespace), body: object }),
    update: (resource, object) => put(resource, object),
    updateStatus: (resource, object) => put(resource, object, "status"),
    patch: <T extends KubeObject>(
      resource: Resource<T>,
      namespace: string | undefined,
      name: string,
      patch: Patch,
      subresource?: "status" | "scale",
    ) =>
      send<T>({
        method: "PATCH",
        path: objectPath(resource, namespace, name, subresource),
        body: patch.body,
        contentType: patchTypes[patch.type],
      }),
    delete: async (resource, namespace, name, options) => {
      const path = objectPath(resource, namespace, name);
      await transport.json({ method: "DELETE", path, body: deleteBody(options ?? {}) });
    },
    close: () => transport.close(),
  };
}

async function transportTarget(target: ClusterTarget): Promise<TransportTarget> {
  if ("kubeconfig" in target) return readKubeconfig(target.kubeconfig);
  return "address" in target ? target.address : target;
}

async function list<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: ListOptions,
): Promise<ObjectList<T>> {
  const path = collectionPath(resource, options.namespace) + listQuery(options);
  const { fields, whenMore } = options;
  const reading = {
    ...(whenMore === undefined ? {} : { received: (json: Uint8Array) => tellMore(json, whenMore) }),
    ...(fields === undefined ? {} : { parse: wantedJson({ metadata: true, items: fields }) }),
  };
  const answer = (await transport.json({ method: "GET", path }, reading)) as {
    readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
    readonly items?: readonly T[];
  };
  const apiVersion = apiVersionOf(resource);
  // Items of a typed list come without apiVersion and kind.
  const complete = (item: T): T => (item.kind === undefined ? { ...item, apiVersion, kind: resource.kind } : item);
  const { resourceVersion = "", continue: rest = "" } = answer.metadata ?? {};
  const { items: given = [] } = answer;
  const items = fields === undefined || fields["kind"] !== undefined ? given.map(complete) : given;
  return { resourceVersion, ...(rest === "" ? {} : { continue: rest }), items };
}

/** The metadata of a list come before its items. */
function tellMore(json: Uint8Array, tell: (continueToken: string) => void): void {
  const head = Buffer.from(json.buffer, json.byteOffset, Math.min(json.length, longestHead)).toString("latin1");
  const token = /^[^[]*"metadata":\{[^{}[\]]*"continue":"([^"\\]+)"[^{}[\]]*\},"items":\[/.exec(head)?.[1];
  if (token !== undefined) tell(token);
}

function watch<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: ListOptions,
  handlers: WatchHandlers<T>,
): Watch {
  const lines = new LineSplitter();
  const query = listQuery(options, {
    watch: "1",
    allowWatchBookmarks: "true",
    timeoutSeconds: String(watchSeconds),
  });
  let over = false;
  const close = (): void => {
    over = true;
    stop();
  };
  const fail = (error: Error): void => {
    close();
    handlers.closed(error);
  };
  const line = (text: string): void => {
    if (over) return;
    let event: { readonly type: string; readonly object: unknown };
    try {
      event = JSON.parse(text) as typeof event;
    } catch (error) {
      return fail(unreachable("the watch", error));
    }
    if (event.type !== "ERROR") return handlers.event(event as WatchEvent<T>);
    fail(isFailure(event.object) ? new ApiError(event.object) : unreachable("the watch", text.slice(0, 200)));
  };
  const stop = transport.stream(collectionPath(resource, options.namespace) + query, {
    data: (chunk) => lines.push(chunk, line),
    end: (error) => {
      if (!over) {
        over = true;
        handlers.closed(error);
      }
    },
  });
  return { close };
}

function deleteBody(options: DeleteOptions): object {
  return {
    kind: "DeleteOptions",
    apiVersion: "v1",
    ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.propagationPolicy === undefined ? {} : { propagationPolicy: options.propagationPolicy }),
  };
}
