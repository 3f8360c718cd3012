import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createServer as createTlsServer } from "node:tls";
import { createIdentity } from "../../src/apiserver/index.ts";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatRecord,
  queryMessage,
  recordTypes,
  responseCodeName,
} from "../../src/codec/index.ts";
import type { Message } from "../../src/codec/index.ts";
import { ip } from "../../src/core/index.ts";
import { MemoryCache, createClusterDns, createStaticZone } from "../../src/dns/index.ts";
import type { Answer, ClusterDns, ClusterDnsOptions, Upstream } from "../../src/dns/index.ts";
import { runProgram } from "../../src/kernel/index.ts";
import { dnsDialer, listenDns, secureRandom, systemClock } from "../../src/net/index.ts";
import type { DnsDialer } from "../../src/net/index.ts";
import type { EndpointSlice, Service } from "../../src/objects/index.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const host = ip("127.0.0.1");

/** A forwarding server on real sockets. */
async function forwarding(
  upstreams: readonly Upstream[],
  options: Pick<ClusterDnsOptions, "forward" | "cache"> = {},
): Promise<{ readonly dns: ClusterDns; readonly port: number; readonly dialer: DnsDialer }> {
  const dialer = dnsDialer();
  const dns = createClusterDns({
    caches: { services: new MemoryCache<Service>(), endpointSlices: new MemoryCache<EndpointSlice>() },
    upstreams,
    dial: dialer,
    clock: systemClock,
    random: secureRandom(),
    forward: { policy: "sequential", ...options.forward },
    ...(options.cache === undefined ? {} : { cache: options.cache }),
  });
  const port = await listen(dns.answer);
  cleanups.push(() => {
    dns.stop();
    dialer.close();
  });
  return { dns, port, dialer };
}

async function listen(answer: Answer): Promise<number> {
  const listener = listenDns({ addresses: [host], port: 0, answer });
  cleanups.push(() => listener.close(0));
  return listener.ready;
}

const zoneOptions = { clock: systemClock, random: Math.random, ttl: 60 } as const;

/** A good server of a few names that takes `delayMs` for every answer. */
async function staticServer(names: Readonly<Record<string, readonly string[]>>, delayMs = 0): Promise<Upstream> {
  const zone = createStaticZone(names, zoneOptions);
  const slow: Answer = async (...query) => {
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    return zone.answer(...query);
  };
  return { address: host, port: await listen(delayMs === 0 ? zone.answer : slow) };
}

/** A UDP server that does as it likes. */
async function udpServer(answer: (query: Message, send: (fields: Partial<Message>) => void, raw: RawAnswer) => void) {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const query = decodeMessage(bytes);
    if (query.kind === "malformed") return;
    const send = (fields: Partial<Message>) =>
      socket.send(encodeMessage({ ...query, response: true, ...fields }), from.port, from.address);
    answer(query, send, { socket, from });
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, host, resolve);
  });
  cleanups.push(() => socket.close());
  return { address: host, port: socket.address().port };
}

interface RawAnswer {
  readonly socket: Socket;
  readonly from: RemoteInfo;
}

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Asks a server in this process: the response code, then the records of the answer. */
async function ask(dns: ClusterDns, name: string, type: keyof typeof recordTypes = "A"): Promise<readonly string[]> {
  const query = queryMessage(7, { name: dnsName(name), type: recordTypes[type], class: 1 });
  const bytes = await dns.answer(encodeMessage(query), "tcp");
  const message = decodeMessage(bytes ?? new Uint8Array());
  if (message.kind === "malformed") throw new Error(message.reason);
  return [responseCodeName(message.rcode), ...message.answers.map((record) => formatRecord(record)).sort()];
}

const address = (last: number) => ({
  name: dnsName("a.example.com"),
  type: recordTypes.A,
  class: 1,
  ttl: 60,
  rdata: Uint8Array.of(192, 0, 2, last),
});

