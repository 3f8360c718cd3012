import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApiServer, createIdentity, adminKubeconfig } from "../apiserver/index.ts";
import { systemClock } from "../net/index.ts";
import { isConflict, isGone, isNotFound, resources } from "../objects/index.ts";
import type { ConfigMap, WatchEvent } from "../objects/index.ts";
import { createCache } from "./cache.ts";
import { connectCluster } from "./connect-cluster.ts";
import type { ClusterConnection } from "./connect-cluster.ts";
import { eventually } from "../../test/cluster/running-cluster.ts";

let folder = "";
const cleanUps: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "client-"));
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await rm(folder, { recursive: true });
});

const map = (name: string, data: Record<string, string> = {}, resourceVersion?: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ...(resourceVersion === undefined ? {} : { resourceVersion, uid: name }) },
  data,
});

/** A server that answers as the test says, at the level of bytes. */
async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<ClusterConnection> {
  const socketPath = join(folder, "api.sock");
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const api = await connectCluster({ socketPath });
  cleanUps.push(() => {
    api.close();
    server.closeAllConnections();
    server.close();
  });
  return api;
}

async function realServer(): Promise<ClusterConnection> {
  const server = await createApiServer();
  const socketPath = join(folder, "api.sock");
  await server.listenUnix(socketPath);
  const api = await connectCluster({ socketPath });
  cleanUps.push(async () => {
    api.close();
    await server.close();
  });
  return api;
}

