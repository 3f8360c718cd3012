import { request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import {
  ask,
  backend,
  closedPort,
  collect,
  echoBackend,
  raw,
  seenBy,
  start,
  textOf,
} from "../../test/support/ingress-router.ts";

describe("createIngressRouter() streams", () => {
  test("answers as they come, headers first", async () => {
    const { port, route, service } = await start();
    let push: ServerResponse | undefined;
    const { port: pod } = await backend((_, response) => {
      push = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const response = await new Promise<IncomingMessage>((resolve) => {
      httpRequest({ port, headers: { host: "shop.example.com" }, agent: false }, resolve).end();
    });
    const chunks = response[Symbol.asyncIterator]();
    for (const text of ["one", "two"]) {
      push?.write(text);
      expect(String((await chunks.next()).value)).toBe(text);
    }
    push?.end();
    expect((await chunks.next()).done).toBe(true);
  });

  test("requests as they come", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((request, response) => request.pipe(response));
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const request = httpRequest({ port, method: "POST", headers: { host: "shop.example.com" }, agent: false });
    const response = new Promise<IncomingMessage>((resolve) => request.on("response", resolve));
    request.write("one");
    const chunks = (await response)[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe("one");
    request.write("two");
    expect(String((await chunks.next()).value)).toBe("two");
    request.end();
    expect((await chunks.next()).done).toBe(true);
  });

  test("no faster than the client reads", async () => {
    const { port, route, service } = await start();
    let written = 0;
    const { port: pod } = await backend((_, response) => {
      const block = Buffer.alloc(64 * 1024);
      const more = () => {
        while (written < 64 * 1024 * 1024) {
          written += block.length;
          if (!response.write(block)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const response = await new Promise<IncomingMessage>((resolve) => {
      httpRequest({ port, headers: { host: "shop.example.com" }, agent: false }, resolve).end();
    });
    // Nobody reads: what is under way fills the buffers of the kernel and of node, and no more.
    let before = -1;
    await vi.waitFor(
      () => {
        const still = before === written;
        before = written;
        expect(still).toBe(true);
      },
      { interval: 100, timeout: 5_000 },
    );
    expect(written).toBeLessThan(40 * 1024 * 1024);
    let read = 0;
    for await (const chunk of response) read += (chunk as Uint8Array).length;
    expect(read).toBe(64 * 1024 * 1024);
  });

  test("for as long as there are pauses, and closes only what is idle between requests", async () => {
    const { port, route, service } = await start({ limits: { backendIdleMs: 20 } });
    let closed = 0;
    const { port: pod, server } = await backend((_, response) => {
      response.write("one ");
      setTimeout(() => response.end("two"), 150);
    });
    server.on("connection", (socket) => socket.once("close", () => closed++));
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    expect(await ask(port)).toMatchObject({ status: 200, body: "one two" });
    await vi.waitFor(() => expect(closed).toBe(1));
  });

  test("trailers both ways", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((request, response) => {
      request.resume().on("end", () => {
        response.writeHead(200, { trailer: "x-sum" });
        response.write("body");
        response.addTrailers({ "x-sum": String(request.trailers["x-sum"]) });
        response.end();
      });
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const request = httpRequest({
      port,
      method: "POST",
      headers: { host: "shop.example.com", trailer: "x-sum", "transfer-encoding": "chunked" },
      agent: false,
    });
    const answered = new Promise<IncomingMessage>((resolve) => request.on("response", resolve));
    request.write("body");
    request.addTrailers({ "x-sum": "7" });
    request.end();
    const response = await answered;
    expect(await collect(response)).toBe("body");
    expect(response.trailers).toEqual({ "x-sum": "7" });
  });

  test("100 Continue once a backend is there, and not for a refusal", async () => {
    const { port, route, service } = await start();
    service("shop", [await closedPort(), (await echoBackend("a")).port]);
    route("shop.example.com", "/", "shop");
    const post = (host: string) =>
      new Promise<{ continued: boolean; answer: string }>((resolve, reject) => {
        let continued = false;
        const request = httpRequest({
          port,
          method: "POST",
          headers: { host, expect: "100-continue", "content-length": "5" },
          agent: false,
        });
        request.on("continue", () => {
          continued = true;
          request.end("hello");
        });
        request.on("response", (response) => {
          collect(response).then((text) => resolve({ continued, answer: `${response.statusCode} ${text}` }), reject);
        });
        request.on("error", reject);
        request.flushHeaders();
      });
    expect(await post("shop.example.com")).toMatchObject({
      continued: true,
      answer: expect.stringContaining('"body":"hello"'),
    });
    expect(await post("other.example.com")).toEqual({ continued: false, answer: "404 default backend - 404\n" });
  });

  test("the end of a client to the backend", async () => {
    const { port, route, router, service } = await start();
    let closed = 0;
    const { port: pod } = await backend((request, response) => {
      response.once("close", () => closed++);
      request.resume();
      if (request.url === "/begun") response.write("x");
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    for (const path of ["/begun", "/silent"]) {
      const request = httpRequest({ port, path, method: "POST", headers: { host: "shop.example.com" }, agent: false });
      request.on("error", () => undefined);
      request.write("x");
      if (path === "/begun") await new Promise((resolve) => request.on("response", resolve));
      else await vi.waitFor(() => expect(router.stats().inFlight).toBe(1));
      request.destroy();
      await vi.waitFor(() => expect(closed).toBe(path === "/begun" ? 1 : 2));
    }
    await vi.waitFor(() => expect(router.stats().inFlight).toBe(0));
  });

  test("the end of a backend to the client, which must not take a part for the whole", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((_, response) => {
      response.write("part", () => response.socket?.destroy());
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    await expect(ask(port)).rejects.toThrow("aborted");
  });

  test("to clients of HTTP/1.0, by ending the connection", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((_, response) => {
      response.write("one ");
      response.end("two");
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const seen = await raw(port, "GET / HTTP/1.0\r\nHost: shop.example.com\r\n\r\n");
    expect(seen).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\none two$/);
    expect(seen.toLowerCase()).not.toContain("transfer-encoding");
    expect(await raw(port, "GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 404 /);
  });

  test("pipelined requests, answered in order", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((request, response) => {
      // The first one takes longer than the second.
      if (request.url === "/1") setTimeout(() => response.end("first"), 30);
      else response.end("second");
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: shop.example.com\r\n${more}\r\n`;
    expect(await raw(port, get("/1") + get("/2", "Connection: close\r\n"))).toMatch(/first[^]*second/);
  });

  test("an answer that comes before the request has ended, and serves the next request", async () => {
    const { port, route, router, service } = await start();
    const { port: pod } = await backend((request, response) => {
      response.writeHead(request.method === "POST" ? 413 : 200, { connection: "close" }).end(request.method);
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const block = "x".repeat(64 * 1024);
    const blocks = Array.from({ length: 40 }, () => block);
    const answers: string[] = [];
    const socket = connect(port, "127.0.0.1");
    const ended = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => undefined);
    socket.on("data", (data) => answers.push(data.toString("latin1")));
    const write = (text: string) => new Promise<void>((resolve) => socket.write(text, "latin1", () => resolve()));
    await write(`POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: ${block.length * blocks.length}\r\n\r\n`);
    await vi.waitFor(() => expect(answers.join("")).toContain("413"));
    for (const each of blocks) await write(each);
    await write("GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n");
    await ended;
    expect(answers.join("")).toMatch(/413[^]*POST[^]*200[^]*GET/);
    expect(router.stats().inFlight).toBe(0);
  });
});

describe("createIngressRouter() tries again", () => {
  test.each([
    ["GET", undefined],
    ["POST", undefined],
    ["POST", "hello"],
  ])("%s with body %j when an endpoint refuses", async (method, body) => {
    const { port, route, router, service } = await start();
    service("shop", [await closedPort(), await closedPort(), (await echoBackend("a")).port].sort());
    route("shop.example.com", "/", "shop");
    for (let i = 0; i < 6; i++) {
      const answer = await ask(port, { method, ...(body === undefined ? {} : { body }) });
      expect(seenBy(answer)).toMatchObject({ name: "a", body: body ?? "" });
    }
    // An endpoint that refused is asked last for a while.
    expect(router.stats().retries).toBeLessThanOrEqual(2);
  });

  test("what is safe to repeat when a kept connection turns out closed", async () => {
    const { port, route, router, service } = await start();
    const served = new WeakSet<object>();
    const { port: pod } = await backend((request, response) => {
      // The second request on a connection finds it closed, as after a server's idle timeout.
      if (served.has(request.socket)) return void request.socket.destroy();
      served.add(request.socket);
      response.end(request.method);
    });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    for (let i = 0; i < 4; i++) expect(await ask(port)).toMatchObject({ status: 200, body: "GET" });
    expect(router.stats().retries).toBeGreaterThan(0);
    expect(await ask(port, { method: "POST", body: "x" })).toMatchObject({ status: 502 });
  });
});

describe("createIngressRouter() tunnels", () => {
  async function chat(port: number, path: string): Promise<string[]> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { host: "shop.example.com" } });
    const got: string[] = [];
    return new Promise((resolve, reject) => {
      socket.on("open", () => socket.send("hello"));
      socket.on("message", (data) => {
        got.push(textOf(data));
        if (got.length === 2) socket.close();
      });
      socket.on("close", () => resolve(got));
      socket.on("error", reject);
    });
  }

  test("WebSockets both ways, over an endpoint that answers", async () => {
    const { port, route, router, service } = await start();
    const { port: pod, server } = await backend((_, response) => response.writeHead(426).end("upgrade, please"));
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket, request) => {
      socket.send(`welcome ${String(request.headers["x-forwarded-for"])} ${request.url}`);
      socket.on("message", (data) => socket.send(`echo ${textOf(data)}`));
    });
    service("shop", [await closedPort(), pod].sort());
    route("shop.example.com", "/", "shop");
    for (let i = 0; i < 3; i++)
      expect(await chat(port, "/chat?x")).toEqual(["welcome 127.0.0.1 /chat?x", "echo hello"]);
    await vi.waitFor(() => expect(router.stats().tunnels).toBe(0));
    sockets.close();
  });

  test("and hears backends that do not agree", async () => {
    const { port, route, service } = await start();
    const { port: pod } = await backend((_, response) =>
      response.writeHead(426, { "x-why": "no" }).end("no sockets here"),
    );
    service("shop", [pod]);
    service("down", [await closedPort()]);
    route("shop.example.com", "/", "shop");
    route("shop.example.com", "/down", "down");
    await expect(chat(port, "/")).rejects.toThrow("426");
    await expect(chat(port, "/down")).rejects.toThrow("502");
    const upgrade = (host: string, protocol: string) =>
      raw(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
    expect(await upgrade("shop.example.com", "websocket")).toMatch(
      /^HTTP\/1\.1 426 Upgrade Required\r\nx-why: no[^]*no sockets here/,
    );
    expect(await upgrade("other.example.com", "websocket")).toMatch(
      /^HTTP\/1\.1 404 Not Found\r\n[^]*default backend - 404/,
    );
    // A client that would like HTTP/2 gets an ordinary answer.
    expect(await upgrade("shop.example.com", "h2c")).toMatch(/^HTTP\/1\.1 426 /);
  });

  test("until the router is stopped", async () => {
    const { port, route, router, service } = await start();
    const { port: pod, server } = await backend(() => undefined);
    const sockets = new WebSocketServer({ server });
    service("shop", [pod]);
    route("shop.example.com", "/", "shop");
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host: "shop.example.com" } });
    await new Promise((resolve) => socket.on("open", resolve));
    // Routes and endpoints may go: what is open stays open.
    service("shop", []);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    expect(router.stats().tunnels).toBe(1);
    await router.stop(20);
    await closed;
    sockets.close();
  });
});
