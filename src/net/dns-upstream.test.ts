import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createIdentity } from "../apiserver/index.ts";
import { ip } from "../core/index.ts";
import { dnsDialer } from "./dns-upstream.ts";
import type { DnsDialer, DnsDialerOptions, DnsUpstreamAddress } from "./dns-upstream.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function dialerOf(options: DnsDialerOptions = {}): DnsDialer {
  const dialer = dnsDialer(options);
  cleanups.push(() => dialer.close());
  return dialer;
}

/** A message as far as the dialer looks into it: an id, and any text. */
function message(id: number, text: string): Buffer {
  return Buffer.concat([Buffer.of(id >> 8, id & 255), Buffer.from(text)]);
}

function frame(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
}

/** Collects whole messages from a stream. */
function framesOf(socket: Socket, heard: (bytes: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      heard(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
  socket.on("error", () => socket.destroy());
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  cleanups.push(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A TCP server; `answer` gets every message with a function that sends one back. */
async function tcpServer(answer: (bytes: Buffer, send: (bytes: Buffer) => void, socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    framesOf(socket, (bytes) => answer(bytes, (reply) => void socket.write(frame(reply)), socket));
  });
  let accepted = 0;
  server.on("connection", () => accepted++);
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  const port = await listening(server);
  return { port, sockets, accepted: () => accepted };
}

async function udpServer(answer: (bytes: Buffer, send: (bytes: Buffer) => void, from: number) => void) {
  const socket: UdpSocket = createSocket("udp4");
  socket.on("message", (bytes, from) =>
    answer(bytes, (reply) => socket.send(reply, from.port, from.address), from.port),
  );
  await new Promise<void>((resolve) => {
    socket.bind(0, "127.0.0.1", resolve);
  });
  cleanups.push(() => socket.close());
  return { port: socket.address().port };
}

function echo(bytes: Buffer, send: (bytes: Buffer) => void): void {
  send(Buffer.concat([bytes.subarray(0, 2), Buffer.from(bytes.subarray(2).toString().toUpperCase())]));
}

/** The first answer as `ID TEXT`, or why there was none. */
function ask(
  dialer: DnsDialer,
  upstream: Pick<DnsUpstreamAddress, "port" | "tls">,
  transport: "udp" | "tcp" | "tls",
  id: number,
  text: string,
): Promise<string> {
  return new Promise((resolve) => {
    const cancel = dialer.send({ address: ip("127.0.0.1"), ...upstream }, transport, message(id, text), {
      message: (bytes) => {
        resolve(`${((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)} ${Buffer.from(bytes.subarray(2)).toString()}`);
        cancel();
      },
      failed: (error) => resolve(`failed: ${error.message}`),
    });
  });
}

async function until(isTrue: () => boolean): Promise<void> {
  await expect.poll(isTrue, { interval: 5, timeout: 5000 }).toBe(true);
}

const silent = { message: () => undefined, failed: () => undefined };

describe("dnsDialer(), UDP", () => {
  it.each([0, 4])("brings each answer to its query (pool of %i)", async (udpPool) => {
    const { port } = await udpServer(echo);
    const dialer = dialerOf({ udpPool });
    const asked = Array.from({ length: 50 }, (_, i) => ask(dialer, { port }, "udp", i, `q${i}`));
    expect(await Promise.all(asked)).toEqual(asked.map((_, i) => `${i} Q${i}`));
    expect(dialer.stats().udpSockets).toBe(udpPool);
  });

  it.each([0, 4])("knows at once that nobody listens (pool of %i)", async (udpPool) => {
    const { port } = await tcpServer(echo);
    expect(await ask(dialerOf({ udpPool }), { port }, "udp", 1, "x")).toContain("ECONNREFUSED");
  });

  it("uses another port for every query", async () => {
    const ports = new Set<number>();
    const { port } = await udpServer((_bytes, _send, from) => ports.add(from));
    const dialer = dialerOf();
    const cancels = Array.from({ length: 20 }, (_, i) =>
      dialer.send({ address: ip("127.0.0.1"), port }, "udp", message(i, ""), silent),
    );
    await until(() => ports.size === 20);
    for (const cancel of cancels) cancel();
    expect(dialer.stats().udpSockets).toBe(0);
  });

  it("changes the ports of a pool from time to time", async () => {
    const ports = new Set<number>();
    const { port } = await udpServer((bytes, send, from) => {
      ports.add(from);
      echo(bytes, send);
    });
    const dialer = dialerOf({ udpPool: 2 });
    for (let i = 0; i < 1100; i++) await ask(dialer, { port }, "udp", i, "x");
    expect(ports.size).toBeGreaterThanOrEqual(4);
    expect(dialer.stats().udpSockets).toBeLessThanOrEqual(2);
  });

  it("never hears anybody else", async () => {
    let asker = 0;
    const { port } = await udpServer((bytes, send, from) => {
      asker = from;
      setTimeout(() => echo(bytes, send), 50);
    });
    const reply = ask(dialerOf(), { port }, "udp", 7, "truth");
    await until(() => asker > 0);
    const forger = createSocket("udp4");
    cleanups.push(() => forger.close());
    for (let i = 0; i < 20; i++) forger.send(message(7, "lie"), asker, "127.0.0.1");
    expect(await reply).toBe("7 TRUTH");
  });

  it("lets every query of a pooled socket notice answers that are nobody's", async () => {
    const { port } = await udpServer((bytes, send) => {
      for (let i = 1; i < 4; i++) send(message(1000 + i, "guess"));
      echo(bytes, send);
    });
    const heard: number[] = [];
    const cancel = dialerOf({ udpPool: 1 }).send({ address: ip("127.0.0.1"), port }, "udp", message(1, "x"), {
      ...silent,
      message: (bytes) => heard.push(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)),
    });
    await until(() => heard.length === 4);
    cancel();
    expect(heard).toEqual([1001, 1002, 1003, 1]);
  });

  it("is silent after a cancel", async () => {
    const heard: string[] = [];
    const cancel = dialerOf().send({ address: ip("127.0.0.1"), port: 1 }, "udp", message(1, "x"), {
      message: () => heard.push("message"),
      failed: () => heard.push("failed"),
    });
    cancel();
    expect(await ask(dialerOf(), { port: 1 }, "udp", 2, "x")).toContain("ECONNREFUSED");
    expect(heard).toEqual([]);
  });
});

describe("dnsDialer(), TCP", () => {
  it("sends many queries over one connection and takes answers in any order", async () => {
    const held: (() => void)[] = [];
    const { port, accepted } = await tcpServer((bytes, send) => void held.push(() => echo(bytes, send)));
    const dialer = dialerOf({ maxPipelined: 100 });
    const asked = Array.from({ length: 20 }, (_, i) => ask(dialer, { port }, "tcp", i, `q${i}`));
    await until(() => held.length === 20);
    for (const release of held.reverse()) release();
    expect(await Promise.all(asked)).toEqual(asked.map((_, i) => `${i} Q${i}`));
    expect(accepted()).toBe(1);
    expect(dialer.stats()).toMatchObject({ connections: 1, connectionHits: 19, connectionMisses: 1 });
  });

  it("tells queries of the same id apart", async () => {
    const held: (() => void)[] = [];
    const { port } = await tcpServer((bytes, send) => void held.push(() => echo(bytes, send)));
    const dialer = dialerOf();
    const asked = ["a", "b", "c"].map((text) => ask(dialer, { port }, "tcp", 5, text));
    await until(() => held.length === 3);
    for (const release of held.reverse()) release();
    expect(await Promise.all(asked)).toEqual(["5 A", "5 B", "5 C"]);
  });

  it("opens more connections when one is busy, up to a limit", async () => {
    const held: (() => void)[] = [];
    const { port, accepted } = await tcpServer((bytes, send) => void held.push(() => echo(bytes, send)));
    const dialer = dialerOf({ maxPipelined: 2, maxConnections: 3 });
    const asked = Array.from({ length: 10 }, (_, i) => ask(dialer, { port }, "tcp", i, "x"));
    await until(() => held.length === 10);
    expect(accepted()).toBe(3);
    for (const release of held) release();
    expect(new Set(await Promise.all(asked)).size).toBe(10);
  });

  it("puts answers together from any pieces", async () => {
    const { port } = await tcpServer((bytes, _send, socket) => {
      const framed = frame(Buffer.concat([bytes, Buffer.alloc(5000, 0x61)]));
      void (async () => {
        for (let at = 0; at < framed.length; at += at < 4 ? 1 : 997) {
          socket.write(framed.subarray(at, at + (at < 4 ? 1 : 997)));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
    });
    const dialer = dialerOf();
    expect(await ask(dialer, { port }, "tcp", 9, "x")).toBe(`9 x${"a".repeat(5000)}`);
    expect(await ask(dialer, { port }, "tcp", 10, "y")).toHaveLength(5004);
  });

  it("asks again when the server closes a connection that had worked", async () => {
    let answered = 0;
    const { port, accepted } = await tcpServer((bytes, send, socket) => {
      // The second query of each connection finds the door shut.
      if (answered++ === 1) return void socket.destroy();
      echo(bytes, send);
    });
    const dialer = dialerOf();
    expect(await ask(dialer, { port }, "tcp", 1, "a")).toBe("1 A");
    expect(await ask(dialer, { port }, "tcp", 2, "b")).toBe("2 B");
    expect(accepted()).toBe(2);
  });

  it("fails when the server closes in the middle of an answer, and again", async () => {
    const { port, accepted } = await tcpServer((bytes, _send, socket) => {
      socket.end(frame(Buffer.concat([bytes, Buffer.alloc(100)])).subarray(0, 20));
    });
    expect(await ask(dialerOf(), { port }, "tcp", 1, "a")).toMatch(/^failed: .*closed the connection/);
    expect(accepted()).toBe(1);
  });

  it("knows at once that nobody listens", async () => {
    const { port } = await udpServer(echo);
    expect(await ask(dialerOf(), { port }, "tcp", 1, "x")).toContain("ECONNREFUSED");
  });

  it("closes connections that nobody uses for a while", async () => {
    const { port, sockets } = await tcpServer(echo);
    const dialer = dialerOf({ idleMs: 20 });
    expect(await ask(dialer, { port }, "tcp", 1, "a")).toBe("1 A");
    expect(sockets.size).toBe(1);
    await until(() => sockets.size === 0 && dialer.stats().connections === 0);
  });

  it("keeps connections as long as their server is said to, and apart from others", async () => {
    const { port, sockets, accepted } = await tcpServer(echo);
    const dialer = dialerOf();
    const address = ip("127.0.0.1");
    const replies: string[] = [];
    for (const upstream of [
      { address, port, idleMs: 20 },
      { address, port },
    ]) {
      const cancel = dialer.send(upstream, "tcp", message(1, "x"), {
        message: () => {
          replies.push("answer");
          cancel();
        },
        failed: () => replies.push("failed"),
      });
    }
    await until(() => replies.length === 2 && sockets.size === 1);
    expect(replies).toEqual(["answer", "answer"]);
    expect(accepted()).toBe(2);
    expect(dialer.stats().connections).toBe(1);
  });

  it("trusts no connection on which a query waited in vain", async () => {
    let isSilent = true;
    const { port, accepted } = await tcpServer((bytes, send) => {
      if (!isSilent) echo(bytes, send);
    });
    const dialer = dialerOf();
    const cancel = dialer.send({ address: ip("127.0.0.1"), port }, "tcp", message(1, "a"), silent);
    const start = performance.now();
    await until(() => performance.now() - start > 450);
    cancel();
    isSilent = false;
    expect(await ask(dialer, { port }, "tcp", 2, "b")).toBe("2 B");
    expect(accepted()).toBe(2);
  });

  it("closes everything at the end, and lets queries that wait fail", async () => {
    const { port, sockets } = await tcpServer(() => undefined);
    const dialer = dialerOf();
    const asked = ask(dialer, { port }, "tcp", 1, "a");
    await until(() => sockets.size === 1);
    dialer.close();
    expect(await asked).toContain("failed");
    await until(() => sockets.size === 0);
  });
});

describe("dnsDialer(), TLS", () => {
  const identity = createIdentity(1_790_000_000_000, ["dns.example"]);
  const tlsServer = async () => {
    const server = createTlsServer({ key: identity.keyPem, cert: identity.certificatePem, ALPNProtocols: ["dot"] });
    let accepted = 0;
    server.on("secureConnection", (socket) => {
      accepted++;
      framesOf(socket, (bytes) => echo(bytes, (reply) => void socket.write(frame(reply))));
    });
    return { port: await listening(server), accepted: () => accepted };
  };

  it("asks over one connection, whose name it checks", async () => {
    const { port, accepted } = await tlsServer();
    const dialer = dialerOf();
    const tls = { serverName: "dns.example", ca: identity.caPem };
    const asked = Array.from({ length: 5 }, (_, i) => ask(dialer, { port, tls }, "tls", i, "a"));
    expect(await Promise.all(asked)).toEqual(["0 A", "1 A", "2 A", "3 A", "4 A"]);
    expect(accepted()).toBe(1);
    dialer.close();
  });

  const refused: readonly (readonly [string, DnsUpstreamAddress["tls"] & object, RegExp])[] = [
    ["another name", { serverName: "other.example", ca: identity.caPem }, /other\.example/],
    ["an authority that is not trusted", { serverName: "dns.example" }, /certificate/],
  ];
  it.each(refused)("refuses a server with %s", async (_, tls, reason) => {
    const { port } = await tlsServer();
    expect(await ask(dialerOf(), { port, tls }, "tls", 1, "a")).toMatch(reason);
  });

  it("checks the address where there is no name", async () => {
    const { port } = await tlsServer();
    const dialer = dialerOf();
    expect(await ask(dialer, { port, tls: { ca: identity.caPem } }, "tls", 1, "a")).toBe("1 A");
    dialer.close();
  });
});
