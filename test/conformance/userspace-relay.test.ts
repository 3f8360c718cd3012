import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { planWith } from "../support/service-plans.ts";
import { until } from "../lab/own-namespaces.ts";
import { addressOf, endpointOf, RelayNetwork } from "./relay-network.ts";

const network = new RelayNetwork();
const vip = "10.96.0.20";

/** What the pods do with a connection; each test sets its own. */
let serve: Record<"p1" | "p2", (socket: Socket) => void>;

beforeAll(() => {
  network.listen("p1", (socket) => serve.p1(socket));
  network.listen("p2", (socket) => serve.p2(socket));
});
beforeEach(async () => {
  serve = { p1: (socket) => socket.end("p1"), p2: (socket) => socket.end("p2") };
  await network.remove("tour/web");
});
afterAll(() => network.stop());

function active(): number {
  return [...network.engine.counters()].reduce((sum, counters) => sum + counters.active, 0);
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}

describe("a relayed TCP connection", () => {
  it("carries both directions, each to its own end", async () => {
    serve.p1 = (socket) => {
      let heard = "";
      socket.setEncoding("utf8").on("data", (text: string) => (heard += text));
      // Speaks only after the client has ended: a half-closed connection must live.
      socket.on("end", () => socket.end(`heard ${heard}`));
    };
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    const socket = network.connect("client", vip, 80, true);
    socket.end("hello");
    const [answer] = (await once(socket.setEncoding("utf8"), "data")) as [string];
    expect(answer).toBe("heard hello");
    await until("the relay to be done", () => active() === 0);
  });

  it("hears the server out when the server ends first", async () => {
    const heard: string[] = [];
    serve.p1 = (socket) => {
      socket.end("server first");
      socket.setEncoding("utf8").on("data", (text: string) => heard.push(text));
    };
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    const socket = network.connect("client", vip, 80, true);
    socket.resume();
    await once(socket, "end");
    socket.end("client last");
    await until("the server to hear it", () => heard.join("") === "client last");
    await until("the relay to be done", () => active() === 0);
  });

  it("passes a reset on as a reset, both ways", async () => {
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    serve.p1 = (socket) => socket.once("data", () => socket.resetAndDestroy());
    const first = network.connect("client", vip, 80);
    const error = once(first, "error") as Promise<[Error & { readonly code?: string }]>;
    first.write("x");
    expect((await error.catch((thrown: unknown) => [thrown]))[0]).toMatchObject({ code: "ECONNRESET" });

    const seen: string[] = [];
    serve.p1 = (socket) => {
      socket.on("error", (thrown: Error & { readonly code?: string }) => seen.push(thrown.code ?? ""));
      socket.on("end", () => seen.push("end"));
      socket.write("ready");
      socket.resume();
    };
    const second = network.connect("client", vip, 80);
    await once(second, "data");
    second.resetAndDestroy();
    await until("the server to see the reset", () => seen.length > 0);
    expect(seen).toEqual(["ECONNRESET"]);
    await until("the relay to be done", () => active() === 0);
  });

  it("brings 64 MB through unchanged, in both directions at once", async () => {
    const size = 64 * 1024 * 1024;
    const block = randomBytes(1024 * 1024);
    const send = (socket: Socket): void => {
      let left = size;
      const more = (): void => {
        while (left > 0) {
          left -= block.length;
          if (!socket.write(block)) return void socket.once("drain", more);
        }
        socket.end();
      };
      more();
    };
    const hashOf = (socket: Socket): Promise<string> =>
      new Promise((resolve) => {
        const hash = createHash("sha1");
        socket.on("data", (chunk) => hash.update(chunk));
        socket.on("end", () => resolve(hash.digest("hex")));
      });
    const expected = createHash("sha1");
    for (let sent = 0; sent < size; sent += block.length) expected.update(block);
    const digest = expected.digest("hex");
    const atServer = new Promise<string>((resolve) => {
      serve.p1 = (socket) => {
        send(socket);
        void hashOf(socket).then(resolve);
      };
    });
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    const socket = network.connect("client", vip, 80, true);
    send(socket);
    expect(await Promise.all([hashOf(socket), atServer])).toEqual([digest, digest]);
    await until("the relay to be done", () => active() === 0);
    const [counters] = [...network.engine.counters()];
    expect(counters).toMatchObject({ bytesToEndpoint: size, bytesToClients: size, connections: 1, active: 0 });
  });

  it("keeps little when the receiver does not read", async () => {
    let written = 0;
    let server: Socket | undefined;
    serve.p1 = (socket) => {
      server = socket;
      const block = Buffer.alloc(1024 * 1024);
      const more = (): void => {
        while (written < 512 * 1024 * 1024) {
          written += block.length;
          if (!socket.write(block)) return void socket.once("drain", more);
        }
      };
      more();
    };
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    const socket = network.connect("client", vip, 80);
    socket.pause();
    let before = -1;
    await until("the server to be held back", async () => {
      if (server === undefined) return false;
      const isStill = written === before;
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isStill;
    });
    // What is under way lies in the kernel's socket buffers, 4 to 6 MB for each of four sockets at most.
    expect(written).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
    server?.destroy();
    await until("the relay to be done", () => active() === 0);
  });

  it("is one of 1,000 at once, and nothing of them stays", async () => {
    serve.p1 = (socket) => socket.pipe(socket);
    serve.p2 = (socket) => socket.pipe(socket);
    await network.serve(planWith({ cluster: [endpointOf("p1"), endpointOf("p2")] }));
    const sockets = Array.from({ length: 1000 }, () => network.connect("client", vip, 80));
    const answers = await Promise.all(
      sockets.map(async (socket, index) => {
        socket.write(`number ${index}`);
        const [data] = (await once(socket, "data")) as [Buffer];
        return data.toString() === `number ${index}`;
      }),
    );
    expect(answers.every(Boolean)).toBe(true);
    expect([...network.engine.counters()].map((counters) => counters.active)).toEqual([500, 500]);
    for (const socket of sockets) socket.destroy();
    await until("all to be done", () => active() === 0);
  });
});

