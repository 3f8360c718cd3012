import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import { applyLinkSteps, createNamespace, inNamespace, openRelaySockets, removeNamespace } from "./index.ts";
import type { RelaySockets } from "./index.ts";

let folder: string;
let namespace: string;
let sockets: RelaySockets;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-relay-sockets-"));
  namespace = join(folder, "node");
  createNamespace(namespace, () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
  sockets = openRelaySockets({ namespace });
});
afterEach(() => {
  sockets.close();
  removeNamespace(namespace);
  rmSync(folder, { recursive: true });
});

function inNode(...[program = "", ...args]: readonly string[]): void {
  inNamespace(namespace, () => execFileSync(program, args));
}

describe("openRelaySockets()", () => {
  it("listens at loopback when the node has nothing else, or else at the link with the default route", () => {
    expect([sockets.address("IPv4"), sockets.address("IPv6")]).toEqual(["127.0.0.1", "::1"]);
    inNode("ip", "link", "add", "first", "type", "bridge");
    inNode("ip", "link", "add", "second", "type", "bridge");
    inNode("ip", "address", "add", "169.254.7.7/16", "dev", "first");
    inNode("ip", "link", "set", "first", "up");
    inNode("ip", "link", "set", "second", "up");
    expect(sockets.address("IPv4")).toBe("127.0.0.1");
    inNode("ip", "address", "add", "10.1.0.1/24", "dev", "first");
    inNode("ip", "address", "add", "10.2.0.1/24", "dev", "second");
    inNode("ip", "-6", "address", "add", "fd00:2::1/64", "dev", "second", "nodad");
    expect([sockets.address("IPv4"), sockets.address("IPv6")]).toEqual(["10.1.0.1", "fd00:2::1"]);
    inNode("ip", "route", "add", "default", "via", "10.2.0.2");
    expect(sockets.address("IPv4")).toBe("10.2.0.1");
  });

  it("knows which addresses the node has, and says which cannot be bound", () => {
    expect(sockets.hasAddress(ip("127.0.0.1"))).toBe(true);
    expect(sockets.hasAddress(ip("::1"))).toBe(true);
    expect(sockets.hasAddress(ip("192.0.2.1"))).toBe(false);
    expect(() => sockets.bind("TCP", ip("192.0.2.1"), 80)).toThrow(
      /^listen at 192.0.2.1 port 80 \(TCP\): .*\(EADDRNOTAVAIL\)$/,
    );
  });

  it.each([
    { family: "IPv4", table: "ip", loopback: "127.0.0.1", vip: "127.9.9.9", udp: "udp4" },
    { family: "IPv6", table: "ip6", loopback: "::1", vip: "fd00:99::9", udp: "udp6" },
  ] as const)(
    "finds where redirected clients meant to go, in $family",
    async ({ family, table, loopback, vip, udp }) => {
      inNode("ip", "-6", "address", "add", "fd00:99::8/64", "dev", "lo", "nodad");
      const fd = { TCP: sockets.bind("TCP", ip(loopback), 0), UDP: sockets.bind("UDP", ip(loopback), 0) };
      const server = createServer();
      server.listen({ fd: fd.TCP });
      await once(server, "listening");
      const datagrams = createSocket(udp).bind({ fd: fd.UDP });
      const address = server.address();
      const tcpPort = typeof address === "object" && address !== null ? address.port : 0;
      const udpPort = datagrams.address().port;
      const target = family === "IPv4" ? loopback : `[${loopback}]`;
      inNode("nft", `add table ${table} t; add chain ${table} t o { type nat hook output priority -100; }`);
      inNode("nft", `add rule ${table} t o ${table} daddr ${vip} tcp dport 80 dnat to ${target}:${tcpPort}`);
      inNode("nft", `add rule ${table} t o ${table} daddr ${vip} udp dport 53 dnat to ${target}:${udpPort}`);
      const number = family === "IPv4" ? 4 : 6;
      const lookup = (host: string, _options: unknown, found: (error: null, at: string, kind: number) => void) =>
        found(null, host, number);
      const dial = (host: string, port: number) =>
        inNamespace(namespace, () =>
          connect({
            host: "there",
            port,
            family: number,
            autoSelectFamily: false,
            lookup: (_host, _options, found) => found(null, host, number),
          }),
        );

      const client = dial(vip, 80);
      const [accepted] = (await once(server, "connection")) as [typeof client];
      const local = ip(loopback);
      const arrived = { family, client: ip(accepted.remoteAddress ?? ""), clientPort: accepted.remotePort ?? 0, local };
      expect(sockets.originalFlow({ ...arrived, protocol: "TCP", localPort: tcpPort })).toEqual({
        client: arrived.client,
        clientPort: client.localPort,
        destination: vip,
        port: 80,
      });

      const straight = dial(loopback, tcpPort);
      const [direct] = (await once(server, "connection")) as [typeof client];
      const came = {
        family,
        client: ip(direct.remoteAddress ?? ""),
        clientPort: direct.remotePort ?? 0,
        local,
      } as const;
      expect(sockets.originalFlow({ ...came, protocol: "TCP", localPort: tcpPort })).toBeUndefined();
      expect(sockets.originalFlow({ ...came, clientPort: 1, protocol: "TCP", localPort: tcpPort })).toBeUndefined();

      const asker = inNamespace(namespace, () => createSocket({ type: udp, lookup }).bind(0));
      asker.send("who", 53, vip);
      const [, from] = (await once(datagrams, "message")) as [
        Buffer,
        { readonly address: string; readonly port: number },
      ];
      const sent = { family, client: ip(from.address), clientPort: from.port, local } as const;
      expect(sockets.originalFlow({ ...sent, protocol: "UDP", localPort: udpPort })).toMatchObject({
        destination: vip,
        port: 53,
      });
      for (const socket of [client, accepted, straight, direct]) socket.destroy();
      server.close();
      datagrams.close();
      asker.close();
    },
  );

  it("finds nothing after its end", () => {
    sockets.close();
    const received = {
      family: "IPv4",
      client: ip("127.0.0.1"),
      clientPort: 1,
      local: ip("127.0.0.1"),
      localPort: 2,
    } as const;
    expect(sockets.originalFlow({ ...received, protocol: "TCP" })).toBeUndefined();
  });
});
