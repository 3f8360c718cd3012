import { randomUUID } from "node:crypto";
import { cidr, silentLogger } from "../core/index.ts";
import type { Cidr, Clock, Logger, Random } from "../core/index.ts";
import type { ClusterApi } from "../objects/index.ts";
import { listenHttp, systemClock } from "../net/index.ts";
import type { HttpListener, ListenTarget, TlsIdentity } from "../net/index.ts";
import { memoryPersistence, ObjectStore } from "../store/index.ts";
import type { Persistence } from "../store/index.ts";
import { bootstrap } from "./bootstrap.ts";
import type { ApiEndpoint } from "./bootstrap.ts";
import { inProcessApi } from "./cluster-api.ts";
import { requestHandler } from "./http/handler.ts";
import { Pipeline } from "./pipeline/pipeline.ts";
import { indexServices } from "./services/pools.ts";
import type { PortRange } from "./services/pools.ts";

/** How an API server is set up. Everything may be left out. */
export interface ApiServerOptions {
  /** Where objects survive a restart; in memory when absent. See `openLmdb`. */
  readonly persistence?: Persistence;
  /** Networks of Service addresses, one for each family, the primary one first. 10.96.0.0/16 when absent. */
  readonly serviceCidrs?: readonly Cidr[];
  /** 30000-32767 when absent. */
  readonly nodePorts?: PortRange;
  /** What stands behind the Service `kubernetes` in `default`. */
  readonly endpoint?: ApiEndpoint;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** How many changes each table remembers for watches. */
  readonly historyLimit?: number;
}

/** A running API server. It listens nowhere until told to. */
export interface ApiServer {
  /** The API for this process. */
  readonly api: ClusterApi;
  /** Serves HTTPS; every request needs the token. The address is that of the listening socket. */
  listenTls(
    target: Exclude<ListenTarget, { kind: "unix" }>,
    identity: TlsIdentity,
    token: string,
  ): Promise<{ readonly host: string; readonly port: number }>;
  /** Serves HTTP on a unix socket of mode 0600; whoever may open it is trusted. */
  listenUnix(path: string): Promise<void>;
  /** Stops listening, ends all watches, and waits until every write is durable. */
  close(): Promise<void>;
}

const defaultServiceCidr = cidr("10.96.0.0/16");
const defaultNodePorts: PortRange = { first: 30000, last: 32767 };

/** Starts an API server with the objects that every cluster has. */
export async function createApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { logger = silentLogger, historyLimit } = options;
  const store = await ObjectStore.open({
    persistence: options.persistence ?? memoryPersistence,
    ...(historyLimit === undefined ? {} : { historyLimit }),
  });
  indexServices(store);
  const pipeline = new Pipeline({
    store,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    uid: randomUUID,
    nodePorts: options.nodePorts ?? defaultNodePorts,
  });
  bootstrap(pipeline, {
    serviceCidrs: options.serviceCidrs ?? [defaultServiceCidr],
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  });
  await pipeline.durable();
  const listeners: HttpListener[] = [];
  return {
    api: inProcessApi(pipeline),
    listenTls: async (target, identity, token) => {
      const listener = await listenHttp(target, requestHandler(pipeline, logger, token), identity);
      listeners.push(listener);
      if (listener.address === undefined) throw new TypeError("The listening socket has no TCP address");
      return listener.address;
    },
    listenUnix: async (path) => {
      listeners.push(await listenHttp({ kind: "unix", path }, requestHandler(pipeline, logger, undefined)));
    },
    close: async () => {
      await Promise.all(listeners.map((listener) => listener.close()));
      await store.close();
    },
  };
}