describe("an endpoint that does not answer", () => {
  it("is passed over: refused at once, and silent after 250 ms", async () => {
    const refusing = endpointOf("p1", "IPv4", { port: 9 });
    const silent = endpointOf("p1", "IPv4", { ip: endpointOf("p3").ip, port: 7 });
    network.dropPort("p3", 7);
    await network.serve(planWith({ cluster: [refusing, silent, endpointOf("p2")] }));
    for (let i = 0; i < 9; i++) expect(await network.ask("client", vip, 80)).toBe("p2");
    const failures = [...network.engine.counters()].map(({ endpoint, failedDials }) => [endpoint, failedDials]);
    expect(failures).toEqual([
      // Asked once: for a moment it comes last.
      [`${addressOf("p1")}:9`, 1],
      [`${addressOf("p3")}:7`, 1],
      [`${addressOf("p2")}:8080`, 0],
    ]);
  });

  it("leads to a reset when it is the only one", async () => {
    await network.serve(planWith({ cluster: [endpointOf("p1", "IPv4", { port: 9 })] }));
    expect(await network.ask("client", vip, 80)).toBe("ECONNRESET");
    expect(active()).toBe(0);
  });
});

describe("an endpoint that goes", () => {
  it("keeps its connections, and gets no new ones", async () => {
    serve.p1 = (socket) => socket.pipe(socket);
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    const socket = network.connect("client", vip, 80);
    socket.write("before");
    await once(socket, "data");
    await network.serve(planWith({ cluster: [endpointOf("p2")] }));
    for (let i = 0; i < 4; i++) expect(await network.ask("client", vip, 80)).toBe("p2");
    socket.write("after");
    expect(String((await once(socket, "data"))[0])).toBe("after");
    expect([...network.engine.counters()].map(({ endpoint, active: open }) => [endpoint, open])).toContainEqual([
      `${addressOf("p1")}:8080`,
      1,
    ]);
    socket.destroy();
    await until("it to be forgotten", () => [...network.engine.counters()].length === 1);
  });

  it("keeps its connections when the whole Service goes", async () => {
    serve.p1 = (socket) => socket.pipe(socket);
    await network.serve(planWith({ cluster: [endpointOf("p1")] }));
    const socket = network.connect("client", vip, 80);
    socket.write("before");
    await once(socket, "data");
    await network.remove("tour/web");
    socket.write("after");
    expect(String((await once(socket, "data"))[0])).toBe("after");
    socket.destroy();
    await closed(socket);
  });
});

describe("the choice of an endpoint", () => {
  it("follows weights", async () => {
    await network.serve(planWith({ cluster: [endpointOf("p1"), endpointOf("p2", "IPv4", { weight: 3 })] }));
    const answers = await Promise.all(Array.from({ length: 40 }, () => network.ask("client", vip, 80)));
    expect(answers.filter((answer) => answer === "p2")).toHaveLength(30);
  });

  it("follows open connections with the scheduler lc", async () => {
    serve.p1 = (socket) => void socket.write("p1");
    serve.p2 = (socket) => socket.end("p2");
    await network.serve(planWith({ scheduler: "lc", cluster: [endpointOf("p1"), endpointOf("p2")] }));
    const long = network.connect("client", vip, 80);
    await once(long, "data");
    const answers: string[] = [];
    for (let i = 0; i < 10; i++) {
      answers.push(await network.ask("client", vip, 80));
      await until("only the long one to be open", () => active() === 1);
    }
    expect(answers).toEqual(Array.from({ length: 10 }, () => "p2"));
    long.destroy();
  });

  it("keeps a client with its endpoint, over all addresses of the port, until the endpoint goes", async () => {
    const plan = planWith({ nodePort: 30080, affinitySeconds: 60, cluster: [endpointOf("p1"), endpointOf("p2")] });
    await network.serve(plan);
    const home = await network.ask("client", vip, 80);
    for (let i = 0; i < 6; i++) expect(await network.ask("client", vip, 80)).toBe(home);
    expect(await network.ask("client", addressOf("node"), 30080)).toBe(home);
    const other = home === "p1" ? "p2" : "p1";
    await network.serve({ ...plan, cluster: [endpointOf(other)] });
    expect(await network.ask("client", vip, 80)).toBe(other);
    // It stays where it is when the former one comes back.
    await network.serve(plan);
    for (let i = 0; i < 6; i++) expect(await network.ask("client", vip, 80)).toBe(other);
  });
});
