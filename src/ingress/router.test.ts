import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { request as httpsRequest } from "node:https";
import type { TLSSocket } from "node:tls";
import { describe, expect, test, vi } from "vitest";
import {
  ask,
  backend,
  cleanups,
  closedPort,
  collect,
  echoBackend,
  raw,
  seenBy,
  start,
} from "../../test/support/ingress-router.ts";
import type { Answer } from "../../test/support/ingress-router.ts";
import type { AnyObject, Ingress } from "../objects/index.ts";

describe("createIngressRouter() routes", () => {
  test("by host and path, in turn over the ready endpoints", async () => {
    const { port, route, service } = await start();
    const pods = await Promise.all(["a", "b", "c", "unready", "api"].map(echoBackend));
    const [a = 0, b = 0, c = 0, unready = 0, api = 0] = pods.map((pod) => pod.port);
    service("shop", [a, b, c], [unready]);
    service("api", [api]);
    route("shop.example.com", "/", "shop");
    route("shop.example.com", "/api", "api");
    const names: string[] = [];
    for (let i = 0; i < 9; i++) names.push(seenBy(await ask(port, { path: "/x" })).name);
    expect([...names].sort().join("")).toBe("aaabbbccc");
    expect(seenBy(await ask(port, { path: "/api/x?y=/z" }))).toMatchObject({ name: "api", url: "/api/x?y=/z" });
  });

  test("and tells the backend who asked", async () => {
    const { port, route, service } = await start();
    service("shop", [(await echoBackend("a")).port]);
    route("shop.example.com", "/", "shop");
    const answer = await ask(port, {
      host: "Shop.example.com:8080",
      headers: { "x-forwarded-for": "6.6.6.6", connection: "x-secret", "x-secret": "1" },
    });
    const { headers } = seenBy(answer);
    expect(headers).toMatchObject({
      host: "Shop.example.com:8080",
      "x-forwarded-for": "127.0.0.1",
      "x-original-forwarded-for": "6.6.6.6",
      "x-forwarded-host": "Shop.example.com:8080",
      "x-forwarded-proto": "http",
      "x-forwarded-port": String(port),
      "x-real-ip": "127.0.0.1",
    });
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f]{32}$/);
    expect(headers["x-secret"]).toBeUndefined();
    expect(answer.headers["server"]).toBe("sealane");
    expect(answer.headers["date"]).toBeDefined();
  });

  test.each(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s with and without a body", async (method) => {
    const { port, route, service } = await start();
    service("shop", [(await echoBackend("a")).port]);
    route("shop.example.com", "/", "shop");
    expect(seenBy(await ask(port, { method }))).toMatchObject({ method, body: "" });
    expect(seenBy(await ask(port, { method, body: "hello", headers: { "content-length": "5" } }))).toMatchObject({
      method,
      body: "hello",
    });
    expect(
      seenBy(await ask(port, { method, body: "hello", headers: { "transfer-encoding": "chunked" } })),
    ).toMatchObject({ body: "hello" });
  });

  test("answers without a body as they are", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((request, response) => {
      if (request.method === "HEAD") response.writeHead(200, { "content-length": "42", etag: "x" });
      else response.writeHead(request.url === "/304" ? 304 : 204, { etag: "x" });
      response.end();
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    expect(await ask(port, { agent, method: "HEAD" })).toMatchObject({
      status: 200,
      body: "",
      headers: { "content-length": "42", etag: "x" },
    });
    expect(await ask(port, { agent, path: "/304" })).toMatchObject({ status: 304, body: "" });
    expect(await ask(port, { agent, path: "/204" })).toMatchObject({ status: 204, body: "" });
  });

  test("an ExternalName Service to the name", async () => {
    const names: string[] = [];
    const { caches, port, route } = await start({
      lookup: (name, options, done) => {
        names.push(name);
        if (options.all === true) done(null, [{ address: "127.0.0.1", family: 4 }]);
        else done(null, "127.0.0.1", 4);
      },
    });
    const pod = await echoBackend("outside");
    caches.services.set({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "ext", namespace: "default" },
      spec: { type: "ExternalName", externalName: "db.example.com.", ports: [{ name: "http", port: pod.port }] },
    });
    route("shop.example.com", "/", "ext");
    expect(seenBy(await ask(port)).name).toBe("outside");
    expect(names).toEqual(["db.example.com"]);
  });
});