describe("connectCluster()", () => {
  it("does every kind of request against the API server", async () => {
    const api = await realServer();
    const created = await api.create(resources.configMaps, map("a", { x: "1" }));
    expect(created.metadata.uid).toBeDefined();
    const updated = await api.update(resources.configMaps, { ...created, data: { x: "2" } });
    await expect(api.update(resources.configMaps, created)).rejects.toSatisfy(isConflict);
    const body = { data: { y: "3" } };
    const patched = await api.patch(resources.configMaps, "default", "a", { type: "merge", body });
    expect(patched.data).toEqual({ x: "2", y: "3" });
    const list = await api.list(resources.configMaps, { namespace: "default" });
    expect(list.items.find(({ metadata }) => metadata.name === "a")).toMatchObject({
      kind: "ConfigMap",
      apiVersion: "v1",
    });
    const events: WatchEvent<ConfigMap>[] = [];
    const watch = api.watch(
      resources.configMaps,
      { namespace: "default", resourceVersion: updated.metadata.resourceVersion ?? "" },
      { event: (event) => events.push(event), closed: () => undefined },
    );
    await api.delete(resources.configMaps, "default", "a");
    await eventually(() => expect(events.map(({ type }) => type).slice(0, 2)).toEqual(["MODIFIED", "DELETED"]));
    watch.close();
    await expect(api.get(resources.configMaps, "default", "a")).rejects.toSatisfy(isNotFound);
  });

  it.each([
    ["whole objects", undefined],
    ["some of their fields", { metadata: { namespace: true, name: true, resourceVersion: true }, data: { n: true } }],
  ] as const)("gives a cache all of a list of many pages that changes meanwhile: %s", async (_, fields) => {
    const api = await realServer();
    const count = 1203;
    for (let i = 0; i < count; i++) await api.create(resources.configMaps, map(`m-${i}`, { n: `${i}`, other: "x" }));
    const asked: (string | undefined)[] = [];
    const changing: typeof api = {
      ...api,
      list: async (resource, options) => {
        asked.push(options?.continue);
        // Before the pages in which they are, and after them.
        const name = `m-${asked.length * 100}`;
        if (options?.continue !== undefined) await api.update(resources.configMaps, map(name, { n: "new" }));
        return api.list(resource, options);
      },
    };
    const cache = createCache(changing, resources.configMaps, {
      clock: systemClock,
      listOptions: { namespace: "default" },
      ...(fields === undefined ? {} : { fields }),
    });
    cleanUps.push(() => cache.stop());
    await cache.whenSynced();
    expect(asked.length).toBe(Math.ceil((count + 1) / (fields === undefined ? 250 : 500)));
    expect(new Set(asked).size).toBe(asked.length);
    const mine = () => cache.list().filter(({ metadata }) => metadata.name.startsWith("m-"));
    expect(new Set(mine().map(({ metadata }) => metadata.name)).size).toBe(count);
    expect(mine().every(({ data }) => (data?.["other"] === "x") === (fields === undefined))).toBe(true);
    const present = await api.list(resources.configMaps, { namespace: "default" });
    const numbers = (list: readonly ConfigMap[]) =>
      new Map(list.map(({ metadata, data }) => [metadata.name, data?.["n"]]));
    await eventually(() => expect(numbers(cache.list())).toEqual(numbers(present.items)));
  });

  it("says where the next page is before it parses a page", async () => {
    const api = await serve((request, response) => {
      const rest = request.url?.includes("continue=") === true ? "" : `"continue":"next/=","remainingItemCount":1,`;
      response.end(`{"kind":"ConfigMapList","apiVersion":"v1","metadata":{${rest}"resourceVersion":"7"},"items":[]}\n`);
    });
    const told: string[] = [];
    const whenMore = (token: string) => told.push(token);
    const first = await api.list(resources.configMaps, { limit: 1, whenMore });
    expect(told).toEqual(["next/="]);
    expect(first.continue).toBe("next/=");
    await api.list(resources.configMaps, { limit: 1, continue: "next/=", whenMore });
    expect(told).toEqual(["next/="]);
  });

  it("uses a kubeconfig with a certificate authority and a token", async () => {
    const server = await createApiServer();
    const identity = createIdentity(Date.now());
    const { host, port } = await server.listenTls({ kind: "tcp", host: "127.0.0.1", port: 0 }, identity, "secret");
    const kubeconfig = (caPem: string, token: string): object =>
      JSON.parse(adminKubeconfig({ server: `https://${host}:${port}`, caPem, token })) as object;
    const connect = async (config: object): Promise<ClusterConnection> => {
      const api = await connectCluster({ kubeconfig: config });
      cleanUps.push(() => api.close());
      return api;
    };
    cleanUps.push(() => server.close());
    const api = await connect(kubeconfig(identity.caPem, "secret"));
    expect((await api.get(resources.namespaces, undefined, "default")).kind).toBe("Namespace");
    const wrongToken = await connect(kubeconfig(identity.caPem, "guess"));
    await expect(wrongToken.list(resources.pods)).rejects.toMatchObject({ code: "Unauthorized" });
    const otherCa = await connect(kubeconfig(createIdentity(Date.now()).caPem, "secret"));
    await expect(otherCa.list(resources.pods)).rejects.toMatchObject({ code: "Unreachable" });
  });

  it("goes on with the new token of a file when the server refuses the old one", async () => {
    let valid = "old";
    const server = createServer((request, response) => {
      if (request.headers.authorization === `Bearer ${valid}`) response.end('{"metadata":{"resourceVersion":"1"}}');
      else response.writeHead(401).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanUps.push(() => server.close());
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "old\n");
    const { port } = server.address() as AddressInfo;
    const api = await connectCluster({
      kubeconfig: {
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "c", user: "c" } }],
        clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
        users: [{ name: "c", user: { tokenFile, token: "older" } }],
      },
    });
    cleanUps.push(() => api.close());
    expect((await api.list(resources.pods)).resourceVersion).toBe("1");
    valid = "new";
    await writeFile(tokenFile, "new\n");
    await expect(api.list(resources.pods)).rejects.toMatchObject({ status: { code: 401 } });
    expect((await api.list(resources.pods)).resourceVersion).toBe("1");
    valid = "newest";
    await writeFile(tokenFile, "newest\n");
    const refusedWatch = await new Promise((resolve) => {
      api.watch(resources.pods, { resourceVersion: "1" }, { event: () => undefined, closed: resolve });
    });
    expect(refusedWatch).toMatchObject({ status: { code: 401 } });
    expect((await api.list(resources.pods)).resourceVersion).toBe("1");
  });

  it("says that a server is unreachable, by its name", async () => {
    const api = await connectCluster({ socketPath: join(folder, "none.sock") });
    await expect(api.list(resources.pods)).rejects.toMatchObject({
      code: "Unreachable",
      message: expect.stringContaining("none.sock"),
    });
    const closed = await new Promise((resolve) => {
      api.watch(resources.pods, { resourceVersion: "1" }, { event: () => undefined, closed: resolve });
    });
    expect(closed).toMatchObject({ code: "Unreachable" });
  });

  it("turns an ERROR event and an answer with code 410 into Gone", async () => {
    const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", reason: "Expired", code: 410 };
    const api = await serve((request, response) => {
      if (request.url?.includes("resourceVersion=1") === true) {
        response.writeHead(410).end(JSON.stringify(status));
      } else response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
    });
    for (const resourceVersion of ["1", "2"]) {
      const error = await new Promise((resolve) => {
        api.watch(resources.pods, { resourceVersion }, { event: () => undefined, closed: resolve });
      });
      expect(error).toSatisfy(isGone);
    }
  });

  it("stops events at once when a watch is closed", async () => {
    const api = await serve((_request, response) => {
      const lines = [1, 2, 3].map((n) => JSON.stringify({ type: "ADDED", object: map(`m${n}`, {}, String(n)) }));
      response.write(`${lines.join("\n")}\n`);
    });
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const watch = api.watch(
        resources.configMaps,
        {},
        {
          event: ({ object }) => {
            seen.push(object.metadata.name);
            watch.close();
            resolve();
          },
          closed: () => seen.push("closed"),
        },
      );
    });
    expect(seen).toEqual(["m1"]);
  });
});