describe("forwarding to dnsmasq", () => {
  const start = async () => {
    const port = await closedPort();
    const many = Array.from({ length: 100 }, (_, i) => `--host-record=many.example.com,10.9.0.${i + 1}`);
    const server = spawn(
      "dnsmasq",
      [
        "--keep-in-foreground --no-resolv --no-hosts --bind-interfaces --listen-address=127.0.0.1 --user= --local-ttl=300 --cache-size=0",
        "--host-record=web.example.com,192.0.2.10,2001:db8::10 --cname=www.example.com,web.example.com",
        "--local=/example.com/ --pid-file= --conf-file=/dev/null --edns-packet-max=4096",
      ]
        .flatMap((line) => line.split(" "))
        .concat("--txt-record=text.example.com,hello world", `--port=${port}`, ...many),
      // Its own process group, because it has a process for each TCP connection.
      { stdio: "ignore", detached: true },
    );
    const gone = once(server, "exit");
    let isRunning = true;
    const kill = async () => {
      if (isRunning && server.pid !== undefined) process.kill(-server.pid, "SIGKILL");
      isRunning = false;
      await gone;
    };
    cleanups.push(kill);
    await expect
      .poll(() =>
        runProgram(["dig", "@127.0.0.1", "-p", `${port}`, "+short", "+tries=1", "+time=1", "web.example.com"]).catch(
          () => "",
        ),
      )
      .toContain("192.0.2.10");
    return { upstream: { address: host, port }, kill };
  };

  /** What dig shows, without what is different for every server: TTLs, order, timing. */
  const dig = async (port: number, ...args: readonly string[]) => {
    const output = await runProgram([
      "dig",
      "@127.0.0.1",
      "-p",
      `${port}`,
      "+tries=1",
      "+time=3",
      "+noall",
      "+answer",
      "+comments",
      ...args,
    ]);
    const records = output.split("\n").filter((line) => /^[^;]/.test(line));
    const status = /status: (\w+)/.exec(output)?.[1];
    return [status, ...records.map((line) => line.replace(/\s+\d+\s+IN\s+/, " IN ").replaceAll(/\s+/g, " ")).sort()];
  };

  it("says what dnsmasq says, over UDP and TCP, for every kind of answer", async () => {
    const { upstream } = await start();
    const { dns, port } = await forwarding([upstream]);
    const questions = [
      ["web.example.com"],
      ["web.example.com", "AAAA"],
      ["www.example.com"],
      ["www.example.com", "CNAME"],
      ["text.example.com", "TXT"],
      ["web.example.com", "MX"],
      ["nothing.example.com"],
      ["many.example.com"],
      ["-x", "192.0.2.10"],
    ];
    for (const question of questions) {
      for (const flags of [[], ["+tcp"], ["+bufsize=4096"], ["+dnssec"]]) {
        const shown = await dig(port, ...question, ...flags);
        expect(shown).toEqual(await dig(upstream.port, "+tcp", ...question));
        expect(shown[0]).toMatch(/^(NOERROR|NXDOMAIN)$/);
      }
    }
    expect(await dig(port, "many.example.com")).toHaveLength(101);
    const { cache, forward } = dns.stats();
    expect(cache.hits.positive).toBeGreaterThan(10);
    expect(forward).toMatchObject({ unanswered: 0, upstreams: [{ state: "healthy", failures: 0 }] });
  });

  it("goes on with what it knows when dnsmasq dies, and asks again when it is back", async () => {
    const { upstream, kill } = await start();
    const stale = { recheckSeconds: 1, ttlSeconds: 3 };
    const forward = { totalTimeoutMs: 500, protocol: "prefer_udp" } as const;
    const { dns } = await forwarding([upstream], {
      forward,
      cache: { positive: { maxSeconds: 1, minSeconds: 1 }, stale },
    });
    expect(await ask(dns, "web.example.com")).toEqual(["NOERROR", "web.example.com. 1 IN A 192.0.2.10"]);
    await kill();
    await expect
      .poll(() => ask(dns, "web.example.com"), { timeout: 5000 })
      .toEqual(["NOERROR", "web.example.com. 3 IN A 192.0.2.10"]);
    expect(await ask(dns, "www.example.com")).toEqual(["SERVFAIL"]);
    const revived = createStaticZone({ "web.example.com": ["192.0.2.99"] }, zoneOptions);
    const listener = listenDns({ addresses: [host], port: upstream.port, answer: revived.answer });
    cleanups.push(() => listener.close(0));
    await listener.ready;
    await expect
      .poll(() => ask(dns, "web.example.com"), { timeout: 5000 })
      .toEqual(["NOERROR", "web.example.com. 1 IN A 192.0.2.99"]);
  });
});