describe("createIngressRouter() refuses", () => {
  test("with the answers that users know", async () => {
    const { caches, port, route, router, service } = await start();
    service("empty", []);
    route("shop.example.com", "/", "empty");
    route("shop.example.com", "/gone", "gone");
    service("down", [await closedPort()]);
    route("shop.example.com", "/down", "down");
    expect(await ask(port, { host: "other.example.com" })).toMatchObject({
      status: 404,
      body: "default backend - 404\n",
    });
    expect(await ask(port)).toMatchObject({ status: 503 });
    expect(await ask(port, { path: "/gone" })).toMatchObject({ status: 503 });
    expect(await ask(port, { path: "/down" })).toMatchObject({ status: 502 });
    expect(await ask(port, { path: "/down", method: "POST", body: "x" })).toMatchObject({ status: 502 });
    expect(await ask(port, { path: "/../x" })).toMatchObject({ status: 400 });
    expect(await ask(port, { host: "a b" })).toMatchObject({ status: 400 });
    expect(router.stats()).toMatchObject({
      requests: 7,
      inFlight: 0,
      routes: 3,
      answers: { 400: 2, 404: 1, 502: 2, 503: 2 },
    });
    caches.ingresses.delete("default", "shop-example-com-");
    expect(await ask(port)).toMatchObject({ status: 404 });
  });

  test("a backend that is silent with 504", async () => {
    const { port, route, service } = await start({ limits: { responseTimeoutMs: 50 } });
    const { port: pod } = await backend(() => undefined);
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    expect(await ask(port)).toMatchObject({ status: 504 });
    expect(await ask(port, { method: "POST", body: "x" })).toMatchObject({ status: 504 });
  });

  const head = "GET / HTTP/1.1\r\nHost: shop.example.com\r\n";
  test.each([
    [
      "two framings",
      `POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "two framings, the other way round",
      `POST / HTTP/1.1\r\nHost: shop.example.com\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    ],
    ["two lengths", `${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello`],
    ["a length with a sign", `${head}Content-Length: +5\r\n\r\nhello`],
    ["a coding that is not chunked", `${head}Transfer-Encoding: gzip\r\nConnection: close\r\n\r\n`],
    [
      "two codings",
      `POST / HTTP/1.1\r\nHost: shop.example.com\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
    ],
    ["a space before the colon", `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ["a folded header", `${head}X-A: b\r\n c\r\nTransfer-Encoding:\r\n chunked\r\n\r\n`],
    ["two hosts", `${head}Host: other.example.com\r\nConnection: close\r\n\r\n`],
    ["no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"],
    ["an upgrade with a body", `${head}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc`],
  ])("%s with 400, and the backend sees nothing", async (_, bytes) => {
    const { port, route, service } = await start();
    const seen: string[] = [];
    const { port: pod } = await backend((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.end();
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    expect(await raw(port, bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(seen).toEqual([]);
  });

  test("headers beyond the limit with 431", async () => {
    const { port, route, service } = await start();
    service("shop", [(await echoBackend("a")).port]);
    route("shop.example.com", "/", "shop");
    expect(await ask(port, { headers: { "x-big": "x".repeat(12_000) } })).toMatchObject({ status: 200 });
    expect(await ask(port, { headers: { "x-big": "x".repeat(40_000) } })).toMatchObject({ status: 431 });
  });

  test("a client that is slow with its headers", async () => {
    const { port } = await start({ limits: { headersTimeoutMs: 100 } });
    expect(await raw(port, "GET / HTTP/1.1\r\nHost: a\r\n")).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe("createIngressRouter() changes", () => {
  test("routes and endpoints under load without losing a request", async () => {
    const { caches, port, route, service } = await start();
    const slow = (name: string) =>
      backend((request, response) => {
        request.resume();
        setTimeout(() => response.end(name), 3);
      });
    const pods = await Promise.all(["a", "b", "c", "d"].map(slow));
    const [a = 0, b = 0, c = 0, d = 0] = pods.map((pod) => pod.port);
    service("shop", [a, b]);
    service("other", [d]);
    route("shop.example.com", "/", "shop");
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    cleanups.push(() => agent.destroy());
    const statuses = new Map<number, number>();
    let left = 300;
    const client = async () => {
      while (left-- > 0) {
        const { status } = await ask(port, { agent, ...(left % 3 === 0 ? { method: "POST", body: "x" } : {}) });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (left % 10 === 0) service("shop", [[a, b], [b, c], [c], [a, b, c]][(left / 10) % 4] ?? [a]);
        if (left % 15 === 0) route("shop.example.com", "/", left % 2 === 0 ? "other" : "shop");
        if (left % 50 === 0)
          caches.ingresses.set({
            ...(caches.ingresses.list()[0] as Ingress),
            metadata: { name: `copy-${left}`, namespace: "default" },
          });
      }
    };
    await Promise.all(Array.from({ length: 8 }, client));
    expect(Object.fromEntries(statuses)).toEqual({ 200: 300 });
  });

  test("pods in a rolling restart without losing a request", async () => {
    const { port, route, service } = await start();
    const startPod = async (name: string) => ({ name, ...(await backend((_, response) => response.end(name))) });
    let pods = await Promise.all(["p0", "p1", "p2"].map(startPod));
    const publish = () =>
      service(
        "shop",
        pods.map((pod) => pod.port),
      );
    publish();
    route("shop.example.com", "/", "shop");
    const load = { done: false };
    const statuses = new Set<number>();
    const clients = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!load.done) statuses.add((await ask(port)).status);
      }),
    );
    for (let i = 3; i < 9; i++) {
      const fresh = await startPod(`p${i}`);
      const [oldest, ...rest] = pods;
      pods = [...rest, fresh];
      // The worst order: the pod dies first, and the slice says so later.
      const closed = new Promise((resolve) => oldest?.server.close(resolve));
      oldest?.server.closeIdleConnections();
      await closed;
      publish();
      await ask(port);
    }
    load.done = true;
    await clients;
    expect([...statuses]).toEqual([200]);
  });

  test("stops after the requests under way have ended", async () => {
    const { port, route, router, service } = await start();
    let release: () => void = () => undefined;
    const { port: pod } = await backend((_, response) => {
      release = () => response.end("done");
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const agent = new Agent({ keepAlive: true });
    cleanups.push(() => agent.destroy());
    const underWay = ask(port, { agent });
    await vi.waitFor(() => expect(router.stats().inFlight).toBe(1));
    const stopped = router.stop(10_000);
    await expect.poll(() => ask(port).catch(() => "refused")).toBe("refused");
    release();
    expect(await underWay).toMatchObject({ status: 200, body: "done", headers: { connection: "close" } });
    await stopped;
  });

  test("cuts what does not end in time", async () => {
    const { port, route, router, service } = await start();
    const { port: pod } = await backend(() => undefined);
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const underWay = ask(port);
    underWay.catch(() => undefined);
    await vi.waitFor(() => expect(router.stats().inFlight).toBe(1));
    await router.stop(20);
    await expect(underWay).rejects.toThrow("socket hang up");
  });
});

describe("createIngressRouter() listens", () => {
  test("within open(), before it returns", async () => {
    const { router } = await start();
    const order: string[] = [];
    const ports = await router.listen({
      httpPort: 0,
      open: (listen) => {
        order.push("enter");
        listen();
        order.push("leave");
      },
    });
    expect(order).toEqual(["enter", "leave"]);
    expect(ports.http).toBeGreaterThan(0);
  });

  test("or says why it cannot", async () => {
    const { port, router } = await start();
    await expect(router.listen({ httpPort: port })).rejects.toThrow(
      `The ingress router cannot listen on port ${port}: listen EADDRINUSE`,
    );
  });

  test("with TLS by server name", async () => {
    const file = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url));
    const { caches, ports, route, service } = await start({}, 0);
    service("shop", [(await echoBackend("a")).port]);
    route("shop.example.com", "/", "shop", {
      tls: [
        { hosts: ["shop.example.com"], secretName: "shop-tls" },
        { hosts: ["bad.example.com"], secretName: "bad-tls" },
      ],
    });
    const secret = (name: string, data: Record<string, string>): AnyObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: "default" },
      type: "kubernetes.io/tls",
      data,
    });
    caches.secrets.set(
      secret("shop-tls", {
        "tls.crt": file("shop.crt").toString("base64"),
        "tls.key": file("shop.key").toString("base64"),
      }),
    );
    caches.secrets.set(secret("bad-tls", { "tls.crt": "bm9uc2Vuc2U=" }));
    const get = (servername: string) =>
      new Promise<Answer & { readonly peer: string }>((resolve, reject) => {
        const request = httpsRequest(
          { port: ports.https, servername, ca: file("shop.crt"), headers: { host: servername }, agent: false },
          (response) => {
            const peer = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
            collect(response).then(
              (body) =>
                resolve({
                  status: response.statusCode ?? 0,
                  headers: response.headers,
                  trailers: {},
                  body,
                  peer: String(peer),
                }),
              reject,
            );
          },
        );
        request.on("error", reject);
        request.end();
      });
    const answer = await get("shop.example.com");
    expect(answer.peer).toBe("shop.example.com");
    expect(seenBy(answer).headers["x-forwarded-proto"]).toBe("https");
    // A bad Secret, or none, is the trouble of its own hosts only.
    await expect(get("bad.example.com")).rejects.toThrow(/TLS|ECONNRESET|hang up/);
    await expect(get("other.example.com")).rejects.toThrow(/TLS|ECONNRESET|hang up/);
    expect((await get("shop.example.com")).status).toBe(200);
  });
});