describe("createCache() over HTTP", () => {
  it("lists, follows a watch cut anywhere, goes on after a disconnect and lists again after 410", async () => {
    const requests: string[] = [];
    let lists = 0;
    const api = await serve((request, response) => {
      const query = new URL(request.url ?? "", "http://x").searchParams;
      if (query.get("watch") === null) {
        lists++;
        requests.push("list");
        const items =
          lists === 1
            ? [map("kept", {}, "1"), map("changed", {}, "2"), map("gone", {}, "3")]
            : [map("kept", { ü: "€😀" }, "11"), map("changed", { now: "new" }, "20"), map("added", {}, "21")];
        const metadata = { resourceVersion: lists === 1 ? "10" : "30" };
        response.end(JSON.stringify({ kind: "ConfigMapList", apiVersion: "v1", metadata, items }));
        return;
      }
      const version = query.get("resourceVersion");
      requests.push(`watch ${version}`);
      response.flushHeaders();
      if (version === "10") {
        // One event cut into single bytes, with characters of several bytes; then the connection breaks.
        const bytes = Buffer.from(`${JSON.stringify({ type: "MODIFIED", object: map("kept", { ü: "€😀" }, "11") })}\n`);
        for (const byte of bytes) response.write(Buffer.from([byte]));
        setImmediate(() => setImmediate(() => response.destroy()));
      } else if (version === "11") {
        const object = { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: "15" } };
        response.end(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
      } else if (version === "15") {
        const object = { kind: "Status", status: "Failure", reason: "Expired", code: 410, metadata: {} };
        response.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
      }
    });
    const cache = createCache(api, resources.configMaps, { clock: systemClock });
    cleanUps.push(() => cache.stop());
    const changes: string[] = [];
    cache.subscribe((now, before) => {
      const sign = before === undefined ? "+" : now === undefined ? "-" : "~";
      changes.push(`${sign}${(now ?? before)?.metadata.name}@${now?.metadata.resourceVersion ?? ""}`);
    });
    await cache.whenSynced();
    await eventually(() => expect(requests.at(-1)).toBe("watch 30"));
    expect(requests).toEqual(["list", "watch 10", "watch 11", "watch 15", "list", "watch 30"]);
    expect(changes).toEqual(["+kept@1", "+changed@2", "+gone@3", "~kept@11", "-gone@", "~changed@20", "+added@21"]);
    expect(
      cache
        .list("default")
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(["added", "changed", "kept"]);
  });
});
