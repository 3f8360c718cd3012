import { Agent, get } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { enterOwnNamespaces, until } from "../../../test/lab/own-namespaces.ts";
import { ip, silentLogger } from "../../core/index.ts";
import { systemClock } from "../../net/index.ts";
import { dialFrom } from "../dial.ts";
import { StandInHttp } from "./http.ts";
import { StandIn } from "./stand-in.ts";
import type { StandInPort } from "./stand-in.ts";

// The test's own namespace plays the pod and the node.
const here = "/proc/thread-self/ns/net";
const port: StandInPort = { port: 8080, protocol: "TCP", place: "pod", container: "web", image: "nginx" };
const problems: (string | undefined)[] = [];
const http = new StandInHttp(systemClock);
const make = () =>
  new StandIn({
    identity: { pod: "web-0", namespace: "shop" },
    namespaces: { pod: here, node: here },
    http,
    clock: systemClock,
    log: silentLogger,
    onPortProblem: (_port, problem) => problems.push(problem),
  });
let standIn: StandIn;

beforeAll(() => {
  enterOwnNamespaces();
  standIn = make();
  standIn.setPorts([port]);
});
afterAll(() => standIn.stop());

const dial = () => dialFrom(here, ip("127.0.0.1"), 8080);
const say = (bytes: string) => {
  const socket = dial();
  socket.end(bytes);
  return text(socket);
};
const url = (path: string) => `http://127.0.0.1:8080${path}`;

describe("StandIn", () => {
  it("keeps a connection open for more requests", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<number>((resolve, reject) => {
        get(url("/"), { agent }, (response) => {
          const { localPort = 0 } = response.socket;
          response.resume().on("end", () => resolve(localPort));
        }).on("error", reject);
      });
    expect(await ask()).toBe(await ask());
    agent.destroy();
  });

  it("answers HEAD, POST with a body, and HTTP/1.0", async () => {
    expect(await say("HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1.1 200 OK[^]*\r\n\r\n$/,
    );
    expect(await say("POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi")).toContain(
      "request: POST /a",
    );
    expect(await say("GET / HTTP/1.0\r\n\r\n")).toContain("pod: web-0");
  });

  it("answers in text who speaks no HTTP", async () => {
    expect(await say("\u0000\u0001 select 1;\r\n")).toContain("pod: web-0\nnamespace: shop\nport: 8080/TCP");
  });

  it("echoes WebSocket messages and says who it is in the handshake", async () => {
    const socket = new WebSocket("ws://127.0.0.1:8080/chat");
    const name = new Promise((resolve) => {
      socket.on("upgrade", (response) => resolve(response.headers["x-sealane-stand-in"]));
    });
    const echo = new Promise<string>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data: Buffer) => resolve(data.toString()));
      socket.on("open", () => socket.send("hello"));
    });
    expect([await name, await echo]).toEqual(["web-0", "hello"]);
    socket.terminate();
  });

  it("answers as usual when another upgrade is offered", async () => {
    const answer = await say("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 200 OK[^]*pod: web-0/);
  });

  it("answers late when told to be slow, but not to control requests", async () => {
    standIn.setState({ ready: true, slowMs: 120, dead: false });
    const from = performance.now();
    expect(await (await fetch(url("/"))).text()).toContain("pod: web-0");
    expect(performance.now() - from).toBeGreaterThan(115);
    expect(await (await fetch(url("/_sealane/reset"), { method: "POST" })).json()).toMatchObject({ slowMs: 0 });
    await until("reset", () => standIn.state.slowMs === 0 || undefined);
  });

  it("refuses unknown control requests with what there is", async () => {
    const response = await fetch(url("/_sealane/explode"), { method: "POST" });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("there is ready, unready")]);
  });

  it("dies for a while when told so", async () => {
    expect((await fetch(url("/_sealane/dead?ms=200"), { method: "POST" })).status).toBe(200);
    await until("refusal", () =>
      fetch(url("/")).then(
        () => undefined,
        () => true,
      ),
    );
    await until("an answer", () => fetch(url("/")));
  });

  it("reports a port that is taken, and opens it when it is free", async () => {
    const other = make();
    other.setPorts([port]);
    await until("a problem", () => problems.find((problem) => problem?.includes("EADDRINUSE")));
    standIn.setPorts([]);
    await until("success", () => problems.at(-1) === undefined || undefined);
    other.stop();
    standIn.setPorts([port]);
  });

  it("finishes running requests, asks clients to leave, and closes", async () => {
    standIn.setState({ ready: true, slowMs: 100, dead: false });
    const last = fetch(url("/last"));
    await until("the request", () => http.active > 0 || undefined);
    let idle = false;
    standIn.finish(() => {
      idle = true;
    });
    await expect(fetch(url("/new"))).rejects.toThrow("fetch failed");
    expect(idle).toBe(false);
    const response = await last;
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.text()).toContain("request: GET /last");
    await until("idle", () => idle || undefined);
  });
});