describe("forwarding to servers that fail", () => {
  it("takes the next one when nobody listens, and comes back when somebody does", async () => {
    const port = await closedPort();
    const good = await staticServer({ "a.example.com": ["192.0.2.2"] });
    const { dns } = await forwarding([{ address: host, port }, good], { forward: { healthCheck: { intervalMs: 20 } } });
    expect(await ask(dns, "a.example.com")).toEqual(["NOERROR", "a.example.com. 30 IN A 192.0.2.2"]);
    await expect.poll(() => dns.stats().forward.upstreams[0]?.state).toBe("down");
    const { queries } = dns.stats().forward.upstreams[0] ?? { queries: -1 };
    for (let i = 0; i < 20; i++) await ask(dns, `n${i}.example.com`);
    expect(dns.stats().forward.upstreams[0]?.queries).toBe(queries);
    const zone = createStaticZone({ "b.example.com": ["192.0.2.1"] }, zoneOptions);
    const listener = listenDns({ addresses: [host], port, answer: zone.answer });
    cleanups.push(() => listener.close(0));
    await listener.ready;
    await expect.poll(() => dns.stats().forward.upstreams[0]?.state).toBe("healthy");
    expect(await ask(dns, "b.example.com")).toEqual(["NOERROR", "b.example.com. 30 IN A 192.0.2.1"]);
  });

  it("takes the next one when the first is silent, and does not wait for it again", async () => {
    const silent = await udpServer(() => undefined);
    const good = await staticServer({ "a.example.com": ["192.0.2.2"] });
    const { dns } = await forwarding([silent, good], { forward: { attemptTimeoutMs: 150, protocol: "prefer_udp" } });
    expect(await ask(dns, "a.example.com")).toEqual(["NOERROR", "a.example.com. 30 IN A 192.0.2.2"]);
    const started = performance.now();
    for (let i = 0; i < 10; i++) await ask(dns, `n${i}.example.com`);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(dns.stats().forward.upstreams[0]?.queries).toBe(1);
  });

  it("hedges: a slow server does not make its clients wait", async () => {
    const slow = await staticServer({}, 3000);
    const good = await staticServer({ "a.example.com": ["192.0.2.2"] });
    const { dns } = await forwarding([slow, good], {
      forward: { hedgeMs: 50, protocol: "prefer_udp" },
    });
    const started = performance.now();
    expect(await ask(dns, "a.example.com")).toEqual(["NOERROR", "a.example.com. 30 IN A 192.0.2.2"]);
    expect(performance.now() - started).toBeLessThan(1500);
  });

  it("hears the truth between lies", async () => {
    const liar = await udpServer((query, send, { socket, from }) => {
      send({ id: query.id ^ 1, answers: [address(66)] });
      send({ questions: [{ name: dnsName("b.example.com"), type: 1, class: 1 }], answers: [address(66)] });
      send({ questions: [{ name: dnsName("a.example.com"), type: 28, class: 1 }], answers: [address(66)] });
      send({ response: false, answers: [address(66)] });
      socket.send(Buffer.of(1), from.port, from.address);
      socket.send(Buffer.alloc(600, 0xc0), from.port, from.address);
      send({ answers: [address(1)] });
    });
    const { dns } = await forwarding([liar], { forward: { protocol: "prefer_udp" } });
    expect(await ask(dns, "a.example.com")).toEqual(["NOERROR", "a.example.com. 30 IN A 192.0.2.1"]);
  });

  it("believes nobody when there are only lies", async () => {
    const liar = await udpServer((query, send) => {
      for (let i = 1; i < 50; i++) send({ id: (query.id + i) & 0xffff, answers: [address(66)] });
    });
    const { dns, dialer } = await forwarding([liar], { forward: { attemptTimeoutMs: 200, protocol: "prefer_udp" } });
    expect(await ask(dns, "a.example.com")).toEqual(["SERVFAIL"]);
    expect(dns.stats().forward.unanswered).toBe(1);
    dns.stop();
    expect(dialer.stats().udpSockets).toBe(0);
  });

  it("takes the next one when a connection ends within an answer", async () => {
    const rude = createServer((socket) => {
      socket.on("data", () => socket.end(Buffer.of(0, 200, 1, 2, 3)));
      socket.on("error", () => undefined);
    });
    rude.listen(0, host);
    cleanups.push(() => rude.close());
    await once(rude, "listening");
    const first = { address: host, port: (rude.address() as AddressInfo).port };
    const good = await staticServer({ "a.example.com": ["192.0.2.2"] });
    const { dns } = await forwarding([first, good], { forward: { protocol: "force_tcp" } });
    expect(await ask(dns, "a.example.com")).toEqual(["NOERROR", "a.example.com. 30 IN A 192.0.2.2"]);
    expect(dns.stats().forward.upstreams[0]?.failures).toBe(1);
  });

  it("asks over TLS, and takes the next one when the name in the certificate is wrong", async () => {
    const identity = createIdentity(Date.now(), ["dns.example"]);
    const zone = createStaticZone({ "a.example.com": ["192.0.2.3"] }, zoneOptions);
    const server = createTlsServer({ key: identity.keyPem, cert: identity.certificatePem });
    server.on("secureConnection", (socket) => {
      socket.on("data", (chunk: Buffer) => {
        void Promise.resolve(zone.answer(chunk.subarray(2), "tcp")).then((answer) => {
          if (answer !== undefined)
            socket.write(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 255), answer]));
        });
      });
      socket.on("error", () => undefined);
    });
    server.listen(0, host);
    cleanups.push(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const ca = identity.caPem;
    const { dns } = await forwarding([
      { address: host, port, tls: { serverName: "other.example", ca } },
      { address: host, port, tls: { serverName: "dns.example", ca } },
    ]);
    expect(await ask(dns, "a.example.com")).toEqual(["NOERROR", "a.example.com. 30 IN A 192.0.2.3"]);
    expect(dns.stats().forward.upstreams).toMatchObject([{ failures: 1 }, { failures: 0, answers: { NOERROR: 1 } }]);
  });
});

