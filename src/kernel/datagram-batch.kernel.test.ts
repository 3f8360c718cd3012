import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ip, ipToBytes } from "../core/index.ts";
import { socketAddress } from "./bound-socket.ts";
import { DatagramArea } from "./datagram-area.ts";
import { createNamespace, inNamespace, libc, openDatagramBatches, removeNamespace } from "./index.ts";
import type { DatagramBatches } from "./index.ts";
import { SocketNames } from "./socket-names.ts";
import type { SocketName } from "./socket-names.ts";

const isLittle = endianness() === "LE";
const cleanups: (() => unknown)[] = [];
let folder: string;
let namespace: string;
let batches: DatagramBatches;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-batch-"));
  namespace = join(folder, "node");
  createNamespace(namespace);
  const opened = openDatagramBatches();
  if (opened === undefined) throw new Error("Linux has these calls");
  batches = opened;
});
afterAll(() => {
  removeNamespace(namespace);
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** A server's descriptor and its port. */
function server(address: string): { readonly fd: number; readonly port: number } {
  const fd = batches.bind(ip(address), 0);
  const name = new Uint8Array(28);
  const length = new Uint8Array(Uint32Array.of(28).buffer);
  libc().getsockname(fd, name, length);
  cleanups.push(() => libc().close(fd));
  return { fd, port: ((name[2] ?? 0) << 8) | (name[3] ?? 0) };
}

/** A client and what it got. */
async function client(address: string) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  cleanups.push(() => socket.close());
  socket.bind(0, address);
  await once(socket, "listening");
  const got: string[] = [];
  socket.on("message", (message) => got.push(message.toString("latin1")));
  return { socket, got, port: socket.address().port };
}

/** Resolves when the kernel has it, which over loopback means that it has arrived. */
async function send(socket: Socket, message: string | Uint8Array, port: number, address: string): Promise<void> {
  await new Promise((resolve) => {
    socket.send(message, port, address, resolve);
  });
}

const never = () => {
  throw new Error("This can be sent");
};

describe("exchange()", () => {
  it.each(["127.0.0.1", "::1"])("takes and answers the datagrams of several clients at %s", async (address) => {
    const { fd, port } = server(address);
    const clients = [await client(address), await client(address), await client(address)];
    const sent = Array.from({ length: 75 }, (_, n) => ({ text: `${n}`, from: clients[n % 3]?.socket as Socket }));
    for (const { text, from } of sent) await send(from, text, port, address);
    const seen: [string, SocketName][] = [];
    const answer = (message: Uint8Array, from: SocketName) => {
      const text = Buffer.from(message).toString();
      seen.push([text, from]);
      return Number(text) % 5 === 0 ? undefined : Buffer.from(`${text}!`);
    };
    // Two full batches, what is left, and nothing.
    expect([75, 75].map((most) => batches.exchange(fd, most, answer, never))).toEqual([75, 0]);
    expect(seen).toEqual(sent.map(({ text, from }) => [text, { address, port: from.address().port }]));
    const answersFor = (which: number) =>
      sent.flatMap(({ text }, n) => (n % 3 === which && n % 5 !== 0 ? [`${text}!`] : []));
    for (const [n, { got }] of clients.entries()) {
      await expect.poll(() => got).toEqual(answersFor(n));
    }
  });

  it("takes no more than it is told, and nothing when told so", async () => {
    const { fd, port } = server("127.0.0.1");
    const { socket } = await client("127.0.0.1");
    for (let n = 0; n < 60; n++) await send(socket, "x", port, "127.0.0.1");
    const take = (most: number) => batches.exchange(fd, most, () => undefined, never);
    expect([take(0), take(-5), take(7), take(40), take(64), take(64)]).toEqual([0, 0, 7, 40, 13, 0]);
  });

  it("gives messages of every length whole, and does not write over them later", async () => {
    const { fd, port } = server("127.0.0.1");
    const { socket } = await client("127.0.0.1");
    const lengths = [
      0,
      1,
      17,
      511,
      512,
      513,
      4096,
      4097,
      9000,
      65_507,
      3,
      0,
      500,
      ...Array.from({ length: 60 }, () => 300),
    ];
    const messages = lengths.map((length, n) => Buffer.alloc(length, n + 1));
    const kept: Uint8Array[] = [];
    for (const message of messages) {
      await send(socket, message, port, "127.0.0.1");
      batches.exchange(fd, 8, (one) => void kept.push(one), never);
    }
    expect(kept.map((one, n) => Buffer.from(one).equals(messages[n] ?? Buffer.of()))).toEqual(lengths.map(() => true));
  });

  it("sends an answer of another one along, hands over what cannot be sent, and goes on", async () => {
    const { fd, port } = server("127.0.0.1");
    const [first, second] = [await client("127.0.0.1"), await client("127.0.0.1")];
    for (const text of ["short", "long", "last"]) await send(first.socket, text, port, "127.0.0.1");
    const unsent: [number, SocketName][] = [];
    const answer = (message: Uint8Array) =>
      Buffer.from(message).toString() === "long" ? Buffer.alloc(4097) : Buffer.from(message);
    const later = (reply: Uint8Array, to: SocketName) => void unsent.push([reply.length, to]);
    const toSecond = { address: "127.0.0.1", port: second.port };
    expect(batches.exchange(fd, 32, answer, later, Buffer.from("along"), toSecond)).toBe(3);
    // To port 0 nothing can be sent; an interface's name is for others to understand.
    const nowhere = { address: "127.0.0.1", port: 0 };
    await send(first.socket, "after", port, "127.0.0.1");
    expect(batches.exchange(fd, 32, answer, later, Buffer.from("never"), nowhere)).toBe(1);
    const elsewhere = { address: "fe80::1%lo", port: 5 };
    expect(batches.exchange(fd, 0, answer, later, Buffer.from("scoped"), elsewhere)).toBe(0);
    await expect.poll(() => first.got).toEqual(["short", "last", "after"]);
    expect(second.got).toEqual(["along"]);
    expect(unsent).toEqual([
      [4097, { address: "127.0.0.1", port: first.port }],
      [5, nowhere],
      [6, elsewhere],
    ]);
  });

  it("hands over what a full socket does not take", () => {
    // Packets for a neighbour that does not say where it is wait for it, on the sender's account.
    const fd = inNamespace(namespace, () => {
      const run = (...args: readonly string[]) => execFileSync("ip", args);
      run("link", "add", "lan", "type", "bridge");
      run("address", "add", "10.9.0.1/24", "dev", "lan");
      run("link", "set", "lan", "up");
      return batches.bind(ip("10.9.0.1"), 0);
    });
    cleanups.push(() => libc().close(fd));
    const [socketLevel, sendBuffer] = [1, 7];
    libc().setsockopt(fd, socketLevel, sendBuffer, new Uint8Array(Int32Array.of(1).buffer), 4);
    const silent = { address: "10.9.0.2", port: 53 };
    const unsent: SocketName[] = [];
    for (let n = 0; n < 100 && unsent.length === 0; n++) {
      batches.exchange(
        fd,
        0,
        () => undefined,
        (_, to) => void unsent.push(to),
        new Uint8Array(1000),
        silent,
      );
    }
    expect(unsent).toEqual([silent]);
  });
});

describe("bind()", () => {
  it("leaves IPv4 to others at ::, and its port to nobody", async () => {
    const { fd, port } = server("::");
    const four = batches.bind(ip("0.0.0.0"), port);
    cleanups.push(() => libc().close(four));
    expect(() => batches.bind(ip("::"), port)).toThrow(/EADDRINUSE/);
    // As libuv does with descriptors that it is given.
    const watcher = createSocket("udp4");
    watcher.bind({ fd: four, exclusive: true });
    cleanups.pop();
    cleanups.push(() => watcher.close());
    batches.keepToItself(four);
    const thief = createSocket({ type: "udp4", reuseAddr: true });
    thief.bind(port, "0.0.0.0");
    const [error] = (await once(thief, "error")) as [Error];
    expect(error.message).toContain("EADDRINUSE");
    thief.close();
    expect(fd).toBeGreaterThan(2);
  });
});

describe("SocketNames", () => {
  it.each([
    ["192.0.2.255", 0, "192.0.2.255"],
    ["2001:db8::7", 0, "2001:db8::7"],
    // Only link-local addresses mean nothing without an interface.
    ["2001:db8::7", 1, "2001:db8::7"],
    ["fe80::7", 1, "fe80::7%lo"],
    ["fe80::7", 0, "fe80::7"],
    ["fe80::7", 4_000_000, "fe80::7"],
  ])("reads %s of interface %d as %s, each time", (address, link, text) => {
    const bytes = new Uint8Array(64);
    bytes.set(socketAddress(ip(address), 5353), 32);
    if (address.includes(":")) new DataView(bytes.buffer).setUint32(32 + 24, link, isLittle);
    const memory = { bytes, words: new Uint32Array(bytes.buffer) };
    const names = new SocketNames();
    for (let n = 0; n < 3; n++) expect(names.read(memory, 32)).toEqual({ address: text, port: 5353 });
  });

  it("keeps apart more clients than it remembers", () => {
    const bytes = new Uint8Array(32);
    const memory = { bytes, words: new Uint32Array(bytes.buffer) };
    const names = new SocketNames();
    const addresses = Array.from({ length: 3000 }, (_, n) =>
      n % 3 === 0 ? `2001:db8::${(n + 1).toString(16)}` : `10.0.${n >> 8}.${n & 255}`,
    );
    for (let round = 0; round < 2; round++) {
      for (const address of addresses) {
        expect(names.write(memory, 0, { address, port: 40_000 })).toBe(address.includes(":") ? 28 : 16);
        expect(names.read(memory, 0)).toEqual({ address, port: 40_000 });
      }
    }
  });
});

describe("DatagramArea", () => {
  it("has everything where the headers say", () => {
    const base = 0x7f12_3456_7000;
    const area = new DatagramArea(3, (length) => ({ bytes: new Uint8Array(length), address: BigInt(base) }));
    const { bytes } = area;
    const view = new DataView(bytes.buffer);
    const long = (at: number) => Number(view.getBigUint64(at, isLittle));
    for (let i = 0; i < 3; i++) {
      // struct msghdr: name, its length, vectors, their count, control, its length, flags; then the length of the datagram.
      expect(long(64 * i)).toBe(base + area.nameAt(i));
      expect(long(64 * i + 24)).toBe(1);
      const vector = long(64 * i + 16) - base;
      expect(long(vector)).toBe(base + area.receivedAt(i));
      expect(long(vector + 8)).toBeGreaterThan(65_535);
      expect([32, 40, 48, 56].map((at) => long(64 * i + at))).toEqual([0, 0, 0, 0]);
    }
    area.offerNames(3);
    expect(area.nameLength(2)).toBe(28);
    bytes.set(ipToBytes(ip("10.1.2.3")), area.nameAt(2) + 4);
    expect(area.place(0, 2, 16, Buffer.from("hello"))).toBe(true);
    expect(area.place(1, 0, 16, Buffer.alloc(4097))).toBe(false);
    const header = area.sendHeaderAt(0);
    expect([long(header), view.getUint32(header + 8, isLittle)]).toEqual([base + area.nameAt(2), 16]);
    const vector = long(header + 16) - base;
    const data = long(vector) - base;
    expect(long(vector + 8)).toBe(5);
    expect(Buffer.from(bytes.subarray(data, data + 5)).toString()).toBe("hello");
  });
});
