import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { hasCode } from "../../src/core/index.ts";
import { openDatagramBatches } from "../../src/kernel/index.ts";
import { listenDns } from "../../src/net/index.ts";
import type { DnsListenerOptions } from "../../src/net/index.ts";

// What `listenDns` does with datagrams must not depend on how many it takes at a time.

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ways = [
  ["one at a time", undefined],
  ["many at a time", openDatagramBatches()],
] as const;

/** A listener whose answers are the questions in capitals; `later...` is answered in another turn of the event loop. */
async function start(options: Partial<DnsListenerOptions>) {
  const listener = listenDns({
    addresses: ["127.0.0.1"],
    port: 0,
    answer: (query) => {
      const text = Buffer.from(query).toString();
      if (text.startsWith("nothing")) return undefined;
      const answer = Buffer.from(text.toUpperCase());
      return text.startsWith("later") ? new Promise((resolve) => void setImmediate(() => resolve(answer))) : answer;
    },
    ...options,
  });
  cleanups.push(() => listener.close(0));
  return { listener, port: await listener.ready };
}

async function client(address = "127.0.0.1") {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  cleanups.push(() => socket.close());
  socket.bind(0, address);
  await once(socket, "listening");
  const got: string[] = [];
  socket.on("message", (message, from) => got.push(`${message.toString()} from ${from.address}`));
  return { socket, got };
}

/** All at once: only later, in the next turn of the event loop, does anybody see them. */
function flood(socket: Socket, count: number, port: number, text: (n: number) => string): Promise<unknown> {
  const sends = Array.from(
    { length: count },
    (_, n) =>
      new Promise((resolve) => {
        socket.send(text(n), port, "127.0.0.1", resolve);
      }),
  );
  return Promise.all(sends);
}

describe.each(ways)("listenDns(), %s", (_way, batches) => {
  it("answers everybody what they asked, now and later", async () => {
    const { port } = await start({ batches });
    const clients = [await client(), await client(), await client("127.0.0.2")];
    const kinds = ["now", "later", "nothing"];
    const text = (n: number) => `${kinds[n % 3] ?? ""}-${n}`;
    await Promise.all(clients.map(({ socket }, i) => flood(socket, 120, port, (n) => text(1000 * i + n))));
    for (const [i, { got }] of clients.entries()) {
      const asked = Array.from({ length: 120 }, (_, n) => text(1000 * i + n)).filter(
        (one) => !one.startsWith("nothing"),
      );
      const expected = asked.map((one) => `${one.toUpperCase()} from 127.0.0.1`);
      await expect.poll(() => got.length).toBe(expected.length);
      expect(got.toSorted()).toEqual(expected.toSorted());
      const now = (all: readonly string[]) => all.filter((one) => one.startsWith("NOW"));
      expect(now(got)).toEqual(now(expected));
    }
  });

  it("tells who asks, and knows every address and both families", async () => {
    const seen: string[] = [];
    const answer: DnsListenerOptions["answer"] = (query, transport, { address, port }) => {
      seen.push(`${transport} ${address} ${port}`);
      return query;
    };
    const { port } = await start({ batches, answer, addresses: ["0.0.0.0", "::1"] });
    const asked: string[] = [];
    for (const address of ["127.0.0.1", "127.0.0.3", "::1"]) {
      const { socket, got } = await client(address);
      socket.send("x", port, address);
      await expect.poll(() => got.length).toBe(1);
      asked.push(`udp ${address} ${socket.address().port}`);
      expect(got).toEqual([`x from ${address === "::1" ? "::1" : "127.0.0.1"}`]);
    }
    expect(seen).toEqual(asked);
  });

  it("takes datagrams of every length, and sends what a datagram can hold", async () => {
    const lengths: number[] = [];
    const answer: DnsListenerOptions["answer"] = (query) => {
      lengths.push(query.length);
      return Buffer.alloc(Number(Buffer.from(query.subarray(0, 5)).toString() || "0"), "a");
    };
    const { port } = await start({ batches, answer });
    const { socket, got } = await client();
    const questions = ["", "00100", "05000", "65507", "65508", "00200"];
    await flood(socket, 6, port, (n) => questions[n] ?? "");
    socket.send(Buffer.alloc(65_507, "00300"), port, "127.0.0.1");
    // An answer without content has arrived, too; one that no datagram can hold is lost, and nothing else.
    await expect.poll(() => got.length).toBe(6);
    const from = " from 127.0.0.1".length;
    expect(got.map((one) => one.length - from).toSorted((a, b) => a - b)).toEqual([0, 100, 200, 300, 5000, 65_507]);
    expect(lengths).toEqual([0, 5, 5, 5, 5, 5, 65_507]);
  });

  it("goes on when clients have gone", async () => {
    const { port } = await start({ batches });
    const gone = createSocket("udp4");
    await flood(gone, 50, port, () => "hello");
    gone.close();
    const { socket, got } = await client();
    await flood(socket, 50, port, () => "still");
    await expect.poll(() => got.length).toBe(50);
  });

  it("answers what the kernel holds before it closes, and closes when an answer wants it", async () => {
    const { port, listener } = await start({ batches });
    const { socket, got } = await client();
    await flood(socket, 200, port, (n) => `${n}`);
    await listener.close();
    await expect.poll(() => got.length).toBe(200);

    let isEnding = false;
    const answer: DnsListenerOptions["answer"] = () => {
      if (!isEnding) void ending.listener.close(0);
      isEnding = true;
      return Buffer.from("bye");
    };
    const ending = await start({ batches, answer, addresses: ["127.0.0.1", "127.0.0.2"] });
    await flood(socket, 50, ending.port, () => "x");
    // Both ports are free at once.
    await expect
      .poll(() =>
        start({ batches, addresses: ["127.0.0.1", "127.0.0.2"], port: ending.port }).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  it("gives everything else a turn under a flood", async () => {
    let inThisTurn = 0;
    let most = 0;
    let all = 0;
    const answer: DnsListenerOptions["answer"] = () => {
      all++;
      most = Math.max(most, ++inThisTurn);
      return undefined;
    };
    const { port } = await start({ batches, answer });
    const { socket } = await client();
    const count = 2000;
    let isOver = false;
    cleanups.push(() => (isOver = true));
    const turn = () => {
      inThisTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    turn();
    // More than a socket's usual memory holds may be lost; what arrives is what counts.
    await flood(socket, count, port, (n) => `${n}`);
    await expect.poll(() => all).toBeGreaterThan(500);
    expect(most).toBeLessThan(300);
  });

  it("says what is in its way", async () => {
    const { port } = await start({ batches });
    const answer = () => undefined;
    for (const [addresses, at, code] of [
      [["127.0.0.1"], port, "AddressInUse"],
      [["192.0.2.1"], 0, "AddressNotAvailable"],
    ] as const) {
      for (const synchronous of [false, true]) {
        const { ready } = listenDns({ addresses, port: at, answer, synchronous, batches });
        await expect(ready).rejects.toSatisfy((error) => hasCode(error, code));
      }
    }
  });

  it("shares its port with nobody", async () => {
    const { port } = await start({ batches });
    const other = createSocket({ type: "udp4", reuseAddr: true });
    cleanups.push(() => other.close());
    other.bind(port, "127.0.0.1");
    const [error] = (await once(other, "error")) as [Error];
    expect(error.message).toContain("EADDRINUSE");
  });
});
