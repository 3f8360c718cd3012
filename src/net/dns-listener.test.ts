import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createIdentity } from "../apiserver/index.ts";
import { hasCode } from "../core/index.ts";
import { listenDns } from "./dns-listener.ts";
import type { DnsListenerOptions } from "./dns-listener.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A listener whose answers are the questions, in capitals; `later...` waits until `release` is called. */
async function start(options: Partial<DnsListenerOptions> = {}) {
  const waiting: (() => void)[] = [];
  const listener = listenDns({
    addresses: ["127.0.0.1"],
    port: 0,
    answer: (query) => {
      const text = Buffer.from(query).toString();
      if (text === "nothing") return undefined;
      const answer = Buffer.from(text.toUpperCase());
      if (!text.startsWith("later")) return answer;
      return new Promise((resolve) => void waiting.push(() => resolve(answer)));
    },
    ...options,
  });
  cleanups.push(() => listener.close(0));
  const port = await listener.ready;
  const release = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { listener, port, release, waiting };
}

function frame(text: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

/** A TCP client that collects the answers. */
async function client(port: number, host = "127.0.0.1") {
  const socket: Socket = connect({ port, host });
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  const answers: string[] = [];
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      answers.push(rest.subarray(2, end).toString());
      rest = rest.subarray(end);
    }
  });
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return { socket, answers, closed };
}

function udpClient(): UdpSocket {
  const socket = createSocket("udp4");
  cleanups.push(() => socket.close());
  return socket;
}

async function until(isTrue: () => boolean): Promise<void> {
  await expect.poll(isTrue, { interval: 5, timeout: 5000 }).toBe(true);
}