describe("forwarding much", () => {
  it("answers thousands of names with bounded memory and sockets, and leaves none open", async () => {
    const limit = 256 * 1024;
    const upstream = await udpServer((query, send) => {
      const [question] = query.questions;
      if (question !== undefined) send({ answers: [{ ...address(1), name: question.name }] });
    });
    const { dns, dialer } = await forwarding([upstream], {
      forward: { protocol: "prefer_udp" },
      cache: { positive: { bytes: limit } },
    });
    let most = 0;
    let sockets = 0;
    let next = 0;
    const client = async () => {
      while (next < 3000) {
        const name = `n${next++}.example.com`;
        expect(await ask(dns, name)).toEqual(["NOERROR", expect.stringContaining(`${name}. `)]);
        most = Math.max(most, dns.stats().cache.bytes.positive);
        sockets = Math.max(sockets, dialer.stats().udpSockets);
      }
    };
    await Promise.all(Array.from({ length: 50 }, client));
    expect(most).toBeLessThanOrEqual(limit);
    expect(most).toBeGreaterThan(limit / 2);
    expect(sockets).toBeLessThanOrEqual(50);
    expect(dialer.stats().udpSockets).toBe(0);
    expect(dns.stats().forward).toMatchObject({ asked: 3000, unanswered: 0, inFlight: 0 });
  });

  it("refuses what is over its limit, and asks once for many clients", async () => {
    const held: (() => void)[] = [];
    const upstream = await udpServer((_query, send) => void held.push(() => send({ answers: [] })));
    const { dns } = await forwarding([upstream], { forward: { protocol: "prefer_udp", maxConcurrent: 10 } });
    const same = Array.from({ length: 200 }, () => ask(dns, "a.example.com"));
    const others = Array.from({ length: 20 }, (_, i) => ask(dns, `n${i}.example.com`));
    await expect.poll(() => held.length).toBe(10);
    for (const release of held) release();
    expect(new Set((await Promise.all(same)).flat())).toEqual(new Set(["NOERROR"]));
    const codes = (await Promise.all(others)).map(([code]) => code);
    expect(codes.filter((code) => code === "REFUSED")).toHaveLength(11);
    expect(dns.stats().forward.rejected).toBe(11);
  });
});