describe("listenDns()", () => {
  it("answers over UDP, at once and later, and sends nothing where there is no answer", async () => {
    const { port, release, waiting } = await start();
    const socket = udpClient();
    const answers: string[] = [];
    socket.on("message", (message) => answers.push(message.toString()));
    for (const text of ["later", "nothing", "one", "two"]) socket.send(text, port, "127.0.0.1");
    await until(() => answers.length === 2 && waiting.length === 1);
    expect(answers).toEqual(["ONE", "TWO"]);
    release();
    await until(() => answers.length === 3);
    expect(answers).toEqual(["ONE", "TWO", "LATER"]);
  });

  it("answers from the address that was asked", async () => {
    const { port } = await start({ addresses: ["127.0.0.1", "127.0.0.2"] });
    const socket = udpClient();
    socket.send("x", port, "127.0.0.2");
    const [, from] = (await once(socket, "message")) as [Buffer, AddressInfo];
    expect(from).toMatchObject({ address: "127.0.0.2", port });
    const { socket: tcp, answers } = await client(port, "127.0.0.2");
    tcp.write(frame("y"));
    await until(() => answers.length === 1);
  });

  it("answers pipelined TCP questions, split anywhere, as they become ready", async () => {
    const { port, release, waiting } = await start();
    const { socket, answers } = await client(port);
    const bytes = Buffer.concat([frame("later"), frame("one"), frame("two"), frame("nothing"), frame("three")]);
    for (const byte of bytes.subarray(0, 12)) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(bytes.subarray(12));
    await until(() => answers.length === 3);
    expect(answers).toEqual(["ONE", "TWO", "THREE"]);
    expect(waiting).toHaveLength(1);
    release();
    await until(() => answers.length === 4);
  });

  it("answers what was asked before the client closed its side", async () => {
    const { port, release, waiting } = await start();
    const { socket, answers, closed } = await client(port);
    socket.end(Buffer.concat([frame("later"), frame("one")]));
    await until(() => waiting.length === 1);
    release();
    await closed;
    expect(answers).toEqual(["ONE", "LATER"]);
  });

  it("stops reading from a client with too many open questions, and goes on when they are answered", async () => {
    const { port, release, waiting } = await start({ tcp: { maxPending: 2 } });
    const { socket, answers } = await client(port);
    socket.write(frame("later"));
    socket.write(frame("later"));
    await until(() => waiting.length === 2);
    socket.write(frame("after"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(answers).toEqual([]);
    release();
    await until(() => answers.length === 3);
    expect(answers.at(-1)).toBe("AFTER");
  });

  it.each([
    ["a length of zero", Buffer.of(0, 0)],
    ["a length of 64 KiB", Buffer.of(0xff, 0xff, 1, 2, 3)],
  ])("closes a connection that sends %s", async (_, bytes) => {
    const { port } = await start();
    const { socket, closed } = await client(port);
    socket.write(bytes);
    await closed;
  });

  it("closes idle connections, and those that never finish a question", async () => {
    const { port, listener } = await start({ tcp: { idleMs: 200, frameMs: 200 } });
    const idle = await client(port);
    const slow = await client(port);
    const drip = setInterval(() => slow.socket.write(Buffer.of(0)), 50);
    cleanups.push(() => clearInterval(drip));
    slow.socket.write(Buffer.of(1));
    await Promise.all([idle.closed, slow.closed]);
    await until(() => listener.connections === 0);
  });

  it("keeps a connection whose answer takes long", async () => {
    const { port, release } = await start({ tcp: { idleMs: 10, frameMs: 10 } });
    const { socket, answers } = await client(port);
    socket.write(frame("later"));
    // Connections are looked through every 10 ms then.
    await new Promise((resolve) => setTimeout(resolve, 100));
    release();
    await until(() => answers.length === 1);
  });

  it("makes room for new connections by closing the one idle for longest", async () => {
    const { port, listener } = await start({ tcp: { maxConnections: 3 } });
    const clients = [await client(port), await client(port), await client(port)] as const;
    await until(() => listener.connections === 3);
    clients[0].socket.write(frame("alive"));
    await until(() => clients[0].answers.length === 1);
    const newest = await client(port);
    await clients[1].closed;
    newest.socket.write(frame("new"));
    await until(() => newest.answers.length === 1);
    expect(listener.connections).toBe(3);
  });

  it("answers what it has taken before it closes", async () => {
    const { port, listener, release, waiting } = await start();
    const tcp = await client(port);
    const udp = udpClient();
    const answers: string[] = [];
    udp.on("message", (message) => answers.push(message.toString()));
    tcp.socket.write(frame("later tcp"));
    udp.send("later udp", port, "127.0.0.1");
    await until(() => waiting.length === 2);
    const closed = listener.close();
    release();
    await closed;
    await tcp.closed;
    expect(tcp.answers).toEqual(["LATER TCP"]);
    await until(() => answers.length === 1);
    const refused = connect({ port, host: "127.0.0.1" });
    const [error] = (await once(refused, "error")) as [Error];
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("answers datagrams that the kernel holds before it closes", async () => {
    const { port, listener } = await start();
    const udp = udpClient();
    let answers = 0;
    udp.on("message", () => answers++);
    const sends = Array.from(
      { length: 50 },
      () =>
        new Promise((resolve) => {
          udp.send("hello", port, "127.0.0.1", resolve);
        }),
    );
    await Promise.all(sends);
    await listener.close();
    await until(() => answers === 50);
  });

  it("sends transfers message by message, and other answers meanwhile", async () => {
    const messages = Array.from({ length: 200 }, (_, i) => Buffer.alloc(20_000, `${i % 10}`));
    const transfer = (query: Uint8Array) => (Buffer.from(query).toString() === "all" ? messages : undefined);
    const { port, listener } = await start({ transfer, tcp: { idleMs: 50 } });
    const slow = await client(port);
    slow.socket.pause();
    slow.socket.write(Buffer.concat([frame("all"), frame("one")]));
    const other = await client(port);
    other.socket.write(frame("two"));
    await until(() => other.answers.length === 1);
    slow.socket.resume();
    await until(() => slow.answers.length === 201);
    expect(slow.answers.filter((answer) => answer.length === 20_000)).toHaveLength(200);
    await listener.close();
  });

  it("ends a transfer whose client has gone", async () => {
    let taken = 0;
    const transfer = function* () {
      for (; taken < 100_000; taken++) yield Buffer.alloc(20_000);
    };
    const { port, listener } = await start({ transfer });
    const { socket } = await client(port);
    socket.pause();
    socket.write(frame("all"));
    await until(() => taken > 0);
    socket.destroy();
    await until(() => listener.connections === 0);
    expect(taken).toBeLessThan(100_000);
  });

  it("says when a certificate and its key are none", async () => {
    const listener = listenDns({
      addresses: ["127.0.0.1"],
      port: 0,
      answer: () => undefined,
      tls: { keyPem: "no key", certificatePem: "no certificate" },
    });
    await expect(listener.ready).rejects.toSatisfy((error) => hasCode(error, "InvalidCertificate"));
  });

  it("keeps its certificate when the next one cannot be used", async () => {
    const plain = await start();
    expect(() => plain.listener.useIdentity({ keyPem: "", certificatePem: "" })).toThrow(TypeError);
    const { listener, port } = await start({ tls: createIdentity(1_790_000_000_000) });
    const shown = async () => {
      const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.write(frame("done"));
      await once(socket, "data");
      socket.destroy();
      return fingerprint256;
    };
    const before = await shown();
    expect(() => listener.useIdentity({ keyPem: "no key", certificatePem: "no certificate" })).toThrow(
      "The certificate and key for DNS over TLS do not fit",
    );
    expect(await shown()).toBe(before);
    listener.useIdentity(createIdentity(1_790_000_000_000));
    expect(await shown()).not.toBe(before);
  });

  it("does not wait for clients that never agree on keys when it closes", async () => {
    const { listener, port } = await start({ tls: createIdentity(1_790_000_000_000) });
    const { socket, closed } = await client(port);
    socket.write("no greeting");
    const other = await client(port);
    await listener.close();
    await Promise.all([closed, other.closed]);
  });

  it("does not wait for ever when it closes", async () => {
    const { port, listener, waiting } = await start();
    const tcp = await client(port);
    tcp.socket.write(frame("later"));
    await until(() => waiting.length === 1);
    await listener.close(20);
    await tcp.closed;
  });

  it("makes its sockets before it returns when told to", async () => {
    // Whoever wants sockets at once says the port. That of UDP may be taken for TCP here: then another one is tried.
    const options = { synchronous: true, addresses: ["127.0.0.1", "127.0.0.2"] };
    const again = () => start(options);
    const { port, listener } = await again().catch(again).catch(again);
    expect(port).toBeGreaterThan(0);
    const { socket, answers } = await client(port, "127.0.0.2");
    socket.write(frame("x"));
    await until(() => answers.length === 1);
    await listener.close(0);
  });

  it("finds a port that is free for UDP and TCP where any will do", async () => {
    const taken = Array.from({ length: 1500 }, () => createSocket("udp4"));
    cleanups.push(() => taken.map((socket) => socket.close()));
    await Promise.all(taken.map((socket) => once(socket.bind(0, "127.0.0.1"), "listening")));
    // Without a second try, one of these would fail nearly always.
    for (let i = 0; i < 60; i++) await (await start()).listener.close(0);
  });

  it("gives up when no port is free everywhere", async () => {
    const twice = listenDns({ addresses: ["127.0.0.1", "127.0.0.1"], port: 0, answer: () => undefined });
    await expect(twice.ready).rejects.toMatchObject({ code: "AddressInUse" });
  });

  it("says what is in its way", async () => {
    const { port } = await start();
    const answer = () => undefined;
    const again = listenDns({ addresses: ["127.0.0.1"], port, answer });
    await expect(again.ready).rejects.toSatisfy((error) => hasCode(error, "AddressInUse"));
    const atOnce = listenDns({ addresses: ["127.0.0.1"], port, answer, synchronous: true });
    await expect(atOnce.ready).rejects.toSatisfy((error) => hasCode(error, "AddressInUse"));
    const elsewhere = listenDns({ addresses: ["192.0.2.1"], port: 0, answer });
    await expect(elsewhere.ready).rejects.toSatisfy((error) => hasCode(error, "AddressNotAvailable"));
  });
});
